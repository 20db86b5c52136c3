#include <algorithm>
#include <array>
#include <string_view>

#include "config/config_json.h"
#include "config/conninfo.h"
#include "config/error_list.h"

namespace lastseen {
namespace {

/// What may be shown. `password` and `sslpassword` are missing on purpose, and with them whatever a
/// later libpq invents.
constexpr std::array<std::string_view, 30> kHarmless = {
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "port",
    "requirepeer",
    "service",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
};

bool is_harmless(std::string_view keyword) {
  return std::find(kHarmless.begin(), kHarmless.end(), keyword) != kHarmless.end();
}

/// USER:PASSWORD@HOST/DBNAME?KEYWORD=VALUE&…
std::string masked_uri(std::string_view uri) {
  const size_t begin = uri.find("://") + 3;
  const size_t question = std::min(uri.find('?', begin), uri.size());
  std::string text(uri.substr(0, begin));
  std::string_view rest = uri.substr(begin, question - begin);
  // To the last '@': whatever stands before it may be a part of a password.
  if (const size_t at = rest.rfind('@'); at != rest.npos) {
    const std::string_view user = rest.substr(0, at);
    const size_t colon = user.find(':');
    text += user.substr(0, colon);
    if (colon != user.npos) text.append(":").append(kMask);
    rest.remove_prefix(at);
  }
  text += rest;
  rest = uri.substr(question);
  while (!rest.empty()) {
    text += rest[0];  // '?' or '&'
    rest.remove_prefix(1);
    const std::string_view item = rest.substr(0, rest.find('&'));
    const size_t equals = std::min(item.find('='), item.size());
    // A keyword may be percent-encoded; then it is none of the list, and masked.
    text += item.substr(0, equals);
    if (equals < item.size())
      text.append("=").append(is_harmless(item.substr(0, equals)) ? item.substr(equals + 1)
                                                                  : kMask);
    rest.remove_prefix(item.size());
  }
  return text;
}

/// KEYWORD = VALUE …, values bare or in single quotes, a backslash before any character.
std::string masked_keywords(std::string_view written) {
  std::string text;
  size_t i = 0;
  const auto skip_space = [&] {
    while (i < written.size() && is_conninfo_space(written[i])) ++i;
  };
  for (skip_space(); i < written.size(); skip_space()) {
    const size_t begin = i;
    while (i < written.size() && !is_conninfo_space(written[i]) && written[i] != '=') ++i;
    const std::string_view keyword = written.substr(begin, i - begin);
    skip_space();
    if (i >= written.size() || written[i] != '=') return std::string(kMask);
    ++i;
    skip_space();
    const size_t value = i;
    const bool in_quotes = i < written.size() && written[i] == '\'';
    if (in_quotes) ++i;
    while (i < written.size() && (in_quotes ? written[i] != '\'' : !is_conninfo_space(written[i])))
      i += written[i] == '\\' ? 2 : 1;
    i = std::min(i + (in_quotes ? 1 : 0), written.size());
    const std::string_view content = written.substr(value, i - value);
    // libpq reads a `dbname` that is itself a connection string, which may hold a password.
    const bool nested = keyword == "dbname" && content.find_first_of("=:") != content.npos;
    if (!text.empty()) text += ' ';
    text.append(keyword).append("=").append(is_harmless(keyword) && !nested ? content : kMask);
  }
  return text;
}

}  // namespace

std::string masked_connection(const std::string& connection) {
  if (connection.find("://") < connection.find_first_of("= ?")) return masked_uri(connection);
  return masked_keywords(connection);
}

}  // namespace lastseen
