#include "parsers/json_line.h"

#include <cstring>
#include <utility>

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

Status check_path(std::string_view option, std::string_view path) {
  if (path.empty()) return Status::ok();
  size_t levels = 0;
  for (std::string_view left = path;; left.remove_prefix(left.find('.') + 1)) {
    const std::string_view name = left.substr(0, left.find('.'));
    if (name.empty() || name.size() > JsonMemberNames::kNameBytesMax ||
        ++levels > JsonMemberNames::kLevelsMax) {
      return Status::fatal("json: " + std::string(option) + ": `" + std::string(path) +
                           "` is not a path of 1 to 3 names of 1 to 64 bytes, with dots between");
    }
    if (name.size() == left.size()) return Status::ok();
  }
}

}  // namespace

Status JsonMemberNames::check(const ParserSettings& settings) {
  for (const auto& [option, path] :
       {std::pair<const char*, const std::string&>{"time", settings.time},
        {"uri", settings.uri},
        {"body", settings.body}}) {
    if (Status status = check_path(option, path); !status) return status;
  }
  return Status::ok();
}

JsonMemberNames::JsonMemberNames(const ParserSettings& settings) : scopes_(1) {
  if (settings.time.empty()) {
    // From the most precise to the least; nginx writes whole seconds into its `time_…` variables.
    for (const char* name : {"msec", "ts_ms", "ts", "timestamp", "@timestamp", "start_time", "time",
                             "time_iso8601", "time_local"}) {
      add(MemberRole::kTime, name);
    }
  } else {
    add(MemberRole::kTime, settings.time);
  }
  if (settings.uri.empty()) {
    // A query of its own outranks `uri` and `path`, since beside one these hold the decoded path
    // (nginx $uri, Apache %U), in which a `?` means nothing.
    add(MemberRole::kTarget, "request_uri");
    for (const char* name : {"args", "query", "query_string"}) {
      add(MemberRole::kTarget, name, TargetForm::kQuery);
    }
    for (const char* name : {"path", "uri", "url", "request.uri"}) add(MemberRole::kTarget, name);
    add(MemberRole::kTarget, "request", TargetForm::kRequestLine);
  } else {
    add(MemberRole::kTarget, settings.uri, TargetForm::kUnknown);
  }
  if (settings.body.empty()) {
    for (const char* name : {"request_body", "body"}) add(MemberRole::kBody, name);
  } else {
    add(MemberRole::kBody, settings.body);
  }
  add(MemberRole::kClientId, "client_id");
}

void JsonMemberNames::add(MemberRole role, std::string_view path, TargetForm form) {
  size_t scope = 0;
  for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    scope = scope_of(scope, path.substr(0, dot));
    path.remove_prefix(dot + 1);
  }
  const uint8_t rank = next_rank_[static_cast<size_t>(role)]++;
  scopes_[scope][path.size()].push_back({std::string(path), role, rank, form});
}

JsonMemberNames::Known JsonMemberNames::find(size_t scope, std::string_view name) const {
  Known known;
  if (name.size() > kNameBytesMax) return known;
  for (const JsonMember& member : scopes_[scope][name.size()]) {
    if (member.name != name) continue;
    const JsonMember*& place = member.role == MemberRole::kObject ? known.object : known.value;
    if (place == nullptr) place = &member;
  }
  return known;
}

size_t JsonMemberNames::scope_of(size_t parent, std::string_view name) {
  for (const JsonMember& member : scopes_[parent][name.size()]) {
    if (member.name == name && member.role == MemberRole::kObject) return member.rank;
  }
  const size_t scope = scopes_.size();
  scopes_.emplace_back();
  scopes_[parent][name.size()].push_back(
      {std::string(name), MemberRole::kObject, static_cast<uint8_t>(scope), TargetForm::kTarget});
  return scope;
}

bool JsonShape::recall(size_t index, size_t scope, const char** p, const char* end,
                       JsonMemberNames::Known* known) const {
  if (index >= kNamesMax) return false;
  const Name& name = names_[index];
  if (name.size == 0 || name.scope != scope) return false;
  if (!starts_with_padded(*p, end, name.text.data(), name.size)) return false;
  *p += name.size;
  *known = name.known;
  return true;
}

void JsonShape::remember(size_t index, size_t scope, const char* begin, const char* end,
                         const JsonMemberNames::Known& known) {
  const auto size = static_cast<size_t>(end - begin);
  if (index >= kNamesMax || size > kTextMax) return;
  Name& name = names_[index];
  std::memcpy(name.text.data(), begin, size);
  name.size = size;
  name.scope = scope;
  name.known = known;
}

JsonLineParser::JsonLineParser(const ParserSettings& settings, const ParserOptions& options)
    : names_(settings), options_(options), rules_(options.client_id_length_max) {}

ParseResult JsonLineParser::parse(std::string_view line) {
  for (Ranked& values : values_) values.seen = 0;
  ParseResult result;
  const bool good = read_line(line);
  find_time(&result);  // of a malformed line as well, if it stands before what is wrong
  if (!good) return result;
  const IdAnswer id = find_id(&result.origin);
  set_answer(id, options_, &result);
  return result;
}

/// Walks over the line's object and keeps the values that have a role. The objects on known paths
/// are entered, all others are skipped.
bool JsonLineParser::read_line(std::string_view line) {
  const char* const end = line.data() + line.size();
  const char* p = skip_blanks(line.data(), end);
  if (p == end || *p != '{') return false;
  ++p;
  std::array<uint8_t, JsonMemberNames::kLevelsMax> scopes{};  // of the objects that are open
  size_t depth = 1;
  bool entered = true;  // just now: `}` may follow without a member
  for (size_t index = 0;; ++index) {
    p = skip_blanks(p, end);
    if (!entered || p == end || *p != '}') {
      uint8_t scope = scopes[depth - 1];
      const Read read = read_member(index, &p, end, &scope);
      if (read == Read::kBad) return false;
      entered = read == Read::kEntered;
      if (entered) {
        scopes[depth++] = scope;
        continue;
      }
    }
    entered = false;
    for (p = skip_blanks(p, end); p < end && *p == '}'; p = skip_blanks(p, end)) {
      ++p;
      if (--depth == 0) return skip_blanks(p, end) == end;
    }
    if (p == end || *p != ',') return false;
    ++p;
  }
}

/// Reads `"name":value`, the line's `index`th. A known object is entered: `scope` becomes that of
/// its members.
JsonLineParser::Read JsonLineParser::read_member(size_t index, const char** p, const char* end,
                                                 uint8_t* scope) {
  JsonMemberNames::Known known;
  if (!shape_.recall(index, *scope, p, end, &known) && !read_name(index, *scope, p, end, &known)) {
    return Read::kBad;
  }
  *p = skip_blanks(*p, end);
  if (known.object != nullptr && *p < end && **p == '{') {
    ++*p;
    *scope = known.object->rank;
    return Read::kEntered;
  }
  Value value;
  if (!read_value(p, end, &value)) return Read::kBad;
  if (known.value != nullptr) keep(*known.value, value);
  return Read::kValue;
}

/// From the opening quote of a name to behind the colon.
bool JsonLineParser::read_name(size_t index, size_t scope, const char** p, const char* end,
                               JsonMemberNames::Known* known) {
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

bool JsonLineParser::read_value(const char** p, const char* end, Value* value) {
  const char* const begin = *p;
  if (begin == end) return false;
  if (*begin == '"') {
    const QuotedString quoted = scan_quoted(begin + 1, end);
    if (quoted.end == nullptr) return false;
    value->kind = Value::Kind::kString;
    value->text = {{begin + 1, quoted.end}, quoted.escaped, quoted.other_escapes};
    *p = quoted.end + 1;
    return true;
  }
  if (*begin == '{' || *begin == '[') {
    if (!skip_nested(p, end)) return false;
    value->kind = Value::Kind::kNested;
    value->text = {{begin, *p}};
    return true;
  }
  *p = find_bare_end(begin, end);
  value->kind = Value::Kind::kBare;
  value->text = {{begin, *p}};
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

void JsonLineParser::keep(const JsonMember& member, const Value& value) {
  Ranked& values = values_of(member.role);
  const uint32_t bit = uint32_t{1} << member.rank;
  if ((values.seen & bit) != 0) return;  // the first of two counts
  values.seen |= bit;
  values.values[member.rank] = value;
  values.values[member.rank].form = member.form;
}

/// The first time by rank that can be read.
void JsonLineParser::find_time(ParseResult* result) {
  const Ranked& times = values_of(MemberRole::kTime);
  for (uint32_t left = times.seen; left != 0; left &= left - 1) {
    const LoggedText& text = times.values[std::countr_zero(left)].text;
    std::string_view time = text.raw;
    if (text.escaped) {
      unescape_backslashes(time, &key_);
      time = key_;
    }
    if (const std::optional<int64_t> ms = parse_timestamp(time)) {
      result->has_time = true;
      result->seen_at_ms = *ms;
      return;
    }
  }
}

/// Body, then the proxy's own field, then the query: the first that decides.
IdAnswer JsonLineParser::find_id(std::string_view* origin) {
  IdAnswer answer;
  bool cut = false;
  const auto decided = [&](const IdAnswer& candidate, std::string_view name) {
    cut |= candidate.state == IdAnswer::State::kTruncated;
    answer = candidate;
    *origin = name;
    return candidate.decides();
  };
  const Value* const body = values_of(MemberRole::kBody).best();
  if (body != nullptr && decided(rules_.from_body(body->text), "body")) return answer;
  const Value* const field = values_of(MemberRole::kClientId).best();
  if (field != nullptr && field->kind == Value::Kind::kString &&
      decided(rules_.from_field(field->text), "field")) {
    return answer;
  }
  if (field != nullptr && field->kind == Value::Kind::kBare &&
      decided(rules_.from_bare_field(field->text.raw), "field")) {
    return answer;
  }
  const Value* const target = values_of(MemberRole::kTarget).best();
  if (target != nullptr && target->kind != Value::Kind::kNested &&
      decided(id_from_target(*target), "query"))
    return answer;
  if (cut) answer.skip = SkipReason::kTruncated;
  return answer;
}

IdAnswer JsonLineParser::id_from_target(const Value& target) {
  switch (target.form) {
    case TargetForm::kTarget:
      return rules_.from_target(target.text);
    case TargetForm::kQuery:
      return rules_.from_query(target.text);
    case TargetForm::kRequestLine:
      return rules_.from_request_line(target.text);
    case TargetForm::kUnknown:
      break;
  }
  return rules_.from_unknown(target.text);
}

}  // namespace lastseen
