// From `store.url` to what libpq is given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/config.h"

namespace lastseen {

/// The keyword string for libpq: everything from `store.url` (a URL or a keyword string; empty:
/// libpq's own variables), and where it does not say otherwise
///   - connect_timeout from `store.timeout.connect`, rounded up to libpq's whole seconds;
///   - keepalives and tcp_user_timeout, so that a silent peer is noticed within half a minute;
///   - target_session_attrs=read-write when it names several hosts and the agent has to write;
///   - UTF-8 on the wire, whatever the database's encoding is.
/// Nothing goes into `options`: pgbouncer refuses that. Holds the password: never print it.
/// kFatal when the URL cannot be parsed; libpq's own words are not passed on, they quote the URL.
Result<std::string> postgres_conninfo(const StoreSettings& settings, bool read_only);

/// All that a keyword string or the query of a URL may name, to this libpq.
std::vector<std::string> postgres_keywords();

/// A keyword string with this password instead of any other.
std::string with_password(std::string conninfo, std::string_view password);

/// Which database a url leads to, and as which user, with what libpq takes from its variables, a
/// service and its defaults: the same for two that differ only in password, timeouts and the like.
std::string postgres_place(const std::string& url);

/// The same by the url alone, as spill files of older versions have it. Empty if it cannot be
/// parsed.
std::string postgres_place_by_url(const std::string& url);

}  // namespace lastseen
