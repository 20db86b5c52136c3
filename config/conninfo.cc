#include "config/conninfo.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>

#include "config/values.h"

namespace lastseen {
namespace {

struct Variable {
  const char* name;
  std::string_view keyword;
};
constexpr std::array<Variable, 5> kVariables = {{{"PG_HOST", "host"},
                                                 {"PG_PORT", "port"},
                                                 {"PG_DATABASE", "dbname"},
                                                 {"PG_USER", "user"},
                                                 {"PG_PASSWORD", "password"}}};

/// Keywords that a connection string names; `good` is false when it is not one.
struct Named {
  bool good = true;
  bool ends_in_equals = false;  ///< What is appended would become the last keyword's value.
  std::set<std::string, std::less<>> keywords;
};

bool is_uri(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// HOST:PORT,HOST:PORT … of a URI; an address in brackets has colons of its own.
void name_hosts(std::string_view hosts, Named& named) {
  bool in_host = true;
  bool in_brackets = false;
  for (char c : hosts) {
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    if (c == ',') {
      in_host = true;
    } else if (c == ':' && !in_brackets) {
      in_host = false;
    } else {
      named.keywords.emplace(in_host ? "host" : "port");
    }
  }
}

/// postgresql://[USER[:PASSWORD]@][HOST[:PORT],…][/DBNAME][?KEYWORD=VALUE&…], cut at the same
/// characters as libpq cuts it (PostgreSQL manual, 34.1.1.2).
Named names_in_uri(std::string_view uri) {
  Named named;
  std::string_view rest = uri.substr(uri.find("://") + 3);
  const size_t at = rest.find_first_of("@/");
  if (at != rest.npos && rest[at] == '@') {
    const std::string_view user = rest.substr(0, at);
    const size_t colon = user.find(':');
    if (!user.substr(0, colon).empty()) named.keywords.emplace("user");
    if (colon != user.npos && colon + 1 < user.size()) named.keywords.emplace("password");
    rest.remove_prefix(at + 1);
  }
  const size_t hosts_end = std::min(rest.find_first_of("/?"), rest.size());
  name_hosts(rest.substr(0, hosts_end), named);
  rest.remove_prefix(hosts_end);
  const size_t question = std::min(rest.find('?'), rest.size());
  if (question > 1) named.keywords.emplace("dbname");
  rest.remove_prefix(question);
  while (!rest.empty()) {
    rest.remove_prefix(1);  // '?' or '&'
    const size_t end = std::min(rest.find('&'), rest.size());
    const size_t equals = rest.substr(0, end).find('=');
    if (equals == rest.npos && end > 0) named.good = false;
    if (equals != rest.npos) named.keywords.emplace(rest.substr(0, equals));
    rest.remove_prefix(end);
  }
  return named;
}

/// KEYWORD = VALUE …, values bare or in single quotes, a backslash before any character.
Named names_in_keywords(std::string_view text) {
  Named named;
  size_t i = 0;
  auto skip_space = [&] {
    while (i < text.size() && is_space(text[i])) ++i;
  };
  for (skip_space(); i < text.size(); skip_space()) {
    const size_t begin = i;
    while (i < text.size() && !is_space(text[i]) && text[i] != '=') ++i;
    const std::string_view keyword = text.substr(begin, i - begin);
    skip_space();
    if (keyword.empty() || i >= text.size() || text[i] != '=') return {false, false, {}};
    named.keywords.emplace(keyword);
    ++i;
    skip_space();
    named.ends_in_equals = i == text.size();
    const bool in_quotes = i < text.size() && text[i] == '\'';
    if (in_quotes) ++i;
    while (i < text.size() && (in_quotes ? text[i] != '\'' : !is_space(text[i]))) {
      i += text[i] == '\\' ? 2 : 1;
    }
    // A quote or an escape that is still open would swallow what is appended.
    if (i > text.size() || (in_quotes && i == text.size())) return {false, false, {}};
    if (in_quotes) ++i;
  }
  return named;
}

/// 'VALUE' as a keyword string wants it.
std::string in_quotes(std::string_view value) {
  std::string result = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string percent_encoded(std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.')) {
      result += c;
    } else {
      result += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return result;
}

void append(std::string& text, bool uri, std::string_view keyword, std::string_view value) {
  if (uri) {
    const bool has_query = text.find('?') != text.npos;
    const bool at_separator = has_query && (text.back() == '?' || text.back() == '&');
    text += at_separator ? "" : has_query ? "&" : "?";
    text.append(keyword).append("=").append(percent_encoded(value));
  } else {
    if (!text.empty()) text += ' ';
    text.append(keyword).append("=").append(in_quotes(value));
  }
}

bool is_port_list(std::string_view ports) {
  while (true) {
    const size_t comma = std::min(ports.find(','), ports.size());
    if (!is_port(ports.substr(0, comma))) return false;
    if (comma == ports.size()) return true;
    ports.remove_prefix(comma + 1);
  }
}

}  // namespace

ConnectionString connection_string(const std::string& url, const Environment& environment) {
  const bool uri = is_uri(url);
  if (!uri && url.find("://") != url.npos) {
    return {"",
            "'url' must begin with postgresql:// or be a libpq keyword string such as "
            "\"host=db dbname=app user=lastseen\""};
  }
  Named named = uri ? names_in_uri(url) : names_in_keywords(url);
  if (!named.good) {
    return {"",
            "'url' is not a connection string; write postgresql://USER@HOST:PORT/DATABASE or "
            "\"host=HOST port=PORT dbname=DATABASE user=USER\""};
  }
  if (named.keywords.contains("hostaddr")) named.keywords.emplace("host");
  ConnectionString result{named.ends_in_equals ? url + "''" : url, ""};
  for (const Variable& variable : kVariables) {
    const std::optional<std::string> value = environment(variable.name);
    if (!value || value->empty() || named.keywords.contains(variable.keyword)) continue;
    if (variable.keyword == "port" && !is_port_list(*value)) {
      return {"", "environment variable 'PG_PORT' must be a port number, 1 to 65535"};
    }
    append(result.text, uri, variable.keyword, *value);
  }
  return result;
}

}  // namespace lastseen
