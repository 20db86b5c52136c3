#include "config/error_list.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace lastseen {
namespace {

/// Beyond this a list of errors is noise (usually the wrong file), and memory for excerpts.
constexpr size_t kErrorsMax = 100;
/// A longer line is shown in part, around the caret: a wrapped line would put the caret astray.
constexpr size_t kExcerptBytesMax = 160;
constexpr size_t kQuotedBytesMax = 64;

struct Span {
  size_t begin;
  size_t end;
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

size_t find_ignoring_case(std::string_view text, std::string_view word, size_t from) {
  auto same = [](char a, char b) { return lower(a) == b; };
  auto begin = text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size()));
  auto found = std::search(begin, text.end(), word.begin(), word.end(), same);
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

/// Where the value of `word` begins if `word` is used as a key here: `word=`, `"word": `.
size_t value_after_key(std::string_view text, size_t end_of_word, std::string_view separators) {
  size_t i = end_of_word;
  while (i < text.size() && (text[i] == '"' || text[i] == '\'' || text[i] == ' ')) ++i;
  if (i >= text.size() || separators.find(text[i]) == std::string_view::npos) return text.npos;
  ++i;
  while (i < text.size() && text[i] == ' ') ++i;
  return i;
}

/// user:PASSWORD@host in a URL, or after the key `url` in whatever was meant as one. The last
/// '@' of the line ends it, for a password may hold an '@' that nobody encoded.
void find_url_password(std::string_view text, std::vector<Span>& spans) {
  const size_t at = text.rfind('@');
  if (at == text.npos) return;
  size_t begin = text.find("://");
  if (begin != text.npos) {
    begin += 3;
  } else {
    const size_t key = find_ignoring_case(text, "url", 0);
    if (key == text.npos) return;
    begin = value_after_key(text, key + 3, ":");
  }
  const size_t colon = begin < at ? text.find(':', begin) : text.npos;
  if (colon != text.npos && colon < at) spans.push_back({colon + 1, at});
}

/// `password=…` of a keyword string or of a URL's query, and `password: …`, to the end of the
/// line: where a value with quotes in it ends is not worth a guess.
void find_keyword_password(std::string_view text, std::vector<Span>& spans) {
  for (std::string_view word : {"password", "passwd", "pwd"}) {
    for (size_t i = find_ignoring_case(text, word, 0); i != text.npos;
         i = find_ignoring_case(text, word, i + 1)) {
      const size_t begin = value_after_key(text, i + word.size(), "=:");
      if (begin != text.npos && begin < text.size()) {
        spans.push_back({begin, text.size()});
        return;
      }
    }
  }
}

/// Spans in order, not overlapping.
std::vector<Span> secret_spans(std::string_view text) {
  std::vector<Span> spans;
  find_url_password(text, spans);
  find_keyword_password(text, spans);
  if (spans.size() < 2) return spans;
  if (spans[1].begin <= spans[0].end) {
    return {{std::min(spans[0].begin, spans[1].begin), std::max(spans[0].end, spans[1].end)}};
  }
  return spans;
}

/// Replaces secrets; `mark` is moved so that it still points at the same character.
std::string masked(std::string_view text, size_t& mark) {
  std::string result;
  size_t copied = 0;
  const size_t old_mark = mark;
  for (const Span& span : secret_spans(text)) {
    result.append(text.substr(copied, span.begin - copied));
    if (old_mark >= span.end) {
      mark = mark + kMask.size() - (span.end - span.begin);
    } else if (old_mark > span.begin) {
      mark = result.size();
    }
    result.append(kMask);
    copied = span.end;
  }
  result.append(text.substr(copied));
  return result;
}

/// Same length, but nothing in it that a terminal would obey or choke on.
void make_printable(std::string& text) {
  const bool utf8 = valid_utf8_prefix(text) == text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool control = (c < 0x20 && c != '\t') || c == 0x7F;
    // U+0080 … U+009F are controls too (ECMA-48 C1).
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (control || (c >= 0x80 && !utf8)) text[i] = '?';
    if (utf8 && c1) text[i] = text[i + 1] = '?';
  }
}

/// Cuts a long line around `mark`, at whole characters.
std::string window(std::string text, size_t& mark) {
  if (text.size() <= kExcerptBytesMax) return text;
  constexpr std::string_view kCut = "...";
  size_t begin = mark > kExcerptBytesMax / 2 ? mark - kExcerptBytesMax / 2 : 0;
  begin = std::min(begin, text.size() - 1);
  while (begin > 0 && is_continuation(text[begin])) --begin;
  size_t end = std::min(begin + kExcerptBytesMax, text.size());
  while (end < text.size() && is_continuation(text[end])) ++end;
  std::string result = text.substr(begin, end - begin);
  if (end < text.size()) result += kCut;
  if (begin > 0) {
    result.insert(0, kCut);
    mark = mark - begin + kCut.size();
  }
  return result;
}

}  // namespace

ErrorList::ErrorList(std::string file, std::string_view text)
    : file_(std::move(file)), text_(text), line_starts_{0} {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
}

bool ErrorList::full() const {
  return errors_.size() >= kErrorsMax;
}

void ErrorList::add(Place place, std::string message, Excerpt excerpt) {
  if (full()) return;
  ConfigError error;
  error.file = file_;
  error.line = place.line;
  error.column = place.column;
  error.message = std::move(message);
  const bool in_text = place.line >= 1 && static_cast<size_t>(place.line) <= line_starts_.size();
  if (in_text && excerpt == Excerpt::kLine) {
    const size_t begin = line_starts_[static_cast<size_t>(place.line) - 1];
    std::string_view line = text_.substr(begin, text_.find('\n', begin) - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    size_t mark = place.column > 0 ? static_cast<size_t>(place.column) - 1 : 0;
    std::string shown = masked(line, mark);
    make_printable(shown);
    error.source_line = window(std::move(shown), mark);
    error.caret = place.column > 0 ? static_cast<int>(mark) + 1 : 0;
  }
  errors_.push_back(std::move(error));
}

std::vector<ConfigError> ErrorList::take() {
  auto key = [](const ConfigError& e) { return std::tie(e.line, e.column, e.message); };
  const bool was_full = full();
  std::stable_sort(errors_.begin(), errors_.end(), [&](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  // A node that an alias names twice is read twice.
  auto same = [&](const ConfigError& a, const ConfigError& b) { return key(a) == key(b); };
  errors_.erase(std::unique(errors_.begin(), errors_.end(), same), errors_.end());
  if (was_full) {
    ConfigError rest;
    rest.file = file_;
    rest.message = "more than " + std::to_string(kErrorsMax) + " errors; the rest is not shown";
    errors_.push_back(std::move(rest));
  }
  return std::move(errors_);
}

std::string ConfigError::to_string() const {
  std::string result = file;
  if (line > 0) result += ":" + std::to_string(line);
  if (line > 0 && column > 0) result += ":" + std::to_string(column);
  result += ": " + message;
  if (line == 0 || source_line.empty()) return result;
  result += "\n" + source_line;
  const int mark = caret > 0 ? caret : column;
  if (mark == 0) return result;
  result += "\n";
  // Tabs stay tabs, and a character of several bytes is one wide, so that the caret is below.
  for (size_t i = 0; i + 1 < static_cast<size_t>(mark); ++i) {
    if (i >= source_line.size()) break;
    if (!is_continuation(source_line[i])) result += source_line[i] == '\t' ? '\t' : ' ';
  }
  return result + "^";
}

std::string mask_secrets(std::string_view text) {
  size_t mark = 0;
  return masked(text, mark);
}

std::string quote(std::string_view text) {
  std::string shown = mask_secrets(text);
  make_printable(shown);
  std::replace(shown.begin(), shown.end(), '\t', '?');
  if (shown.size() > kQuotedBytesMax) {
    size_t end = kQuotedBytesMax;
    while (end > 0 && is_continuation(shown[end])) --end;
    shown.resize(end);
    shown += "...";
  }
  return "'" + shown + "'";
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    size_t length = 1;
    // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else if (lead >= 0x80) {
      return i;
    }
    if (text.size() - i < length) return i;
    for (size_t k = 1; k < length; ++k) {
      const auto c = static_cast<unsigned char>(text[i + k]);
      if (c < (k == 1 ? low : 0x80) || c > (k == 1 ? high : 0xBF)) return i;
    }
    i += length;
  }
  return i;
}

}  // namespace lastseen
