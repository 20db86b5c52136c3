#include "parsers/syslog.h"

#include "parsers/scan.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

constexpr int kPriorityMax = 191;  // RFC 5424, section 6.2.1
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// `<PRI>`, at most three digits. Nothing is taken where it is not there.
bool skip_priority(std::string_view* text) {
  if (!text->starts_with('<')) return false;
  int priority = 0;
  size_t at = 1;
  while (at < text->size() && at <= 3 && is_digit((*text)[at])) {
    priority = priority * 10 + ((*text)[at++] - '0');
  }
  if (at == 1 || at == text->size() || (*text)[at] != '>' || priority > kPriorityMax) return false;
  text->remove_prefix(at + 1);
  return true;
}

/// Takes what stands before the next blank, and the blank. Empty when there is no blank, or
/// nothing before it.
std::string_view take_word(std::string_view* text) {
  const size_t space = text->find(' ');
  if (space == text->npos) return {};
  const std::string_view word = text->substr(0, space);
  text->remove_prefix(space + 1);
  return word;
}

/// `Nov  2 22:45:05 `.
bool skip_short_time(std::string_view* text) {
  constexpr std::string_view kShape = "Mmm dd hh:mm:ss ";
  if (text->size() < kShape.size() || month_of(text->substr(0, 3)) == 0) return false;
  for (size_t i = 3; i < kShape.size(); ++i) {
    const char c = (*text)[i];
    const bool is_text = kShape[i] == ' ' || kShape[i] == ':';
    const bool padding = i == 4 && c == ' ';
    if (is_text ? c != kShape[i] : !is_digit(c) && !padding) return false;
  }
  text->remove_prefix(kShape.size());
  return true;
}

/// `2026-11-22T04:45:33.632115+00:00 `.
bool skip_long_time(std::string_view* text) {
  std::string_view rest = *text;
  const std::string_view word = take_word(&rest);
  if (word.size() < 20 || word[4] != '-' || word[10] != 'T') return false;
  if (!parse_iso8601(word)) return false;
  *text = rest;
  return true;
}

/// `-`, or `[id name="value" …]` once or more; quotes, backslashes and brackets are escaped in
/// values.
bool skip_structured_data(std::string_view* text) {
  if (text->starts_with('-')) {
    text->remove_prefix(1);
    return true;
  }
  const char* p = text->data();
  const char* const end = p + text->size();
  if (p == end || *p != '[') return false;
  while (p < end && *p == '[') {
    ++p;
    while (p < end && *p != ']') {
      if (*p++ != '"') continue;
      const QuotedString value = scan_quoted(p, end);
      if (value.end == nullptr) return false;
      p = value.end + 1;
    }
    if (p == end) return false;
    ++p;
  }
  *text = {p, end};
  return true;
}

/// What follows `<PRI>1 `: time, host, application, process, message id, structured data.
std::optional<std::string_view> skip_rfc5424(std::string_view text) {
  constexpr int kWordsBefore = 4;
  if (text.starts_with("- ")) {
    text.remove_prefix(2);
  } else if (!skip_long_time(&text)) {
    return std::nullopt;
  }
  for (int i = 0; i < kWordsBefore; ++i) {
    if (take_word(&text).empty()) return std::nullopt;
  }
  if (!skip_structured_data(&text)) return std::nullopt;
  if (text.empty()) return text;
  if (!text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

/// What follows the time: `[HOST ]TAG[[PID]]: `.
std::optional<std::string_view> skip_tag(std::string_view text) {
  std::string_view word = take_word(&text);
  if (!word.ends_with(':')) word = take_word(&text);
  if (word.size() < 2 || !word.ends_with(':')) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string_view> skip_syslog_header(std::string_view line) {
  const bool has_priority = skip_priority(&line);
  if (has_priority && line.starts_with("1 ")) return skip_rfc5424(line.substr(2));
  if (!skip_short_time(&line) && !skip_long_time(&line)) return std::nullopt;
  return skip_tag(line);
}

ParseResult SyslogParser::parse(std::string_view line) {
  const std::optional<std::string_view> message = skip_syslog_header(line);
  line_ = line;
  has_header_ = message.has_value();
  return message ? inner_->parse(*message) : ParseResult{};
}

void SyslogParser::explain(Explanation* out) {
  if (has_header_) {
    inner_->explain(out);
    out->parser += ", behind a syslog header";
    return;
  }
  out->parser = "syslog: true";
  out->note = "there is no syslog header at the beginning";
  out->misfit = line_;
}

}  // namespace lastseen
