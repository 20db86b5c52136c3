#include "parsers/json_line.h"

#include <array>
#include <cstring>
#include <optional>

#include "parsers/scan.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char* skip_blanks(const char* p, const char* end) {
  while (p < end && is_blank(*p)) ++p;
  return p;
}

/// The end of a bare value: numbers and words in JSON, and what logs write in their place.
const char* find_bare_end(const char* p, const char* end) {
  while (p < end && !is_special(*p) && *p != ',' && *p != '}' && *p != ']' && *p != ' ' &&
         *p != '{' && *p != '[' && *p != ':') {
    ++p;
  }
  return p;
}

/// `time`, tab, words with tabs between: where the object begins behind them, or `p`. The result
/// gets the time.
const char* skip_console_prefix(const char* p, const char* end, ParseResult* result) {
  const char* const tab = find_byte(p, end, '\t');
  if (tab == end) return p;
  bool local = false;
  const std::optional<int64_t> time = parse_timestamp({p, tab}, &local);
  if (!time) return p;
  const char* at = tab;
  while (at < end && !(at[0] == '\t' && end - at > 1 && at[1] == '{')) {
    at = find_byte(at + 1, end, '\t');
  }
  if (at == end) return p;
  result->has_time = true;
  result->seen_at_ms = *time;
  result->local_time = local;
  return at + 1;
}

}  // namespace

bool JsonShape::recall(size_t index, size_t scope, const char** p, const char* end,
                       FieldNames::Known* known) const {
  if (index >= kNamesMax) return false;
  const Name& name = names_[index];
  if (name.size == 0 || name.scope != scope) return false;
  if (!starts_with_padded(*p, end, name.text.data(), name.size)) return false;
  *p += name.size;
  *known = name.known;
  return true;
}

void JsonShape::remember(size_t index, size_t scope, const char* begin, const char* end,
                         const FieldNames::Known& known) {
  const auto size = static_cast<size_t>(end - begin);
  if (index >= kNamesMax || size > kTextMax) return;
  Name& name = names_[index];
  std::memcpy(name.text.data(), begin, size);
  name.size = size;
  name.scope = scope;
  name.known = known;
}

JsonLineParser::JsonLineParser(const ParserSettings& settings, const ParserOptions& options,
                               FieldNames::Usual usual)
    : names_(settings, options.client_id, FieldNames::Shape::kNested, usual), rules_(options) {}

ParseResult JsonLineParser::parse(std::string_view line) {
  fields_.clear();
  ParseResult result;
  const char* const end = line.data() + line.size();
  const char* p = skip_blanks(line.data(), end);
  if (p < end && *p != '{') p = skip_console_prefix(p, end, &result);
  good_ = read_line(p, end);
  if (!result.has_time)
    rules_.find_time(fields_,
                     &result);  // of a malformed line too, if it stands before what is wrong
  if (good_) rules_.find_id(fields_, &result);
  return result;
}

void JsonLineParser::explain(Explanation* out) {
  out->parser = "json";
  if (!good_) out->misfit = misfit_;
  rules_.explain(
      fields_, good_, [this](uint8_t slot, uint8_t rank) { return names_.name_of(slot, rank); },
      out);
}

/// Walks over the line's object and keeps the values that have a role. The objects on known paths
/// are entered, all others are skipped.
bool JsonLineParser::read_line(const char* p, const char* end) {
  const auto misfit = [&] {
    misfit_ = {p, end};
    return false;
  };
  if (p == end || *p != '{') return misfit();
  ++p;
  std::array<uint8_t, FieldNames::kLevelsMax> scopes{};  // of the objects that are open
  size_t depth = 1;
  bool entered = true;  // just now: `}` may follow without a member
  for (size_t index = 0;; ++index) {
    p = skip_blanks(p, end);
    if (!entered || p == end || *p != '}') {
      uint8_t scope = scopes[depth - 1];
      const Read read = read_member(index, &p, end, &scope);
      if (read == Read::kBad) return misfit();
      entered = read == Read::kEntered;
      if (entered) {
        scopes[depth++] = scope;
        continue;
      }
    }
    entered = false;
    for (p = skip_blanks(p, end); p < end && *p == '}'; p = skip_blanks(p, end)) {
      ++p;
      if (--depth > 0) continue;
      p = skip_blanks(p, end);
      return p == end || misfit();
    }
    if (p == end || *p != ',') return misfit();
    ++p;
  }
}

/// Reads `"name":value`, the line's `index`th. A known object is entered: `scope` becomes that of
/// its members.
JsonLineParser::Read JsonLineParser::read_member(size_t index, const char** p, const char* end,
                                                 uint8_t* scope) {
  FieldNames::Known known;
  if (!shape_.recall(index, *scope, p, end, &known) && !read_name(index, *scope, p, end, &known)) {
    return Read::kBad;
  }
  *p = skip_blanks(*p, end);
  if (known.object != 0 && *p < end && **p == '{') {
    ++*p;
    *scope = known.object;
    return Read::kEntered;
  }
  return read_value(p, end, known.value) ? Read::kValue : Read::kBad;
}

/// From the opening quote of a name to behind the colon.
bool JsonLineParser::read_name(size_t index, size_t scope, const char** p, const char* end,
                               FieldNames::Known* known) {
  const char* const begin = *p;
  if (begin == end || *begin != '"') return false;
  const QuotedString quoted = scan_quoted(begin + 1, end);
  if (quoted.end == nullptr) return false;
  std::string_view name(begin + 1, quoted.end);
  if (quoted.escaped) {
    unescape_backslashes(name, &key_);
    name = key_;
  }
  const char* const colon = skip_blanks(quoted.end + 1, end);
  if (colon == end || *colon != ':') return false;
  *known = names_.find(scope, name);
  *p = colon + 1;
  shape_.remember(index, scope, begin, *p, *known);
  return true;
}

/// Reads a value, and keeps it where it is of use.
bool JsonLineParser::read_value(const char** p, const char* end, const FieldUse* use) {
  const char* const begin = *p;
  if (begin == end) return false;
  if (*begin == '"') {
    const QuotedString quoted = scan_quoted(begin + 1, end);
    if (quoted.end == nullptr) return false;
    *p = quoted.end + 1;
    if (use == nullptr) return true;
    fields_.set(*use, FieldValue::Kind::kText,
                {{begin + 1, quoted.end}, quoted.escaped, quoted.other_escapes});
    return true;
  }
  FieldValue::Kind kind = FieldValue::Kind::kBare;
  if (*begin == '{' || *begin == '[') {
    if (!skip_nested(p, end)) return false;
    kind = FieldValue::Kind::kNested;
  } else {
    *p = find_bare_end(begin, end);
  }
  if (use != nullptr) fields_.set(*use, kind, {{begin, *p}});
  return true;
}

/// Skips an object or list: its brackets must match and its strings end.
bool JsonLineParser::skip_nested(const char** p, const char* end) {
  size_t depth = 0;
  const char* at = *p;
  do {
    if (at == end) return false;
    const char c = *at++;
    if (c == '"') {
      const QuotedString quoted = scan_quoted(at, end);
      if (quoted.end == nullptr) return false;
      at = quoted.end + 1;
    } else if (c == '{' || c == '[') {
      if (depth / 64 == nesting_.size()) nesting_.push_back(0);
      uint64_t& word = nesting_[depth / 64];
      const uint64_t bit = uint64_t{1} << (depth % 64);
      word = c == '{' ? word | bit : word & ~bit;
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if ((nesting_[depth / 64] >> (depth % 64) & 1) != (c == '}' ? 1U : 0U)) return false;
    } else if (is_special(c) && !is_blank(c)) {
      return false;
    }
  } while (depth > 0);
  *p = at;
  return true;
}

}  // namespace lastseen
