#include "parsers/log_format.h"

#include "parsers/scan.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The first quote that no backslash escapes: it opens the request. (A user's name can hold only
/// escaped ones, so nobody can write a time or a request of their own before it.)
const char* find_opening_quote(const char* p, const char* end) {
  while ((p = find_special(p, end)) < end) {
    if (*p == '"') return p;
    p += *p == '\\' && end - p > 1 ? 2 : 1;
  }
  return end;
}

/// `p` at ` status bytes`; moves it behind them. Apache writes `-` for no bytes.
bool skip_status_and_bytes(const char** p, const char* end) {
  const char* at = *p;
  if (end - at < 6 || at[0] != ' ' || at[4] != ' ') return false;
  if (!is_digit(at[1]) || !is_digit(at[2]) || !is_digit(at[3])) return false;
  at += 5;
  if (*at == '-') {
    ++at;
  } else {
    if (!is_digit(*at)) return false;
    while (at < end && is_digit(*at)) ++at;
  }
  *p = at;
  return true;
}

/// `p` at ` "text"`; moves it behind the closing quote.
bool skip_quoted(const char** p, const char* end) {
  if (end - *p < 3 || (*p)[0] != ' ' || (*p)[1] != '"') return false;
  const QuotedString quoted = scan_quoted(*p + 2, end);
  if (quoted.end == nullptr) return false;
  *p = quoted.end + 1;
  return true;
}

}  // namespace

LogFormatParser::LogFormatParser(Preset preset, const ParserOptions& options)
    : preset_(preset),
      names_({}, options.client_id, FieldNames::Shape::kFlat),
      request_(names_.find("request")),
      rules_(options) {}

ParseResult LogFormatParser::parse(std::string_view line) {
  ParseResult result;
  Fields fields;
  const bool good = read_line(line, &fields);
  if (const std::optional<int64_t> ms = parse_clf_time(fields.time)) {
    result.has_time = true;
    result.seen_at_ms = *ms;
  }
  if (!good) return result;
  fields_.clear();
  fields_.set(*request_, FieldValue::Kind::kText, fields.request);
  rules_.find_id(fields_, &result);
  return result;
}

bool LogFormatParser::read_line(std::string_view line, Fields* fields) const {
  const char* const begin = line.data();
  const char* const end = begin + line.size();
  const char* const quote = find_opening_quote(begin, end);
  if (quote == end || quote - begin < 2 || quote[-1] != ' ' || quote[-2] != ']') return false;
  const std::string_view before(begin, quote - 2);
  const size_t bracket = before.rfind('[');
  if (bracket == before.npos || bracket < 2 || before[bracket - 1] != ' ') return false;
  fields->time = before.substr(bracket + 1);

  const QuotedString request = scan_quoted(quote + 1, end);
  if (request.end == nullptr) return false;
  fields->request = {{quote + 1, request.end}, request.escaped, request.other_escapes};
  const char* p = request.end + 1;
  if (!skip_status_and_bytes(&p, end)) return false;
  if (preset_ == Preset::kCombined && (!skip_quoted(&p, end) || !skip_quoted(&p, end)))
    return false;
  return p == end || *p == ' ';
}

}  // namespace lastseen
