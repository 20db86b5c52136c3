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
constexpr std::string_view kPlaceOptions[] = {"service", "host", "hostaddr", "port",
                                              "dbname",  "user", "options",  "servicefile"};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

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

std::string whole_seconds(Milliseconds duration_ms) {
  return std::to_string((duration_ms + 999) / 1000);
}

}  // namespace

std::string postgres_place(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(url.c_str(), nullptr));
  std::string place;
  // libpq lists all its options in the same order.
  for (const PQconninfoOption* option = options.get(); option && option->keyword; ++option) {
    const bool decides =
        std::any_of(std::begin(kPlaceOptions), std::end(kPlaceOptions),
                    [&](std::string_view name) { return name == option->keyword; });
    if (decides && option->val) append(place, option->keyword, option->val);
  }
  return place;
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
