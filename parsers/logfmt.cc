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
    const LineShape::Joint* joint = shape_.recall(index, 0, p, end);
    if (joint == nullptr) joint = read_key(index, p, end);
    if (joint == nullptr) return false;
    p += joint->size;
    if (p[-1] != '=' && !joint->quoted) continue;  // a key alone
    any = true;
    LoggedText text;
    if (joint->quoted || (p < end && *p == '"')) {
      const QuotedString quoted = scan_quoted(joint->quoted ? p : ++p, end);
      if (quoted.end == nullptr) return false;
      text = {{p, quoted.end}, quoted.escaped, quoted.other_escapes};
      p = quoted.end + 1;
      if (p < end && !is_blank(*p)) return false;
    } else {
      const char* const value = p;
      p = find_blank(p, end);
      text = {{value, p}, true, true};
    }
    if (joint->known.value != nullptr) {
      fields_.set(*joint->known.value, FieldValue::Kind::kText, text);
    }
  }
}

/// `key=` or `key="`, the line's `index`th, or a key alone; null where none stands.
const LineShape::Joint* LogfmtParser::read_key(size_t index, const char* p, const char* end) {
  const char* const key = p;
  p = find_key_end(p, end);
  if (p == nullptr || p == key) return nullptr;
  joint_ = {};
  joint_.size = static_cast<size_t>(p - key);
  if (p == end || *p != '=') return &joint_;
  joint_.known = names_.find(0, {key, p});
  joint_.quoted = end - p > 1 && p[1] == '"';
  joint_.size += joint_.quoted ? 2 : 1;
  shape_.remember(index, 0, key, joint_);
  return &joint_;
}

}  // namespace lastseen
