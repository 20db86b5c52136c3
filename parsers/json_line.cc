#include "parsers/json_line.h"

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

/// Walks over the line's object and keeps the values that have a role. The objects on known paths
/// are entered, all others are skipped.
[[gnu::always_inline]] inline bool JsonLineParser::read_line(const char* begin, const char* end) {
  static_assert(LineWindow::kBytes > LineShape::kTextMax + kPlainMax);
  Nesting nesting;
  Context context = kEntering;
  const char* walker = window_.open(begin, end);
  for (LineShape::Place* place = shape_.first();;) {
    const LineJoint* joint = place->recall(context, walker);
    if (joint != nullptr) {
      ++place;
      walker += joint->size;
    } else {
      const char* const p = window_.place(walker);
      joint = read_joint(place, nesting, context, p, end);
      if (joint == nullptr) return false;
      place = shape_.behind(place);
      walker = window_.at(p + joint->size);
    }
    context &= ~kEntering;
    const FieldUse* const use = joint->value;
    const char* p = nullptr;
    // Of nearly all values the end is seen at a glance.
    if (joint->kind == LineJoint::Kind::kText) {
      const size_t size = count_plain(walker);
      if (walker[size] == '"') {
        if (use != nullptr)
          fields_.set(*use, FieldValue::Kind::kText, {{window_.place(walker), size}});
        walker = window_.ahead(walker + size + 1);
        continue;
      }
      p = window_.place(walker);
      p = read_text(p, find_special_behind(p, size, end), end, use);
    } else if (joint->kind == LineJoint::Kind::kBare) {
      const size_t size = count_number(walker);
      if (walker[size] == ',' || walker[size] == '}') {
        if (use != nullptr)
          fields_.set(*use, FieldValue::Kind::kBare, {{window_.place(walker), size}});
        walker = window_.ahead(walker + size);
        continue;
      }
      p = read_value(skip_blanks(window_.place(walker), end), end, use);
    } else {
      p = read_other(*joint, window_.place(walker), end, &nesting);
      if (nesting.depth == 0) {
        misfit_ = {p, end};
        return p == end;
      }
      context = nesting.context;
    }
    if (p == nullptr) return false;
    walker = window_.at(p);
  }
}

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

/// Reads on behind a joint with which objects may end or begin: to the end of the value, or to the
/// object that begins, or to what is behind the line's own. Null where it cannot.
const char* JsonLineParser::read_other(const LineJoint& joint, const char* p, const char* end,
                                       Nesting* nesting) {
  nesting->depth -= joint.closed;
  if (nesting->depth == 0) return skip_blanks(p, end);
  nesting->context = inside(nesting->scopes[nesting->depth - 1]);
  if (joint.quoted) return read_text(p, find_special(p, end), end, joint.value);
  p = skip_blanks(p, end);
  if (joint.object == 0 || p == end || *p != '{') return read_value(p, end, joint.value);
  nesting->scopes[nesting->depth++] = joint.object;
  nesting->context = inside(joint.object) | kEntering;
  return p;
}

/// What stands between two values: the `}` of objects that end, a comma, and `"name":`; before the
/// first value of an object its `{`. Null when it does not.
const LineJoint* JsonLineParser::read_joint(LineShape::Place* place, const Nesting& nesting,
                                            Context context, const char* p, const char* end) {
  const char* const begin = p;
  const auto misfit = [&] {
    misfit_ = {p, end};
    return nullptr;
  };
  joint_ = {};
  p = skip_blanks(p, end);
  bool comma = true;
  if ((context & kEntering) != 0) {
    if (p == end || *p != '{') return misfit();
    p = skip_blanks(p + 1, end);
    comma = false;
  }
  for (; joint_.closed < nesting.depth && p < end && *p == '}'; p = skip_blanks(p, end)) {
    ++p;
    ++joint_.closed;
    comma = true;
  }
  if (joint_.closed < nesting.depth) {
    if (comma) {
      if (p == end || *p != ',') return misfit();
      p = skip_blanks(p + 1, end);
    }
    p = read_name(nesting.scopes[nesting.depth - joint_.closed - 1], p, end);
    if (p == nullptr) return nullptr;
    joint_.quoted = p < end && *p == '"';
    if (joint_.quoted) ++p;
  }
  joint_.size = static_cast<uint32_t>(p - begin);
  if (joint_.closed == 0) {
    if (joint_.quoted)
      joint_.kind = LineJoint::Kind::kText;
    else if (joint_.object == 0)
      joint_.kind = LineJoint::Kind::kBare;
  }
  shape_.remember(place, context, begin, joint_);
  return &joint_;
}

/// `"name":` with blanks: what it is known for, and what follows, or null.
const char* JsonLineParser::read_name(size_t scope, const char* p, const char* end) {
  misfit_ = {p, end};
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
  joint_.set(names_.find(scope, name));
  return skip_blanks(colon + 1, end);
}

/// Keeps a text that is of use, from behind its opening quote, in which `special` is the first
/// special byte; gives what stands behind it, or null.
const char* JsonLineParser::read_text(const char* p, const char* special, const char* end,
                                      const FieldUse* use) {
  const QuotedString quoted = scan_quoted_from(special, end);
  if (quoted.end == nullptr) {
    misfit_ = {p - 1, end};
    return nullptr;
  }
  if (use != nullptr) {
    fields_.set(*use, FieldValue::Kind::kText,
                {{p, quoted.end}, quoted.escaped, quoted.other_escapes});
  }
  return quoted.end + 1;
}

/// The same for any value.
const char* JsonLineParser::read_value(const char* p, const char* end, const FieldUse* use) {
  misfit_ = {p, end};
  if (p == end) return nullptr;
  if (*p == '"') return read_text(p + 1, find_special(p + 1, end), end, use);
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
