#include "parsers/logfmt.h"

#include "parsers/scan.h"

namespace lastseen {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

const char* skip_blanks(const char* p, const char* end) {
  while (p < end && is_blank(*p)) ++p;
  return p;
}

/// The `=`, blank or end behind a key; null at a byte that no key has.
const char* find_key_end(const char* p, const char* end) {
  while (p < end && *p != '=' && !is_blank(*p)) {
    if (is_special(*p)) return nullptr;
    ++p;
  }
  return p;
}

/// A value from behind its opening quote, of which count_plain() has said `plain`; gives what
/// stands behind the closing one, or null.
const char* read_quoted(const char* p, size_t plain, const char* end, LoggedText* text) {
  const QuotedString quoted = scan_quoted_from(find_special_behind(p, plain, end), end);
  if (quoted.end == nullptr) return nullptr;
  *text = {{p, quoted.end}, quoted.escaped, quoted.other_escapes};
  return quoted.end + 1;
}

/// A value without quotes; gives what stands behind it.
const char* read_word(const char* p, const char* end, LoggedText* text) {
  const char* word_end = find_any(p, end, ' ', '\t', '\\');
  const bool escaped = word_end < end && *word_end == '\\';
  if (escaped) word_end = find_either(word_end, end, ' ', '\t');
  *text = {{p, word_end}, escaped, escaped};
  return word_end;
}

}  // namespace

LogfmtParser::LogfmtParser(const ParserSettings& settings, const ParserOptions& options)
    : PairsParser("logfmt", settings, options) {}

bool LogfmtParser::read_line(std::string_view line) {
  static_assert(LineWindow::kBytes > LineShape::kTextMax + 1 + kPlainMax);
  const char* const end = line.data() + line.size();
  const char* walker = window_.open(line.data(), end);
  for (LineShape::Place* place = shape_.first();;) {
    const LineJoint* joint = place->recall(0, walker);
    if (joint != nullptr) {
      ++place;
      walker += joint->size;
    } else {
      const char* const p = window_.place(walker);
      joint = read_joint(place, p, end);
      if (joint == nullptr) return misfit_.empty() && place != shape_.first();
      place = shape_.behind(place);
      walker = window_.at(p + joint->size);
    }
    const bool late = !joint->quoted && *walker == '"';  // no quote was there in the line before
    if (late) ++walker;
    const bool quoted = joint->quoted || late;
    const size_t size = quoted ? count_plain(walker) : count_word(walker);
    if (walker[size] == (quoted ? '"' : ' ')) {  // of nearly all values this is the end
      if (joint->value != nullptr)
        fields_.set(*joint->value, FieldValue::Kind::kText, {{window_.place(walker), size}});
      walker = window_.ahead(walker + size + (quoted ? 1 : 0));
      continue;
    }
    const char* const p = window_.place(walker);
    LoggedText text;
    const char* const behind = quoted ? read_quoted(p, size, end, &text) : read_word(p, end, &text);
    if (behind == nullptr) {
      misfit_ = {skip_blanks(p - (late ? 1 : 0) - joint->size, end), end};
      return false;
    }
    if (joint->value != nullptr) fields_.set(*joint->value, FieldValue::Kind::kText, text);
    walker = window_.at(behind);
  }
}

/// Blanks, keys alone, and ` key=` or ` key="`. Null, and the misfit is empty, where the line ends;
/// null where none stands.
const LineJoint* LogfmtParser::read_joint(LineShape::Place* place, const char* p, const char* end) {
  const char* const begin = p;
  misfit_ = {p, end};
  if (place != shape_.first() && p < end && !is_blank(*p))
    return nullptr;  // it touches a closing quote
  joint_ = {};
  const char* key = nullptr;
  do {
    key = skip_blanks(p, end);
    misfit_ = {key, end};
    if (key == end) return nullptr;
    p = find_key_end(key, end);
    if (p == nullptr || p == key) return nullptr;
  } while (p == end || *p != '=');
  joint_.set(names_.find(0, {key, p}));
  joint_.quoted = end - p > 1 && p[1] == '"';
  p += joint_.quoted ? 2 : 1;
  joint_.size = static_cast<uint32_t>(p - begin);
  shape_.remember(place, 0, begin, joint_);
  return &joint_;
}

}  // namespace lastseen
