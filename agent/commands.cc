#include "commands.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <utility>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/time_text.h"
#include "build_parts.h"
#include "config/load.h"
#include "control/control_client.h"
#include "daemon.h"
#include "exit_code.h"
#include "store/migrations.h"
#include "store/registry.h"

namespace lastseen {

namespace {

int fail(const std::string& message) {
  std::cerr << "lastseen: " << message << '\n';
  return kExitFailed;
}

int usage_error(const std::string& message) {
  std::cerr << "lastseen: " << message << '\n';
  return kExitUsage;
}

std::optional<Config> load_or_explain(const std::string& path) {
  LoadResult loaded = load_config(path, process_environment());
  for (const ConfigError& error : loaded.errors) std::cerr << error.to_string() << '\n';
  return std::move(loaded.config);
}

// For commands that end at once: only what went wrong, in words for a person.
std::unique_ptr<ReopenableLog> quiet_log() {
  return make_log(LogLevel::kWarn, false, "");
}

Result<std::unique_ptr<Store>> open_store(const Config& config, bool read_only, Log& log) {
  return make_store(config.store, config.last_seen.future_max, read_only, log);
}

// Width by code points, so that ids beyond ASCII line up in most terminals.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

void print_clients_json(const std::vector<ClientRow>& rows) {
  JsonWriter json;
  for (const ClientRow& row : rows) {
    json.clear();
    json.begin_object();
    json.member("client_id", std::string_view(row.client_id));
    json.member("last_seen", std::string_view(format_utc_ms(row.last_seen_ms)));
    json.key("created_at");
    if (row.created_at_ms) {
      json.value(std::string_view(format_utc_ms(*row.created_at_ms)));
    } else {
      json.null();
    }
    json.end_object();
    std::cout << json.text() << '\n';
  }
}

void print_clients_table(const std::vector<ClientRow>& rows) {
  // An id is foreign text: what would move the cursor must not reach the terminal raw.
  std::vector<std::string> ids = {"CLIENT"};
  for (const ClientRow& row : rows) ids.push_back(escape_for_log(row.client_id));
  size_t width = 0;
  for (const std::string& id : ids) width = std::max(width, width_of(id));
  std::cout << padded(ids[0], width) << "  LAST SEEN                 FIRST SEEN\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    std::cout << padded(ids[i + 1], width) << "  " << format_utc_ms(rows[i].last_seen_ms) << "  "
              << (rows[i].created_at_ms ? format_utc_ms(*rows[i].created_at_ms) : "-") << '\n';
  }
}

// Whether a live agent listens there; a file left by a dead one does not answer.
bool agent_answers(const std::string& socket) {
  constexpr Milliseconds kAnswerMs = 1000;
  return !socket.empty() && ask_agent(socket, "GET", "/healthz", kAnswerMs, SystemClock()).is_ok();
}

}  // namespace

int run_command(const std::string& config_path, bool once) {
  const std::optional<Config> config = load_or_explain(config_path);
  if (!config) return kExitUsage;
  if (once && agent_answers(config->control.socket)) {
    return fail("an agent already runs with this configuration (it answers on " +
                config->control.socket + "); ask it with 'lastseen flush', or stop it first");
  }
  return run_agent(*config, {once, config_path});
}

int check_command(const std::string& config_path) {
  const std::optional<Config> config = load_or_explain(config_path);
  if (!config) return kExitUsage;
  for (const InputSettings& input : config->inputs) {
    if (const auto parser = build_parser(*config, input); !parser)
      return usage_error(config_path + ": input '" + input.name +
                         "': " + parser.status().message());
  }
  std::cout << config_path << ": ok (" << config->inputs.size()
            << (config->inputs.size() == 1 ? " input" : " inputs") << ", store "
            << config->store.type << ")\n";
  return kExitDone;
}

int clients_command(const ClientsArguments& arguments) {
  ClientsQuery query;
  query.limit = arguments.limit;
  const auto read_duration = [](const std::string& text, std::optional<int64_t>& out) {
    if (text.empty()) return true;
    out = parse_duration(text);
    return out.has_value();
  };
  if (!read_duration(arguments.active_within, query.active_within_ms) ||
      !read_duration(arguments.inactive_for, query.inactive_for_ms))
    return usage_error("a duration is a number and a unit, such as 90s, 5m, 1h or 7d");

  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto log = quiet_log();
  const auto store = open_store(*config, true, *log);
  if (!store) return fail(store.status().message());
  if (arguments.count) {
    const Result<uint64_t> count = (*store)->count_clients(query);
    if (!count) return fail(count.status().message());
    if (arguments.json) {
      std::cout << "{\"count\":" << *count << "}\n";
    } else {
      std::cout << *count << '\n';
    }
    return kExitDone;
  }
  const auto rows = (*store)->clients(query);
  if (!rows) return fail(rows.status().message());
  if (arguments.json) {
    print_clients_json(*rows);
  } else {
    print_clients_table(*rows);
  }
  return std::cout.flush() ? kExitDone : fail("the output could not be written");
}

int migrate_command(const std::string& config_path, bool status, bool print) {
  const std::optional<Config> config = load_or_explain(config_path);
  if (!config) return kExitUsage;
  if (config->store.type == "discard") return usage_error("store 'discard' has no tables");
  if (print) {
    for (const Migration& migration : migrations()) {
      if (migration.dialect == config->store.type)
        std::cout << "-- " << migration.name << '\n' << migration.text << '\n';
    }
    return kExitDone;
  }
  const auto log = quiet_log();
  const auto store = open_store(*config, false, *log);
  if (!store) return fail(store.status().message());
  const auto done = status ? (*store)->migration_status() : (*store)->migrate();
  if (!done) return fail(done.status().message());
  for (const MigrationStatus& migration : *done) {
    std::cout << (migration.applied ? "applied  " : "missing  ") << migration.name;
    if (!migration.note.empty()) std::cout << "  (" << migration.note << ')';
    std::cout << '\n';
  }
  return kExitDone;
}

int status_command(const std::string& socket, bool json) {
  const Result<HttpReply> answer = ask_agent(
      socket, "GET", json ? "/status" : "/status?format=text", kReplyTimeoutMs, SystemClock());
  if (!answer) return fail(answer.status().message());
  std::cout << answer->body;
  if (!answer->body.empty() && answer->body.back() != '\n') std::cout << '\n';
  return answer->status == 200 ? kExitDone : kExitFailed;
}

int flush_command(const std::string& socket) {
  const Result<HttpReply> answer = ask_agent(socket, "POST", "/flush", kNever, SystemClock());
  if (!answer) return fail(answer.status().message());
  if (answer->status != 200) return fail("not flushed: " + answer->body);
  std::cout << "flushed: everything written by now is committed\n";
  return kExitDone;
}

}  // namespace lastseen
