#include "parsers/client_id.h"

#include "parsers/scan.h"
#include "parsers/utf8.h"

namespace lastseen {
namespace {

constexpr std::string_view kName = "client_id";

IdAnswer truncated() {
  return {IdAnswer::State::kTruncated, SkipReason::kTruncated, {}};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Where ` HTTP/1.1` or the like begins at the end of a request line, or npos.
size_t find_protocol(std::string_view request) {
  const size_t space = request.rfind(' ');
  if (space == request.npos) return request.npos;
  std::string_view protocol = request.substr(space + 1);
  if (!protocol.starts_with("HTTP/")) return request.npos;
  protocol.remove_prefix(5);
  const bool major_only = protocol.size() == 1 && is_digit(protocol[0]);
  const bool both =
      protocol.size() == 3 && is_digit(protocol[0]) && protocol[1] == '.' && is_digit(protocol[2]);
  return major_only || both ? space : request.npos;
}

/// A method is a token (RFC 9110 §5.6.2); letters in either case, digits and a few marks.
bool is_method(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    const bool letter = lower >= 'a' && lower <= 'z';
    if (!letter && !is_digit(c) && std::string_view("!#$%&'*+-.^_`|~").find(c) == text.npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

IdAnswer ClientIdRules::judge(std::string_view id) const {
  if (id.empty()) return {};
  const std::optional<size_t> code_points = count_code_points(id);
  if (!code_points) return {IdAnswer::State::kBad, SkipReason::kInvalidUtf8, {}};
  if (*code_points > length_max_) return {IdAnswer::State::kBad, SkipReason::kTooLong, {}};
  return {IdAnswer::State::kGood, SkipReason::kNoClientId, id};
}

std::string_view ClientIdRules::without_layer(const LoggedText& text) {
  if (!text.escaped) return text.raw;
  if (text.raw.find('\\') == text.raw.npos) return text.raw;
  unescape_backslashes(text.raw, &layer_off_);
  return layer_off_;
}

IdAnswer ClientIdRules::from_body(const LoggedText& body) {
  const BodyId found = find_body_id(body, &body_scratch_);
  if (found.kind == BodyId::Kind::kNone) return {};
  if (found.kind == BodyId::Kind::kTruncated) return truncated();
  std::string_view id = without_layer({found.raw, body.escaped});
  if (found.kind == BodyId::Kind::kText && id.find('\\') != id.npos) {
    unescape_backslashes(id, &decoded_);
    id = decoded_;
  }
  return judge(id);
}

IdAnswer ClientIdRules::from_field(const LoggedText& value) {
  const std::string_view id = without_layer(value);
  return id == "-" ? IdAnswer{} : judge(id);
}

IdAnswer ClientIdRules::from_bare_field(std::string_view value) {
  return is_json_number(value) ? judge(value) : IdAnswer{};
}

IdAnswer ClientIdRules::from_target(const LoggedText& target) {
  const std::string_view text = without_layer(target);
  const size_t mark = text.find('?');
  if (mark == text.npos) return {};
  return find_in_query(text.substr(mark + 1), QueryFrom::kField);
}

IdAnswer ClientIdRules::from_query(const LoggedText& query) {
  std::string_view text = without_layer(query);
  if (text.starts_with('?')) text.remove_prefix(1);
  return find_in_query(text, QueryFrom::kField);
}

IdAnswer ClientIdRules::from_request_line(const LoggedText& request) {
  return find_in_request_line(without_layer(request));
}

IdAnswer ClientIdRules::from_unknown(const LoggedText& text) {
  const std::string_view value = without_layer(text);
  if (find_protocol(value) != value.npos) return find_in_request_line(value);
  const size_t mark = value.find('?');
  if (mark != value.npos) return find_in_query(value.substr(mark + 1), QueryFrom::kField);
  return value.starts_with('/') ? IdAnswer{} : find_in_query(value, QueryFrom::kField);
}

IdAnswer ClientIdRules::find_in_request_line(std::string_view request) {
  const size_t space = request.find(' ');
  if (space == request.npos || !is_method(request.substr(0, space))) return {};
  std::string_view target = request.substr(space + 1);
  const size_t protocol = find_protocol(target);
  // Without a protocol at its end this is a cut request, or one of HTTP/0.9: they look the same.
  const QueryFrom from =
      protocol == target.npos ? QueryFrom::kCutRequestLine : QueryFrom::kRequestLine;
  target = target.substr(0, protocol);
  const size_t mark = target.find('?');
  if (mark == target.npos) return {};
  return find_in_query(target.substr(mark + 1), from);
}

IdAnswer ClientIdRules::find_in_query(std::string_view query, QueryFrom from) {
  const char* p = query.data();
  const char* const end = p + query.size();
  while (p < end) {
    const char* const pair_end = find_byte(p, end, '&');
    const char* const equals = find_byte(p, pair_end, '=');
    if (!is_name({p, equals})) {
      p = pair_end == end ? end : pair_end + 1;
      continue;
    }
    if (pair_end == end && from == QueryFrom::kCutRequestLine) return truncated();
    if (equals == pair_end) return {};
    std::string_view id(equals + 1, pair_end);
    if (from != QueryFrom::kField && id.find_first_of(" \t") != id.npos) return truncated();
    if (id.find_first_of("%+") != id.npos) {
      unescape_query(id, &decoded_);
      id = decoded_;
    }
    return judge(id);
  }
  return {};
}

bool ClientIdRules::is_name(std::string_view name) {
  if (name == kName) return true;
  if (name.size() <= kName.size() || name.find('%') == name.npos) return false;
  unescape_query(name, &name_);
  return name_ == kName;
}

void set_answer(const IdAnswer& answer, const ParserOptions& options, ParseResult* result) {
  const bool good = answer.state == IdAnswer::State::kGood;
  result->sighted = good && (result->has_time || !options.time_required);
  if (result->sighted) {
    result->client_id = answer.id;
    return;
  }
  result->skip = good ? SkipReason::kNoTime : answer.skip;
  result->origin = {};
}

}  // namespace lastseen
