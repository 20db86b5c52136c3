#include "parse_explain.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/time_text.h"
#include "control/printable.h"
#include "parsers/utf8.h"

namespace lastseen {
namespace {

constexpr size_t kRowBytes = 96;
constexpr size_t kLabelWidth = 24;
constexpr size_t kValueBytesMax = 120;  // of a value that is shown beside its range
constexpr char kNoMark = ' ';

/// Where a text lies in the line; `size` 0: it is no part of it.
struct Range {
  size_t begin = 0;
  size_t size = 0;
};

Range range_of(std::string_view text, std::string_view line) {
  const std::less_equal<const char*> before;
  const bool within = !text.empty() && before(line.data(), text.data()) &&
                      before(text.data() + text.size(), line.data() + line.size());
  if (!within) return {};
  return {static_cast<size_t>(text.data() - line.data()), text.size()};
}

std::string bytes_of(const Range& range) {
  if (range.size == 0) return "";
  return "bytes " + std::to_string(range.begin) + "-" +
         std::to_string(range.begin + range.size - 1);
}

std::string shortened(std::string_view text) {
  if (text.size() <= kValueBytesMax) return printable(text);
  return printable(text.substr(0, kValueBytesMax)) + "…";
}

void add_item(std::string_view label, const std::string& text, std::string* out) {
  out->append("  ").append(label);
  out->append(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ');
  out->append(text).push_back('\n');
}

/// One letter a byte of the line, and which bytes begin or end something.
class Marks {
 public:
  explicit Marks(std::string_view line) : line_(line), marks_(line.size(), kNoMark) {}

  void add(const Range& range, char mark) {
    if (range.size == 0) return;
    std::fill_n(marks_.begin() + static_cast<ptrdiff_t>(range.begin), range.size, mark);
    edges_.push_back(range.begin);
    edges_.push_back(range.begin + range.size - 1);
  }

  /// Rows of the line with their marks below.
  std::string rows() {
    std::sort(edges_.begin(), edges_.end());
    std::string out;
    bool left_out = false;
    for (size_t begin = 0; begin < line_.size();) {
      const size_t end = end_of_row(begin);
      const auto edge = std::lower_bound(edges_.begin(), edges_.end(), begin);
      const bool shown = begin == 0 || (edge != edges_.end() && *edge < end);
      if (shown) {
        add_row(begin, end, &out);
      } else if (!left_out) {
        out += "         …\n";
      }
      left_out = !shown;
      begin = end;
    }
    return out;
  }

 private:
  /// Bytes of the code point at `at`, 1 for what is none.
  size_t cell_size(size_t at) const {
    if (static_cast<unsigned char>(line_[at]) < 0x80) return 1;
    for (size_t size = 2; size <= 4 && at + size <= line_.size(); ++size) {
      if (count_code_points(line_.substr(at, size)) == 1U) return size;
    }
    return 1;
  }

  size_t end_of_row(size_t begin) const {
    size_t end = begin;
    while (end < line_.size() && end - begin < kRowBytes) end += cell_size(end);
    return end;
  }

  void add_row(size_t begin, size_t end, std::string* out) const {
    std::string number = std::to_string(begin);
    number.insert(0, number.size() < 7 ? 7 - number.size() : 0, ' ');
    out->append(number).append("  ");
    std::string below(number.size() + 2, ' ');
    for (size_t at = begin; at < end;) {
      const size_t size = cell_size(at);
      const std::string cell = printable(line_.substr(at, size));
      // What would be written as an escape takes one column too.
      out->append(cell.size() == size ? cell : ".");
      below.push_back(marks_[at]);
      at += size;
    }
    out->push_back('\n');
    while (below.ends_with(' ')) below.pop_back();
    if (!below.empty()) out->append(below).push_back('\n');
  }

  const std::string_view line_;
  std::string marks_;
  std::vector<size_t> edges_;
};

std::string_view words_for(SkipReason reason) {
  switch (reason) {
    case SkipReason::kNoClientId:
      return "no place that was asked names a client";
    case SkipReason::kTooLong:
      return "the id has more than client_id.length_max characters";
    case SkipReason::kInvalidUtf8:
      return "the id is not UTF-8, or holds a NUL";
    case SkipReason::kMalformed:
      return "the line is not of the format";
    case SkipReason::kNoTime:
      return "the line holds no readable time";
    case SkipReason::kLineTooLong:
      return "the line is longer than line_bytes_max";
    case SkipReason::kTruncated:
      return "the value is cut off, and half an id is no id";
    case SkipReason::kNotAllowed:
      return "the configuration does not allow it";
  }
  return {};
}

}  // namespace

std::string explain_line(uint64_t number, std::string_view line, const ParseResult& parsed,
                         const Explanation& explanation) {
  std::string out = "line " + std::to_string(number) + ": ";
  if (parsed.sighted) {
    out += "client_id '" + printable(parsed.client_id) + "', seen " +
           (parsed.has_time ? format_utc_ms(parsed.seen_at_ms) : "on arrival");
  } else {
    out.append("skipped, ").append(name_of(parsed.skip)).append(": ");
    out.append(words_for(parsed.skip));
  }
  out += '\n';
  add_item("parser", explanation.parser, &out);
  Marks marks(line);
  for (const Explanation::Asked& asked : explanation.asked) {
    const Range range = range_of(asked.value, line);
    std::string text = asked.answer;
    if (!asked.field.empty()) text += "; field " + printable(asked.field);
    if (range.size != 0) {
      text += (asked.field.empty() ? "; " : ", ") + bytes_of(range) + ": " + shortened(asked.value);
    }
    add_item(asked.question, text, &out);
    marks.add(range, asked.question == "time" ? 't' : '~');
  }
  if (!explanation.id.empty()) {
    const Range range = range_of(explanation.id, line);
    add_item("id",
             (range.size == 0 ? "decoded from what the line holds" : bytes_of(range)) + ": " +
                 shortened(explanation.id),
             &out);
    marks.add(range, '^');
  }
  if (!explanation.note.empty()) add_item("note", explanation.note, &out);
  if (explanation.misfit) {
    const Range range = range_of(*explanation.misfit, line);
    add_item("does not fit",
             range.size == 0 ? "the line ends too early"
                             : "from byte " + std::to_string(range.begin) + " on",
             &out);
    marks.add({range.begin, range.size == 0 ? 0U : 1U}, '!');
  }
  return out + marks.rows() + '\n';
}

}  // namespace lastseen
