#include "parsers/logfmt.h"

#include "parsers/scan.h"

namespace lastseen {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

const char* find_blank(const char* p, const char* end) {
  return find_either(p, end, ' ', '\t');
}

/// The `=`, blank or end behind a key; null at a byte that no key has.
const char* find_key_end(const char* p, const char* end) {
  while (p < end && *p != '=' && !is_blank(*p)) {
    if (is_special(*p)) return nullptr;
    ++p;
  }
  return p;
}

}  // namespace

LogfmtParser::LogfmtParser(const ParserSettings& settings, const ParserOptions& options)
    : names_(settings, options.client_id, FieldNames::Shape::kFlat), rules_(options) {}

ParseResult LogfmtParser::parse(std::string_view line) {
  fields_.clear();
  ParseResult result;
  good_ = read_line(line);
  rules_.find_time(fields_, &result);
  if (good_) rules_.find_id(fields_, &result);
  return result;
}

void LogfmtParser::explain(Explanation* out) {
  out->parser = "logfmt";
  if (!good_) out->misfit = misfit_;
  rules_.explain(
      fields_, good_, [this](uint8_t slot, uint8_t rank) { return names_.name_of(slot, rank); },
      out);
}

bool LogfmtParser::read_line(std::string_view line) {
  const char* p = line.data();
  const char* const end = p + line.size();
  bool any = false;
  for (size_t index = 0;; ++index) {
    while (p < end && is_blank(*p)) ++p;
    misfit_ = {p, end};
    if (p == end) return any;
    FieldNames::Known known;
    if (const char* const behind = shape_.recall(index, 0, p, end, &known)) {
      p = behind;
    } else {
      const char* const key = p;
      p = find_key_end(p, end);
      if (p == nullptr || p == key) return false;
      if (p == end || *p != '=') continue;
      known = names_.find(0, {key, p});
      shape_.remember(index, 0, key, ++p, known);
    }
    any = true;
    LoggedText text;
    if (p < end && *p == '"') {
      const QuotedString quoted = scan_quoted(p + 1, end);
      if (quoted.end == nullptr) return false;
      text = {{p + 1, quoted.end}, quoted.escaped, quoted.other_escapes};
      p = quoted.end + 1;
      if (p < end && !is_blank(*p)) return false;
    } else {
      const char* const value = p;
      p = find_blank(p, end);
      text = {{value, p}, true, true};
    }
    if (known.value != nullptr) fields_.set(*known.value, FieldValue::Kind::kText, text);
  }
}

}  // namespace lastseen
