#include "config/settings.h"

#include <unistd.h>

#include <array>
#include <map>
#include <string>

#include "config/conninfo.h"
#include "config/id_settings.h"
#include "config/parser_settings.h"
#include "config/values.h"

namespace lastseen {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kKiB = int64_t{1} << 10;
constexpr int64_t kMiB = int64_t{1} << 20;

constexpr Range kLineBytes{kKiB, 64 * kMiB};
constexpr Range kClients{100, 100'000'000};
constexpr Range kFlushInterval{0, kHour};
constexpr Range kResolution{0, 7 * kDay};
constexpr Range kFuture{0, 365 * kDay};
constexpr Range kRetry{10, kHour};     // Below 10 ms a dead database would be hammered.
constexpr Range kTimeout{100, kHour};  // A call without any limit could hang for ever.
constexpr Range kThreads{1, 64};       // One thread reads and counts; more starve behind it.
constexpr Range kHoldBytes{0, int64_t{1} << 50};
constexpr Range kHoldAge{0, 365 * kDay};
constexpr Range kShutdown{0, kHour};
constexpr size_t kInputNameBytesMax = 64;
constexpr size_t kAgentIdBytesMax = 128;
constexpr size_t kHostNameBytesMax = 255;    // HOST_NAME_MAX is 64 here; POSIX allows 255.
constexpr size_t kSocketPathBytesMax = 107;  // sockaddr_un.sun_path, less its NUL.

constexpr std::array<std::string_view, 5> kInputTypes = {"file", "unix_datagram", "unix_stream",
                                                         "fifo", "stdin"};
constexpr std::array<std::string_view, 3> kStoreTypes = {"sqlite", "postgres", "discard"};

constexpr std::array<LaterKey, 0> kLaterKeys = {};

/// A key that inputs of this type have no use for.
void refuse_input_key(Mapping& map, const InputSettings& input, std::string_view key,
                      std::string_view types) {
  if (!map.has(key)) return;
  map.error(key, "'" + std::string(key) + "' is for " + std::string(types) +
                     ", and this input's type is '" + input.type + "'; remove it");
}

/// `check`: the type is known, so keys that do not go with it are errors.
void read_input_place(Mapping& map, bool check, InputSettings& input) {
  const bool file = input.type == "file";
  const bool standard_input = input.type == "stdin";
  const bool socket = input.type == "unix_datagram" || input.type == "unix_stream";
  if (!standard_input) {
    map.require("path", file ? "the log file, or a glob such as /var/log/nginx/*.log"
                             : "where the proxy writes to, such as /run/lastseen/nginx.sock");
  }
  read_not_empty(map, "path", input.path);
  Start start = Start::kEnd;
  if (map.choice<Start>("start", {{"begin", Start::kBegin}, {"end", Start::kEnd}}, start)) {
    input.start = start;
  }
  map.mode("mode", input.mode);
  read_not_empty(map, "owner", input.owner);
  read_not_empty(map, "group", input.group);
  if (!check) return;
  if (socket && input.path.size() > kSocketPathBytesMax) {
    map.error("path", "'path' is " + std::to_string(input.path.size()) +
                          " bytes long; a socket's path has at most " +
                          std::to_string(kSocketPathBytesMax));
  }
  if (standard_input) refuse_input_key(map, input, "path", "files, sockets and fifos");
  if (!file) refuse_input_key(map, input, "start", "files");
  for (const std::string_view key : {"mode", "owner", "group"})
    if (file || standard_input) refuse_input_key(map, input, key, "sockets and fifos");
}

/// Points at the key that most likely is at fault.
void check_parser(Mapping& parser, const ParserCheck& check, const InputSettings& input) {
  const std::string problem = check(input);
  if (problem.empty()) return;
  for (const char* key : {"format", "regex", "preset", "path"}) {
    if (parser.has(key)) return parser.error(key, problem);
  }
  parser.error("type", problem);
}

void read_input(Mapping& map, const ClientIdSettings& client_id, ReadContext& context,
                InputSettings& input) {
  const size_t errors_before = context.errors.size();
  map.require("name", "how status, metrics and positions call this input");
  if (map.text("name", input.name) && !is_name(input.name, "_.-", kInputNameBytesMax)) {
    map.error("name", "'name' is " + quote(input.name) +
                          "; it must be 1 to 64 letters, digits, '_', '.' or '-'");
  }
  const Chosen type = map.choose("type", kInputTypes, {});
  if (type.has_index()) input.type = kInputTypes[type.index];
  read_input_place(map, type.outcome != Chosen::Outcome::kUnknown, input);
  map.require("parser", "the format of the lines: " + joined(parser_type_names()));
  Mapping parser = map.typed_section("parser");
  read_parser(parser, input.parser);
  input.client_id = client_id;
  read_client_id(map.section("client_id"), input.client_id);
  map.text("time_zone", input.time_zone);
  map.size("line_bytes_max", kLineBytes, input.line_bytes_max);
  map.finish();
  const bool good = context.errors.size() == errors_before;
  if (good && context.checks != nullptr && context.checks->parser)
    check_parser(parser, context.checks->parser, input);
}

/// Several inputs may follow one file, but what is received is received once.
void check_shared_place(Mapping& map, const std::vector<InputSettings>& others,
                        const InputSettings& input) {
  if (input.type == "file") return;
  for (const InputSettings& other : others) {
    if (other.type == "file" || other.path != input.path) continue;
    const std::string place = input.path.empty() ? "standard input" : quote(input.path);
    map.error("path", "two inputs receive from " + place + ", this one and " + quote(other.name) +
                          "; each record reaches only one of them");
    return;
  }
}

void read_inputs(Mapping& root, ReadContext& context, Config& config) {
  root.require("inputs", "what to read; see the example in lastseen.yaml");
  std::map<std::string, size_t> numbers;  // by name
  for (Mapping& map : root.typed_list("inputs")) {
    InputSettings input;
    read_input(map, config.client_id, context, input);
    const auto [first, is_new] = numbers.emplace(input.name, config.inputs.size() + 1);
    if (!is_new && !input.name.empty()) {
      map.error("name", "two inputs have the name " + quote(input.name) + ", this one and number " +
                            std::to_string(first->second) + "; positions are kept by name");
    }
    check_shared_place(map, config.inputs, input);
    config.inputs.push_back(std::move(input));
  }
}

void read_columns(Mapping map, ColumnNames& columns) {
  struct Column {
    std::string_view key;
    std::string& out;
    bool optional;
  };
  for (Column column :
       {Column{"id", columns.id, false}, Column{"last_seen", columns.last_seen, false},
        Column{"created_at", columns.created_at, true}}) {
    if (!map.text(column.key, column.out) || (column.optional && column.out.empty())) continue;
    if (!is_sql_name(column.out, false)) {
      map.error(column.key, "'" + std::string(column.key) + "' is " + quote(column.out) +
                                "; it must be the name of a column: letters, digits, '_', at "
                                "most 63 bytes");
    }
  }
  if (columns.last_seen == columns.id) {
    map.error("last_seen", "'id' and 'last_seen' name the same column");
  }
  if (!columns.created_at.empty() &&
      (columns.created_at == columns.id || columns.created_at == columns.last_seen)) {
    map.error("created_at", "'created_at' names the same column as another key");
  }
  map.finish();
}

/// A key that belongs to one type of store only.
void check_store_key(Mapping& map, const StoreSettings& store, std::string_view key,
                     std::string_view type) {
  if (!map.has(key) || store.type == type) return;
  map.error(key, "'" + std::string(key) + "' is for type '" + std::string(type) +
                     "', and this store's type is '" + store.type + "'; remove it");
}

void read_store_place(Mapping& map, const ReadContext& context, StoreSettings& store) {
  const Chosen type = map.choose("type", kStoreTypes, {});
  if (type.has_index()) store.type = kStoreTypes[type.index];
  read_not_empty(map, "path", store.path);
  const bool url_good = map.text("url", store.url, fit_for_url) || !map.has("url");
  read_not_empty(map, "password_file", store.password_file);
  if (type.outcome == Chosen::Outcome::kUnknown) return;
  check_store_key(map, store, "path", "sqlite");
  check_store_key(map, store, "url", "postgres");
  check_store_key(map, store, "password_file", "postgres");
  if (store.type != "postgres" || !url_good) return;
  ConnectionString connection =
      connection_string(store.url, context.environment, !store.password_file.empty());
  if (connection.error.empty() && context.checks != nullptr)
    connection.error = unknown_keyword(store.url, context.checks->connection_keywords);
  // A keyword that is misspelt may be `password`, so no value is shown.
  const Excerpt excerpt =
      store.url.find('=') == store.url.npos ? Excerpt::kLine : Excerpt::kPlaceOnly;
  if (!connection.error.empty()) map.error("url", connection.error, excerpt);
  store.url = std::move(connection.text);
}

void read_store(Mapping map, const ReadContext& context, StoreSettings& store) {
  read_store_place(map, context, store);
  if (map.text("table", store.table) && !is_sql_name(store.table, true)) {
    map.error("table", "'table' is " + quote(store.table) +
                           "; it must be TABLE or SCHEMA.TABLE: letters, digits, '_', at most 63 "
                           "bytes each");
  }
  read_columns(map.section("columns"), store.columns);
  Mapping retry = map.section("retry");
  retry.duration("initial", kRetry, store.retry_initial);
  retry.duration("max", kRetry, store.retry_max);
  if (store.retry_initial > store.retry_max) {
    retry.error(retry.has("initial") ? "initial" : "max",
                "'initial' (" + duration_words(store.retry_initial) +
                    ") must not be above 'max' (" + duration_words(store.retry_max) + ")");
  }
  retry.finish();
  Mapping timeout = map.section("timeout");
  timeout.duration("connect", kTimeout, store.timeout_connect);
  timeout.duration("statement", kTimeout, store.timeout_statement);
  timeout.duration("lock", kTimeout, store.timeout_lock);
  timeout.finish();
  map.finish();
}

void read_pace(Mapping& root, Config& config) {
  Mapping buffer = root.section("buffer");
  buffer.integer("clients_max", kClients, config.buffer.clients_max);
  buffer.finish();

  Mapping flush = root.section("flush");
  flush.duration("interval", kFlushInterval, config.flush.interval);
  flush.integer("clients", {0, kClients.max}, config.flush.clients);
  if (config.flush.clients > config.buffer.clients_max) {
    flush.error("clients", "'clients' must not be above buffer.clients_max (" +
                               std::to_string(config.buffer.clients_max) +
                               "): the buffer would be full first");
  }
  flush.finish();

  Mapping last_seen = root.section("last_seen");
  last_seen.duration("resolution", kResolution, config.last_seen.resolution);
  last_seen.duration("future_max", kFuture, config.last_seen.future_max);
  last_seen.choice<SightingClock>(
      "clock", {{"log", SightingClock::kLog}, {"arrival", SightingClock::kArrival}},
      config.last_seen.clock);
  last_seen.finish();

  Mapping ingest = root.section("ingest");
  ingest.integer("threads", kThreads, config.ingest.threads);
  ingest.finish();

  Mapping hold = root.section("hold");
  hold.size("bytes", kHoldBytes, config.hold.bytes);
  hold.duration("age", kHoldAge, config.hold.age);
  hold.finish();
}

void read_control(Mapping map, ControlSettings& control) {
  if (map.text("socket", control.socket) && control.socket.size() > kSocketPathBytesMax) {
    map.error("socket", "'socket' is " + std::to_string(control.socket.size()) +
                            " bytes long; a socket's path has at most " +
                            std::to_string(kSocketPathBytesMax));
  }
  map.mode("mode", control.mode);
  if (map.text("http", control.http) && !control.http.empty() && !is_host_and_port(control.http)) {
    map.error("http", "'http' is " + quote(control.http) +
                          "; it must be HOST:PORT such as 127.0.0.1:9464, or \"\" for none");
  }
  map.choice<bool>("tap", {{"true", true}, {"false", false}}, control.tap);
  map.finish();
}

void read_log(Mapping map, LogSettings& log) {
  map.choice<LogLevelSetting>("level",
                              {{"trace", LogLevelSetting::kTrace},
                               {"debug", LogLevelSetting::kDebug},
                               {"info", LogLevelSetting::kInfo},
                               {"warn", LogLevelSetting::kWarn},
                               {"error", LogLevelSetting::kError}},
                              log.level);
  map.choice<bool>("format", {{"text", false}, {"json", true}}, log.json);
  map.text("file", log.file);
  map.finish();
}

std::string host_name() {
  std::array<char, kHostNameBytesMax + 1> buffer{};
  if (::gethostname(buffer.data(), kHostNameBytesMax) != 0) return "";
  return buffer.data();
}

void read_agent_id(Mapping& root, ReadContext& context, std::string& agent_id) {
  constexpr std::string_view kOthers = "_.:/-";
  const bool given = root.text("agent_id", agent_id);
  if (!given && root.has("agent_id")) return;
  if (!given) agent_id = host_name();
  if (is_name(agent_id, kOthers, kAgentIdBytesMax)) return;
  const std::string rule = "1 to 128 letters, digits, '_', '.', ':', '/' or '-'";
  if (given) {
    root.error("agent_id", "'agent_id' is " + quote(agent_id) + "; it must be " + rule);
  } else {
    context.errors.add("the host name " + quote(agent_id) +
                       " can not be the agent_id; set 'agent_id' to " + rule);
  }
}

}  // namespace

std::span<const LaterKey> later_keys() {
  return kLaterKeys;
}

Config read_settings(ReadContext& context, const YamlPointer& root_node) {
  Config config;
  Mapping root(context, root_node, "");
  read_agent_id(root, context, config.agent_id);
  read_client_id(root.section("client_id"), config.client_id);
  read_inputs(root, context, config);
  read_pace(root, config);
  read_not_empty(root, "state_dir", config.state_dir);
  read_store(root.typed_section("store"), context, config.store);
  read_control(root.section("control"), config.control);
  Mapping shutdown = root.section("shutdown");
  shutdown.duration("timeout", kShutdown, config.shutdown_timeout);
  shutdown.finish();
  read_log(root.section("log"), config.log);
  root.finish();
  return config;
}

}  // namespace lastseen
