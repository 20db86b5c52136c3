#include "config/config_json.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "base/json_writer.h"
#include "config/id_settings.h"
#include "config/values.h"

namespace lastseen {
namespace {

std::string mode_words(int mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode) & 0777U);
  return text.data();
}

std::string status_words(const std::vector<StatusRange>& ranges) {
  std::string text;
  for (const StatusRange& range : ranges) {
    if (!text.empty()) text += ", ";
    text += std::to_string(range.first);
    if (range.last != range.first) text += "-" + std::to_string(range.last);
  }
  return text;
}

void write(JsonWriter& json, std::string_view key, const std::string& text) {
  json.member(key, std::string_view(text));
}

void write_duration(JsonWriter& json, std::string_view key, Milliseconds duration) {
  write(json, key, duration_words(duration));
}

void write_list(JsonWriter& json, std::string_view key, const std::vector<std::string>& items) {
  json.key(key);
  json.begin_array();
  for (const std::string& item : items) json.value(std::string_view(item));
  json.end_array();
}

void write_client_id(JsonWriter& json, const ClientIdSettings& client_id) {
  json.key("client_id");
  json.begin_object();
  std::vector<std::string> from;
  for (const IdPlace& place : client_id.from) from.push_back(place_words(place));
  write_list(json, "from", from);
  json.member("length_max", client_id.length_max);
  write(json, "pattern", client_id.pattern);
  write(json, "status", status_words(client_id.status));
  json.member("new_per_second_max", client_id.new_per_second_max);
  json.member("insert", client_id.insert);
  json.end_object();
}

void write_parser(JsonWriter& json, const ParserSettings& parser) {
  json.key("parser");
  json.begin_object();
  write(json, "type", parser.type);
  write(json, "time", parser.time);
  write(json, "uri", parser.uri);
  write(json, "body", parser.body);
  write_list(json, "base64", parser.base64);
  write(json, "dialect", parser.dialect);
  write(json, "format", parser.format);
  write(json, "preset", parser.preset);
  write(json, "regex", parser.regex);
  json.member("escaped", parser.escaped);
  write(json, "path", parser.path);
  write(json, "options", parser.options);
  json.member("syslog", parser.syslog);
  json.end_object();
}

void write_input(JsonWriter& json, const InputSettings& input) {
  json.begin_object();
  write(json, "name", input.name);
  write(json, "type", input.type);
  write(json, "path", input.path);
  json.member("start", input.start == Start::kBegin ? "begin" : "end");
  write(json, "mode", mode_words(input.mode));
  write(json, "owner", input.owner);
  write(json, "group", input.group);
  write_parser(json, input.parser);
  write(json, "time_zone", input.time_zone);
  write(json, "line_bytes_max", size_words(input.line_bytes_max));
  write_client_id(json, input.client_id);
  json.end_object();
}

void write_pace(JsonWriter& json, const Config& config) {
  json.key("buffer");
  json.begin_object();
  json.member("clients_max", config.buffer.clients_max);
  json.end_object();

  json.key("flush");
  json.begin_object();
  write_duration(json, "interval", config.flush.interval);
  json.member("clients", config.flush.clients);
  json.end_object();

  json.key("last_seen");
  json.begin_object();
  write_duration(json, "resolution", config.last_seen.resolution);
  write_duration(json, "future_max", config.last_seen.future_max);
  json.member("clock", config.last_seen.clock == SightingClock::kLog ? "log" : "arrival");
  json.end_object();

  json.key("ingest");
  json.begin_object();
  json.member("threads", config.ingest.threads);
  json.end_object();

  json.key("hold");
  json.begin_object();
  write(json, "bytes", size_words(config.hold.bytes));
  write_duration(json, "age", config.hold.age);
  json.end_object();
}

void write_store(JsonWriter& json, const StoreSettings& store) {
  json.key("store");
  json.begin_object();
  write(json, "type", store.type);
  write(json, "path", store.path);
  write(json, "url", masked_connection(store.url));
  write(json, "password_file", store.password_file);
  write(json, "table", store.table);
  json.key("columns");
  json.begin_object();
  write(json, "id", store.columns.id);
  write(json, "last_seen", store.columns.last_seen);
  write(json, "created_at", store.columns.created_at);
  json.end_object();
  json.key("retry");
  json.begin_object();
  write_duration(json, "initial", store.retry_initial);
  write_duration(json, "max", store.retry_max);
  json.end_object();
  json.key("timeout");
  json.begin_object();
  write_duration(json, "connect", store.timeout_connect);
  write_duration(json, "statement", store.timeout_statement);
  write_duration(json, "lock", store.timeout_lock);
  json.end_object();
  json.end_object();
}

void write_control(JsonWriter& json, const ControlSettings& control) {
  json.key("control");
  json.begin_object();
  write(json, "socket", control.socket);
  write(json, "mode", mode_words(control.mode));
  write(json, "http", control.http);
  json.member("tap", control.tap);
  json.end_object();
}

void write_log(JsonWriter& json, const LogSettings& log) {
  constexpr std::array<const char*, 5> kLevels = {"trace", "debug", "info", "warn", "error"};
  json.key("log");
  json.begin_object();
  json.member("level", kLevels.at(static_cast<size_t>(log.level)));
  json.member("format", log.json ? "json" : "text");
  write(json, "file", log.file);
  json.end_object();
}

}  // namespace

std::string config_json(const Config& config) {
  JsonWriter json;
  json.begin_object();
  write(json, "agent_id", config.agent_id);
  json.key("inputs");
  json.begin_array();
  for (const InputSettings& input : config.inputs) write_input(json, input);
  json.end_array();
  write_client_id(json, config.client_id);
  write_pace(json, config);
  write(json, "state_dir", config.state_dir);
  write_store(json, config.store);
  write_control(json, config.control);
  json.key("shutdown");
  json.begin_object();
  write_duration(json, "timeout", config.shutdown_timeout);
  json.end_object();
  write_log(json, config.log);
  json.end_object();
  return std::string(json.text());
}

}  // namespace lastseen
