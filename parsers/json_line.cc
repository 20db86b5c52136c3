#include "parsers/json_line.h"

#include <array>
#include <optional>

#include "parsers/scan.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char* skip_blanks(const char* p, const char* end) {
  while (p < end && static_cast<unsigned char>(*p) <= ' ' && is_blank(*p)) ++p;
  return p;
}

/// What ends a bare value: one look for each byte of the many numbers of a line.
constexpr std::array<bool, 256> kBareEnd = [] {
  std::array<bool, 256> ends{};
  for (size_t control = 0; control < 0x20; ++control) ends[control] = true;
  for (const char c : {'"', '\\', ',', '}', ']', ' ', '{', '[', ':'}) {
    ends[static_cast<unsigned char>(c)] = true;
  }
  return ends;
}();

/// The end of a bare value: numbers and words in JSON, and what logs write in their place.
const char* find_bare_end(const char* p, const char* end) {
  while (p < end && !kBareEnd[static_cast<unsigned char>(*p)]) ++p;
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
      FieldNames::Known known;
      const uint8_t scope = scopes[depth - 1];
      const char* behind = shape_.recall(index, scope, p, end, &known);
      if (behind == nullptr) behind = read_name(index, scope, p, end, &known);
      if (behind == nullptr) return misfit();
      p = skip_blanks(behind, end);
      entered = known.object != 0 && p < end && *p == '{';
      if (entered) {
        ++p;
        scopes[depth++] = known.object;
        continue;
      }
      behind = read_value(p, end, known.value);
      if (behind == nullptr) return misfit();
      p = behind;
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

/// `"name":`, the line's `index`th: gives what stands behind the colon, or null.
const char* JsonLineParser::read_name(size_t index, size_t scope, const char* p, const char* end,
                                      FieldNames::Known* known) {
  if (p == end || *p != '"') return nullptr;
  const QuotedString quoted = scan_quoted(p + 1, end);
  if (quoted.end == nullptr) return nullptr;
  std::string_view name(p + 1, quoted.end);
  if (quoted.escaped) {
    unescape_backslashes(name, &key_);
    name = key_;
  }
  const char* const colon = skip_blanks(quoted.end + 1, end);
  if (colon == end || *colon != ':') return nullptr;
  *known = names_.find(scope, name);
  shape_.remember(index, scope, p, colon + 1, *known);
  return colon + 1;
}

/// Keeps the value at `p` where it is of use; gives what stands behind it, or null.
inline const char* JsonLineParser::read_value(const char* p, const char* end, const FieldUse* use) {
  if (p == end) return nullptr;
  if (*p == '"') {
    const QuotedString quoted = scan_quoted(p + 1, end);
    if (quoted.end == nullptr) return nullptr;
    if (use != nullptr) {
      fields_.set(*use, FieldValue::Kind::kText,
                  {{p + 1, quoted.end}, quoted.escaped, quoted.other_escapes});
    }
    return quoted.end + 1;
  }
  const bool nested = *p == '{' || *p == '[';
  const char* const behind = nested ? skip_nested(p, end) : find_bare_end(p, end);
  if (behind != nullptr && use != nullptr) {
    fields_.set(*use, nested ? FieldValue::Kind::kNested : FieldValue::Kind::kBare, {{p, behind}});
  }
  return behind;
}

/// Skips an object or list: its brackets must match and its strings end. Null when they do not.
const char* JsonLineParser::skip_nested(const char* p, const char* end) {
  size_t depth = 0;
  do {
    if (p == end) return nullptr;
    const char c = *p++;
    if (c == '"') {
      const QuotedString quoted = scan_quoted(p, end);
      if (quoted.end == nullptr) return nullptr;
      p = quoted.end + 1;
    } else if (c == '{' || c == '[') {
      if (depth / 64 == nesting_.size()) nesting_.push_back(0);
      uint64_t& word = nesting_[depth / 64];
      const uint64_t bit = uint64_t{1} << (depth % 64);
      word = c == '{' ? word | bit : word & ~bit;
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if ((nesting_[depth / 64] >> (depth % 64) & 1) != (c == '}' ? 1U : 0U)) return nullptr;
    } else if (is_special(c) && !is_blank(c)) {
      return nullptr;
    }
  } while (depth > 0);
  return p;
}

}  // namespace lastseen
