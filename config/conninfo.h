// How PostgreSQL's connection parameters come together from `store.url` and the environment.
#pragma once

#include <string>

#include "config/load.h"

namespace lastseen {

/// A libpq connection string (URI or keywords), or why there is none. The error never quotes
/// the string, which may hold a password.
struct ConnectionString {
  std::string text;
  std::string error;
};

/// `url` stays as it is; PG_HOST, PG_PORT, PG_DATABASE, PG_USER and PG_PASSWORD (empty counts as
/// unset) are added to it for what it does not name. What is still missing is left to libpq's
/// PGHOST …, ~/.pgpass and PGSERVICE. Without any of these the result is "", which libpq takes.
ConnectionString connection_string(const std::string& url, const Environment& environment);

}  // namespace lastseen
