#include "store/postgres_conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>

namespace lastseen {

namespace {

// A peer that is gone without a word (host lost power, cable out) answers nothing: libpq's defaults
// would wait for the kernel's two hours. 10 s idle, then 4 probes 5 s apart.
constexpr std::string_view kKeepalivesIdleSeconds = "10";
constexpr std::string_view kKeepalivesIntervalSeconds = "5";
constexpr std::string_view kKeepalivesCount = "4";
// The same bound for data that was sent and is not acknowledged.
constexpr std::string_view kTcpUserTimeoutMs = "30000";

// What says which database is meant, and whose tables in it.
constexpr std::string_view kPlaceOptions[] = {"host",   "hostaddr", "port",
                                              "dbname", "user",     "options"};
// These name a place that others of a file say.
constexpr std::string_view kServiceOptions[] = {"service", "servicefile"};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

// Keyword and value; quoted always, so that blanks, quotes and backslashes stay what they are.
void append(std::string& conninfo, std::string_view keyword, std::string_view value) {
  if (!conninfo.empty()) conninfo += ' ';
  conninfo.append(keyword) += "='";
  for (char c : value) {
    if (c == '\'' || c == '\\') conninfo += '\\';
    conninfo += c;
  }
  conninfo += '\'';
}

// libpq lists all its options in the same order.
std::string place_of(const PQconninfoOption* option, bool with_service) {
  std::string place;
  const auto is_among = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), option->keyword) != std::end(names);
  };
  for (; option && option->keyword; ++option) {
    const bool decides = is_among(kPlaceOptions) || (with_service && is_among(kServiceOptions));
    if (decides && option->val) append(place, option->keyword, option->val);
  }
  return place;
}

std::string whole_seconds(Milliseconds duration_ms) {
  return std::to_string((duration_ms + 999) / 1000);
}

}  // namespace

// libpq alone knows how the environment, a service, a URL and its defaults go together, and says so
// of a connection. This one ends at a value that is none, after all that and before anything is
// connected to; and with a password nobody looks for one.
std::string postgres_place(const std::string& url) {
  const char* const keywords[] = {"dbname", "password", "sslmode", nullptr};
  const char* const values[] = {url.c_str(), "none", "no connection", nullptr};
  const std::unique_ptr<PGconn, Finish> connection(PQconnectStartParams(keywords, values, 1));
  const Options options(PQconninfo(connection.get()));
  const char* user = connection ? PQuser(connection.get()) : nullptr;
  // Such as a service that no file defines: then nothing can be connected to either.
  if (user == nullptr) return "unresolved " + postgres_place_by_url(url);
  return place_of(options.get(), false);
}

std::string postgres_place_by_url(const std::string& url) {
  const Options options(PQconninfoParse(url.c_str(), nullptr));
  return place_of(options.get(), true);
}

std::vector<std::string> postgres_keywords() {
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse("", nullptr));
  std::vector<std::string> keywords;
  for (const PQconninfoOption* option = options.get(); option && option->keyword; ++option)
    keywords.emplace_back(option->keyword);
  return keywords;
}

// libpq takes the last of several values.
std::string with_password(std::string conninfo, std::string_view password) {
  append(conninfo, "password", password);
  return conninfo;
}

Result<std::string> postgres_conninfo(const StoreSettings& settings, bool read_only) {
  char* error = nullptr;
  std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(settings.url.c_str(), &error));
  if (!options) {
    PQfreemem(error);
    return Status::fatal(
        "store.url is neither postgresql://USER@HOST:PORT/DATABASE nor a string like "
        "'host=… dbname=…' (in a URL, percent-encode special characters of a password)");
  }
  std::map<std::string_view, std::string_view> given;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (option->val) given[option->keyword] = option->val;

  const std::string connect_timeout = whole_seconds(settings.timeout_connect);
  const bool several_hosts = given["host"].find(',') != std::string_view::npos ||
                             given["hostaddr"].find(',') != std::string_view::npos;
  const auto by_default = [&](std::string_view keyword, std::string_view value) {
    if (given[keyword].empty()) given[keyword] = value;
  };
  if (settings.timeout_connect > 0) by_default("connect_timeout", connect_timeout);
  by_default("fallback_application_name", "lastseen");
  by_default("keepalives_idle", kKeepalivesIdleSeconds);
  by_default("keepalives_interval", kKeepalivesIntervalSeconds);
  by_default("keepalives_count", kKeepalivesCount);
  by_default("tcp_user_timeout", kTcpUserTimeoutMs);
  if (several_hosts && !read_only) by_default("target_session_attrs", "read-write");
  given["client_encoding"] = "UTF8";

  std::string conninfo;
  for (const auto& [keyword, value] : given)
    if (!value.empty()) append(conninfo, keyword, value);
  return conninfo;
}

}  // namespace lastseen
