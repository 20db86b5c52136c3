// How PostgreSQL's connection parameters come together from `store.url` and the environment.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/load.h"

namespace lastseen {

/// A libpq connection string (URI or keywords), or why there is none. The error never quotes
/// the string, which may hold a password.
struct ConnectionString {
  std::string text;
  std::string error;
};

/// What stands between keywords and values of a connection string: libpq asks isspace().
inline bool is_conninfo_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// `url` stays as it is; PG_HOST, PG_PORT, PG_DATABASE, PG_USER and PG_PASSWORD (empty counts as
/// unset) are added to it for what it does not name. What is still missing is left to libpq's
/// PGHOST …, ~/.pgpass and PGSERVICE. Without any of these the result is "", which libpq takes.
/// `password_file`: the password comes from there, so PG_PASSWORD is left out, and one in `url` is
/// an error.
ConnectionString connection_string(const std::string& url, const Environment& environment,
                                   bool password_file = false);

/// What is wrong with a connection string that names what is none of `known` (empty: all are); ""
/// when nothing is. It is not quoted: in a keyword string it may be a part of a password.
std::string unknown_keyword(const std::string& url, std::span<const std::string> known);

/// A variable's value as it may stand at byte `at` of the URL `written` in the configuration: a
/// user or password is percent-encoded when it holds what a URI does not allow there, and quoted
/// in a keyword string. So any password works unencoded, and an encoded one stays as it is.
std::string fit_for_url(std::string_view written, size_t at, std::string value);

}  // namespace lastseen
