#include "config/conninfo.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <vector>

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
  std::string error = {};       ///< Why it is not, when more than the form is known.
  bool ends_in_equals = false;  ///< What is appended would become the last keyword's value.
  std::set<std::string, std::less<>> keywords;
};

const std::string kEncodeIt =
    "percent-encode it: %25 for %, %40 for @, %2F for /, %3A for : (PG_PASSWORD or ${NAME} need "
    "no encoding)";

bool is_uri(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

Named not_named() {
  Named named;
  named.good = false;
  return named;
}

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

/// Every % begins a %XX, and none of them is NUL.
bool well_encoded(std::string_view text) {
  for (size_t i = text.find('%'); i != text.npos; i = text.find('%', i + 1)) {
    const std::string_view code = text.substr(i + 1, 2);
    if (code.size() < 2 || !is_hex(code[0]) || !is_hex(code[1]) || code == "00") return false;
  }
  return true;
}

/// RFC 3986, 3.2.1: unreserved, sub-delims, ':' and %XX.
bool is_userinfo(std::string_view text) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:%";
  return well_encoded(text) && std::all_of(text.begin(), text.end(), [&](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x80 && (std::isalnum(byte) != 0 || kOthers.find(c) != kOthers.npos);
         });
}

/// End of USER:PASSWORD in a URI as it was written, where a ${NAME} may hold anything; the
/// beginning of the authority when there is none.
size_t userinfo_end(std::string_view written) {
  const size_t begin = written.find("://") + 3;
  for (size_t i = begin; i < written.size(); ++i) {
    if (written.substr(i, 2) == "${") {
      i = std::min(written.find('}', i), written.size());
    } else if (written[i] == '@') {
      return i;
    } else if (written[i] == '/') {
      break;
    }
  }
  return begin;
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

/// Each PORT of HOST:PORT,HOST:PORT …; an empty one is libpq's default.
bool good_ports(std::string_view hosts) {
  while (!hosts.empty()) {
    const size_t end = std::min(hosts.find(','), hosts.size());
    const std::string_view host = hosts.substr(0, end);
    const size_t bracket = host.find(']');
    const size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
    if (colon != host.npos && colon + 1 < host.size() && !is_port(host.substr(colon + 1)))
      return false;
    hosts.remove_prefix(std::min(end + 1, hosts.size()));
  }
  return true;
}

/// postgresql://[USER[:PASSWORD]@][HOST[:PORT],…][/DBNAME][?KEYWORD=VALUE&…], cut at the same
/// characters as libpq cuts it (PostgreSQL manual, 34.1.1.2).
Named names_in_uri(std::string_view uri) {
  Named named;
  std::string_view rest = uri.substr(uri.find("://") + 3);
  if (!well_encoded(rest)) named.error = "'url' holds a '%' that begins no %XX; " + kEncodeIt;
  const size_t at = rest.find_first_of("@/");
  if (at != rest.npos && rest[at] == '@') {
    const std::string_view user = rest.substr(0, at);
    const size_t colon = user.find(':');
    if (!user.substr(0, colon).empty()) named.keywords.emplace("user");
    if (colon != user.npos && colon + 1 < user.size()) named.keywords.emplace("password");
    rest.remove_prefix(at + 1);
  }
  // What follows would go to the server, and into its messages, as a host or a database.
  if (rest.substr(0, rest.find('?')).find('@') != rest.npos)
    named.error = "the user or password in 'url' holds an '@' or a '/'; " + kEncodeIt;
  const size_t hosts_end = std::min(rest.find_first_of("/?"), rest.size());
  if (named.error.empty() && !good_ports(rest.substr(0, hosts_end)))
    named.error = "a port in 'url' is not a number, 1 to 65535; if it is a part of the password, " +
                  kEncodeIt;
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
    while (i < text.size() && is_conninfo_space(text[i])) ++i;
  };
  for (skip_space(); i < text.size(); skip_space()) {
    const size_t begin = i;
    while (i < text.size() && !is_conninfo_space(text[i]) && text[i] != '=') ++i;
    const std::string_view keyword = text.substr(begin, i - begin);
    skip_space();
    if (keyword.empty() || i >= text.size() || text[i] != '=') return not_named();
    named.keywords.emplace(keyword);
    ++i;
    skip_space();
    named.ends_in_equals = i == text.size();
    const bool in_quotes = i < text.size() && text[i] == '\'';
    if (in_quotes) ++i;
    while (i < text.size() && (in_quotes ? text[i] != '\'' : !is_conninfo_space(text[i]))) {
      i += text[i] == '\\' ? 2 : 1;
    }
    // A quote or an escape that is still open would swallow what is appended.
    if (i > text.size() || (in_quotes && i == text.size())) return not_named();
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

std::string fit_for_url(std::string_view written, size_t at, std::string value) {
  if (is_uri(written)) {
    const bool in_userinfo = at < userinfo_end(written);
    return in_userinfo && !is_userinfo(value) ? percent_encoded(value) : value;
  }
  const bool bare = at > 0 && written[at - 1] == '=';
  const bool needs_quotes = std::any_of(value.begin(), value.end(), [](char c) {
    return is_conninfo_space(c) || c == '\'' || c == '\\';
  });
  return bare && needs_quotes ? in_quotes(value) : value;
}

ConnectionString connection_string(const std::string& url, const Environment& environment,
                                   bool password_file) {
  const bool uri = is_uri(url);
  if (!uri && url.find("://") != url.npos) {
    return {"",
            "'url' must begin with postgresql:// or be a libpq keyword string such as "
            "\"host=db dbname=app user=lastseen\""};
  }
  Named named = uri ? names_in_uri(url) : names_in_keywords(url);
  if (!named.error.empty()) return {"", named.error};
  if (!named.good) {
    return {"",
            "'url' is not a connection string; write postgresql://USER@HOST:PORT/DATABASE or "
            "\"host=HOST port=PORT dbname=DATABASE user=USER\""};
  }
  if (password_file && !named.keywords.emplace("password").second)
    return {"", "the password stands in 'url' and in 'password_file'; remove it from 'url'"};
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

std::string unknown_keyword(const std::string& url, std::span<const std::string> known) {
  if (known.empty()) return {};
  const std::vector<std::string_view> names(known.begin(), known.end());
  const bool uri = is_uri(url);
  const Named named = uri ? names_in_uri(url) : names_in_keywords(url);
  for (const std::string& keyword : named.keywords) {
    // libpq takes a URI's ssl=true for sslmode=require, and decodes its keywords.
    if (uri && (keyword == "ssl" || keyword.find('%') != keyword.npos)) continue;
    if (std::find(names.begin(), names.end(), keyword) != names.end()) continue;
    const std::string near = suggestion(keyword, names);
    if (!near.empty()) return "'url' holds a keyword that libpq does not know" + near;
    return "'url' holds a keyword that libpq does not know; a value with blanks goes into single "
           "quotes";
  }
  return {};
}

}  // namespace lastseen
