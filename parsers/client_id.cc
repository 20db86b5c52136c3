#include "parsers/client_id.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/equal_text.h"
#include "parsers/base64.h"
#include "parsers/scan.h"
#include "parsers/utf8.h"

namespace lastseen {
namespace {

IdAnswer truncated() {
  return {IdAnswer::State::kTruncated, SkipReason::kTruncated};
}

/// Where ` HTTP/1.1` or the like begins at the end of a request line, or npos.
size_t find_protocol(std::string_view request) {
  constexpr std::string_view kName = " HTTP/";
  const auto stands_at_end = [&](size_t version_size) {
    const size_t size = kName.size() + version_size;
    return request.size() >= size && request.substr(request.size() - size, kName.size()) == kName;
  };
  if (request.empty() || !is_digit(request.back())) return request.npos;
  if (stands_at_end(3) && request[request.size() - 2] == '.' &&
      is_digit(request[request.size() - 3])) {
    return request.size() - kName.size() - 3;
  }
  return stands_at_end(1) ? request.size() - kName.size() - 1 : request.npos;
}

/// A method is a token (RFC 9110 §5.6.2); letters in either case, digits and a few marks.
constexpr std::array<bool, 256> kMethodBytes = [] {
  std::array<bool, 256> bytes{};
  for (unsigned c = 'a'; c <= 'z'; ++c) bytes[c] = bytes[c - 'a' + 'A'] = true;
  for (unsigned c = '0'; c <= '9'; ++c) bytes[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    bytes[static_cast<unsigned char>(c)] = true;
  return bytes;
}();

struct RequestLine {
  std::string_view target;
  /// Without a protocol at its end this is a cut request, or one of HTTP/0.9: they look the same.
  bool cut = false;
};

/// Nothing when it does not begin with a method and a blank.
inline std::optional<RequestLine> split_request_line(std::string_view request) {
  const char* const begin = request.data();
  const char* const end = begin + request.size();
  const char* method_end = begin;
  while (method_end < end && kMethodBytes[static_cast<unsigned char>(*method_end)]) ++method_end;
  if (method_end == begin || method_end == end || *method_end != ' ') return std::nullopt;
  const std::string_view target(method_end + 1, end);
  const size_t protocol = find_protocol(target);
  return RequestLine{target.substr(0, protocol), protocol == target.npos};
}

/// The path of `http://host/path`; any other text as it is.
std::string_view without_authority(std::string_view target) {
  const size_t colon = target.find("://");
  if (target.starts_with('/') || colon == target.npos) return target;
  const size_t slash = target.find('/', colon + 3);
  return slash == target.npos ? std::string_view() : target.substr(slash);
}

/// What is to be unescaped of a target for its query: from the `?` on. HAProxy escapes the slashes
/// of each path, and queries seldom hold an escape. All of it where an escape before that could be
/// a `?`: those have a 3 in them (`\x3f`).
LoggedText without_path(const LoggedText& target) {
  if (!target.escaped) return target;
  const char* const begin = target.raw.data();
  const char* const end = begin + target.raw.size();
  const char* const mark = find_byte(begin, end, '?');
  if (find_byte(begin, mark, '3') != mark) return target;
  return {{mark, end}, target.escaped, target.other_escapes};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// `lower` is in lower case, and of letters and blanks.
bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(),
                                                   [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

IdAnswer ClientIdRules::judge(std::string_view id) const {
  if (id.empty()) return {};
  size_t code_points = id.size();
  if (!is_plain(id)) {
    const std::optional<size_t> counted = count_code_points(id);
    if (!counted) return {IdAnswer::State::kBad, SkipReason::kInvalidUtf8};
    code_points = *counted;
  }
  if (code_points > length_max_) return {IdAnswer::State::kBad, SkipReason::kTooLong};
  return {IdAnswer::State::kGood, SkipReason::kNoClientId, static_cast<uint32_t>(id.size()),
          id.data()};
}

std::string_view ClientIdRules::without_layer(const LoggedText& text) {
  if (!text.escaped) return text.raw;
  if (text.raw.find('\\') == text.raw.npos) return text.raw;
  unescape_backslashes(text.raw, &layer_off_);
  return layer_off_;
}

IdAnswer ClientIdRules::judge_json(const BodyId& found, bool escaped) {
  if (found.kind == BodyId::Kind::kNone) return {};
  if (found.kind == BodyId::Kind::kTruncated) return truncated();
  std::string_view id = found.raw();
  if (!holds_either(id, '\\', '\\')) return judge(id);
  id = without_layer({id, escaped});
  if (found.kind == BodyId::Kind::kText && id.find('\\') != id.npos) {
    unescape_backslashes(id, &decoded_);
    id = decoded_;
  }
  return judge(id);
}

IdAnswer ClientIdRules::from_body(const LoggedText& body, BodyFinder* finder) {
  return judge_json(finder->find(body), body.escaped);
}

IdAnswer ClientIdRules::from_field(const LoggedText& value) {
  const std::string_view id = without_layer(value);
  return id == "-" ? IdAnswer{} : judge(id);
}

IdAnswer ClientIdRules::from_bare_field(std::string_view value) {
  return is_json_number(value) ? judge(value) : IdAnswer{};
}

IdAnswer ClientIdRules::from_target(const LoggedText& target, std::string_view name, bool cut) {
  const std::string_view text = without_layer(without_path(target));
  const size_t mark = text.starts_with('?') ? 0 : text.find('?');
  if (mark == text.npos) return {};
  return find_in_query(text.substr(mark + 1), cut ? QueryFrom::kCut : QueryFrom::kField, name);
}

IdAnswer ClientIdRules::from_query(const LoggedText& query, std::string_view name, bool cut) {
  std::string_view text = without_layer(query);
  if (text.starts_with('?')) text.remove_prefix(1);
  return find_in_query(text, cut ? QueryFrom::kCut : QueryFrom::kField, name);
}

IdAnswer ClientIdRules::from_args(const LoggedText& args, std::string_view name) {
  return find_in_query(without_layer(args), QueryFrom::kField, name);
}

IdAnswer ClientIdRules::from_query_value(const LoggedText& value) {
  const std::string_view id = without_layer(value);
  if (id == "-") return {};
  if (!holds_either(id, '%', '+')) return judge(id);
  unescape_query(id, &decoded_);
  return judge(decoded_);
}

IdAnswer ClientIdRules::from_request_line(const LoggedText& request, std::string_view name) {
  return find_in_request_line(without_layer(request), name);
}

IdAnswer ClientIdRules::from_unknown(const LoggedText& text, std::string_view name) {
  const std::string_view value = without_layer(text);
  if (find_protocol(value) != value.npos) return find_in_request_line(value, name);
  const size_t mark = value.find('?');
  if (mark != value.npos) return find_in_query(value.substr(mark + 1), QueryFrom::kField, name);
  return value.starts_with('/') ? IdAnswer{} : find_in_query(value, QueryFrom::kField, name);
}

IdAnswer ClientIdRules::find_in_request_line(std::string_view request, std::string_view name) {
  const std::optional<RequestLine> line = split_request_line(request);
  if (!line) return {};
  const char* const end = line->target.data() + line->target.size();
  const char* const mark = find_byte(line->target.data(), end, '?');
  if (mark == end) return {};
  const QueryFrom from = line->cut ? QueryFrom::kCut : QueryFrom::kRequestLine;
  return find_in_query({mark + 1, end}, from, name);
}

IdAnswer ClientIdRules::find_in_query(std::string_view query, QueryFrom from,
                                      std::string_view name) {
  const char* p = query.data();
  const char* const end = p + query.size();
  const char name_begin = name.empty() ? '\0' : name.front();
  while (p < end) {
    // One look tells nearly all parameters from the wanted one, and of that where its value ends
    // and that it is plain: what is to be decoded, and blanks, stand low in ASCII as `&` does.
    const char* const mark = find_up_to(p, end, '+');
    const bool plain = mark == end || *mark == '&';
    const char* const pair_end = plain ? mark : find_byte(mark, end, '&');
    const bool alike = !plain || *p == name_begin;
    const char* const equals = alike ? find_byte(p, pair_end, '=') : nullptr;
    if (!alike || !is_name({p, equals}, plain, name)) {
      p = pair_end == end ? end : pair_end + 1;
      continue;
    }
    if (pair_end == end && from == QueryFrom::kCut) return truncated();
    if (equals == pair_end) return {};
    const std::string_view id(equals + 1, pair_end);
    if (plain) return judge(id);
    if (from != QueryFrom::kField && holds_either(id, ' ', '\t')) return truncated();
    if (!holds_either(id, '%', '+')) return judge(id);
    unescape_query(id, &decoded_);
    return judge(decoded_);
  }
  return {};
}

/// `plain`: nothing in the text is encoded.
inline bool ClientIdRules::is_name(std::string_view text, bool plain, std::string_view name) {
  if (equal_text(text, name)) return true;
  // Without its encoding a name is not longer.
  if (plain || text.size() < name.size() || !holds_either(text, '%', '+')) return false;
  unescape_query(text, &name_);
  return name_ == name;
}

IdAnswer ClientIdRules::from_path(const LoggedText& target, const PathPattern& pattern, bool cut) {
  std::string_view path = without_layer(target);
  const std::optional<RequestLine> line = split_request_line(path);
  if (line) path = line->target;
  const std::string_view whole = path;
  path = path.substr(0, path.find_first_of("?#"));
  const std::optional<std::string_view> segment =
      pattern.find(without_authority(path), true, &name_);
  if (!segment) return {};
  const bool last = segment->data() + segment->size() == path.data() + path.size();
  if (last && path.size() == whole.size() && (cut || (line && line->cut))) return truncated();
  if (line && holds_either(*segment, ' ', '\t')) return truncated();
  if (segment->find('%') == segment->npos) return judge(*segment);
  unescape_path(*segment, &decoded_);
  return judge(decoded_);
}

IdAnswer ClientIdRules::from_decoded_path(const LoggedText& path, const PathPattern& pattern) {
  const std::optional<std::string_view> segment = pattern.find(without_layer(path), false, &name_);
  return segment ? judge(*segment) : IdAnswer{};
}

IdAnswer ClientIdRules::from_cookies(const LoggedText& cookies, std::string_view name) {
  std::string_view left = without_layer(cookies);
  while (!left.empty()) {
    const size_t semicolon = left.find(';');
    const std::string_view cookie = trim(left.substr(0, semicolon));
    left.remove_prefix(semicolon == left.npos ? left.size() : semicolon + 1);
    const size_t equals = cookie.find('=');
    if (equals == cookie.npos || trim(cookie.substr(0, equals)) != name) continue;
    std::string_view id = trim(cookie.substr(equals + 1));
    if (id.size() >= 2 && id.front() == '"' && id.back() == '"') id = id.substr(1, id.size() - 2);
    return judge(id);
  }
  return {};
}

IdAnswer ClientIdRules::from_token(const LoggedText& token, BodyFinder* finder) {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view text = trim(without_layer(token));
  if (equals_ignoring_case(text.substr(0, kScheme.size()), kScheme)) {
    text = trim(text.substr(kScheme.size()));
  }
  const size_t first = text.find('.');
  const size_t second = first == text.npos ? first : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) return {};
  if (!decode_base64(text.substr(first + 1, second - first - 1), &payload_)) return {};
  return judge_json(finder->find({payload_}), false);
}

}  // namespace lastseen
