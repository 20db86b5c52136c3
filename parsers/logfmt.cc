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
  for (auto* place = shape_.first();; place = shape_.behind(place)) {
    const char* const pair = p;
    const LineJoint* joint = place->recall(0, p, end);
    if (joint == nullptr) joint = read_joint(place, p, end);
    if (joint == nullptr) return misfit_.empty() && place != shape_.first();
    p += joint->size;
    LoggedText text;
    if (joint->quoted || (p < end && *p == '"')) {
      const QuotedString quoted = scan_quoted(joint->quoted ? p : ++p, end);
      if (quoted.end == nullptr) {
        misfit_ = {skip_blanks(pair, end), end};
        return false;
      }
      text = {{p, quoted.end}, quoted.escaped, quoted.other_escapes};
      p = quoted.end + 1;
    } else {
      const char* const value = p;
      p = find_any(p, end, ' ', '\t', '\\');
      const bool escaped = p < end && *p == '\\';
      if (escaped) p = find_either(p, end, ' ', '\t');
      text = {{value, p}, escaped, escaped};
    }
    if (joint->value != nullptr) fields_.set(*joint->value, FieldValue::Kind::kText, text);
  }
}

/// Blanks, keys alone, and ` key=` or ` key="`. Null, and the misfit is
/// empty, where the line ends; null where none stands.
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
