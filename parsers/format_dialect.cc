#include "parsers/format_dialect.h"

namespace lastseen {

std::optional<Dialect> dialect_of(std::string_view name) {
  if (name == "nginx") return Dialect::kNginx;
  if (name == "apache") return Dialect::kApache;
  if (name == "envoy") return Dialect::kEnvoy;
  if (name == "haproxy") return Dialect::kHaproxy;
  return std::nullopt;
}

FieldRole role_of_name(std::string_view name) {
  if (name == "client_id" || name == "clientid" || name == "cid" || name.ends_with("_client_id")) {
    return FieldRole::kClientId;
  }
  if (name == "request_body" || name == "req_body" || name == "body") return FieldRole::kBody;
  if (name == "request_uri" || name == "uri" || name == "url" || name == "target") {
    return FieldRole::kTarget;
  }
  if (name == "query" || name == "query_string" || name == "args") return FieldRole::kQuery;
  return FieldRole::kNone;
}

std::string field_name(std::string_view kind, std::string_view name) {
  std::string result(kind);
  result.push_back('.');
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    result.push_back(c == '-' ? '_' : upper ? static_cast<char>(c | 0x20) : c);
  }
  return result;
}

bool is_name_character(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace lastseen
