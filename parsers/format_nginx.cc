#include <algorithm>
#include <array>

#include "parsers/format_dialect.h"
#include "parsers/format_time.h"

namespace lastseen {
namespace {

// ngx_http_core_module and its companions; what is not listed may hold anything.
constexpr std::array<std::string_view, 12> kNumbers = {
    "status",     "body_bytes_sent",    "bytes_sent",  "request_time", "request_length",
    "connection", "server_port",        "remote_port", "http2_stream", "pid",
    "proxy_port", "connection_requests"};
constexpr std::array<std::string_view, 16> kWords = {
    "remote_addr",  "server_addr",   "request_method",     "server_protocol",
    "scheme",       "pipe",          "request_id",         "realip_remote_addr",
    "ssl_protocol", "ssl_cipher",    "ssl_session_reused", "connections_active",
    "hostname",     "nginx_version", "realip_remote_port"};
// Prefixes of variables that hold what the client or the upstream sent under a name of its own.
constexpr std::array<std::string_view, 9> kForeign = {
    "http_",          "cookie_",          "arg_", "sent_http_",       "sent_trailer_",
    "upstream_http_", "upstream_cookie_", "jwt_", "upstream_trailer_"};

bool has(const auto& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

FieldRole role_of(std::string_view name) {
  if (name == "request") return FieldRole::kRequestLine;
  if (name == "arg_client_id") return FieldRole::kQueryValue;
  if (name == "uri" || name == "document_uri") return FieldRole::kNone;  // decoded, without query
  for (const std::string_view prefix : kForeign) {
    if (name.starts_with(prefix)) return FieldRole::kNone;
  }
  return role_of_name(name);
}

std::string_view time_of(std::string_view name) {
  if (name == "time_local") return kClfTime;
  if (name == "time_iso8601") return kIso8601Time;
  if (name == "msec") return "%s.%3f";
  return {};
}

FormatField field_of(std::string_view name, FieldEscape escape) {
  FormatField field;
  field.escape = escape;
  field.name = name.starts_with("http_")     ? field_name("header", name.substr(5))
               : name.starts_with("cookie_") ? field_name("cookie", name.substr(7))
                                             : field_name("field", name);
  field.time = time_of(name);
  if (!field.time.empty()) {
    field.role = FieldRole::kTime;
    field.shape = FieldShape::kTime;
    return field;
  }
  field.role = role_of(name);
  // Headers and requests cannot hold line breaks; bodies, and what a script makes of them, can.
  field.may_break = escape == FieldEscape::kNone &&
                    (field.role == FieldRole::kBody || field.role == FieldRole::kClientId);
  if (has(kNumbers, name)) field.shape = FieldShape::kNumber;
  if (has(kWords, name)) {
    field.shape = name.ends_with("_addr") ? FieldShape::kAddress : FieldShape::kWord;
  }
  return field;
}

}  // namespace

Result<FormatParts> read_nginx_format(const FormatText& format) {
  const FieldEscape escape = format.escape == "none" ? FieldEscape::kNone : FieldEscape::kBackslash;
  FormatBuilder builder(format);
  const std::string_view text = format.text;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      builder.add(text[i], i);
      ++i;
      continue;
    }
    const size_t begin = i++;
    const bool braces = i < text.size() && text[i] == '{';
    if (braces) ++i;
    const size_t name = i;
    while (i < text.size() && is_name_character(text[i])) ++i;
    if (i == name) return format.error(begin, "a variable's name must follow the `$`");
    const std::string_view variable = text.substr(name, i - name);
    if (braces && (i == text.size() || text[i] != '}')) {
      return format.error(begin, "the `{` that opens here is never closed");
    }
    if (braces) ++i;
    builder.add(field_of(variable, escape), begin);
  }
  return builder.take();
}

}  // namespace lastseen
