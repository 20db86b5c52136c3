#include "commands.h"

#include <iostream>
#include <utility>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/time_text.h"
#include "build_parts.h"
#include "command_support.h"
#include "config/load.h"
#include "control/control_client.h"
#include "daemon.h"
#include "exit_code.h"
#include "store/migrations.h"
#include "store/postgres_conninfo.h"

namespace lastseen {

namespace {

constexpr const char* kDurationExpected =
    "a duration is a number and a unit, such as 90s, 5m, 1h or 7d";

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
  std::vector<std::vector<std::string>> table = {{"CLIENT", "LAST SEEN", "FIRST SEEN"}};
  // An id is foreign text: what would move the cursor must not reach the terminal raw.
  for (const ClientRow& row : rows)
    table.push_back({escape_for_log(row.client_id), format_utc_ms(row.last_seen_ms),
                     row.created_at_ms ? format_utc_ms(*row.created_at_ms) : "-"});
  print_table(table);
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
  // libpq's own reading of the connection string; it connects to nothing.
  if (config->store.type == "postgres")
    if (const auto conninfo = postgres_conninfo(config->store, false); !conninfo)
      return usage_error(config_path + ": " + conninfo.status().message());
  std::cout << config_path << ": ok (" << config->inputs.size()
            << (config->inputs.size() == 1 ? " input" : " inputs") << ", store "
            << config->store.type << ")\n";
  return kExitDone;
}

int clients_command(const ClientsArguments& arguments) {
  ClientsQuery query;
  query.limit = arguments.limit;
  const auto read_duration = [](const std::optional<std::string>& text,
                                std::optional<int64_t>& out) {
    if (text) out = parse_duration(*text);
    return !text || out.has_value();
  };
  if (!read_duration(arguments.active_within, query.active_within_ms) ||
      !read_duration(arguments.inactive_for, query.inactive_for_ms))
    return usage_error(kDurationExpected);

  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto open = open_store(*config, true);
  if (!open) return fail(open.status().message());
  if (arguments.count) {
    const Result<uint64_t> count = open->store->count_clients(query);
    if (!count) return fail(count.status().message());
    if (arguments.json) {
      std::cout << "{\"count\":" << *count << "}\n";
    } else {
      std::cout << *count << '\n';
    }
    return kExitDone;
  }
  const auto rows = open->store->clients(query);
  if (!rows) return fail(rows.status().message());
  if (arguments.json) {
    print_clients_json(*rows);
  } else {
    print_clients_table(*rows);
  }
  return kExitDone;
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
  const auto open = open_store(*config, false);
  if (!open) return fail(open.status().message());
  const auto done = status ? open->store->migration_status() : open->store->migrate();
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

int flush_command(const std::string& socket, const std::string& timeout) {
  const std::optional<Milliseconds> timeout_ms = parse_duration(timeout);
  if (!timeout_ms || *timeout_ms == 0) return usage_error(kDurationExpected);
  const Result<HttpReply> answer = ask_agent(socket, "POST", "/flush", *timeout_ms, SystemClock());
  if (answer && answer->status == 200) {
    std::cout << "flushed: everything written by now is committed\n";
    return kExitDone;
  }
  if (answer) return fail("not flushed: " + answer->body);
  // An agent that answers at all can tell what it waits for.
  const Result<HttpReply> ready =
      ask_agent(socket, "GET", "/readyz", kReplyTimeoutMs, SystemClock());
  if (!ready) return fail(answer.status().message());
  return fail("not flushed within " + timeout + "; it goes on in the agent" +
              (ready->status == 200 ? "" : ", which waits: " + ready->body));
}

int reload_command(const std::string& socket, const std::string& timeout) {
  const std::optional<Milliseconds> timeout_ms = parse_duration(timeout);
  if (!timeout_ms || *timeout_ms == 0) return usage_error(kDurationExpected);
  const Result<HttpReply> answer =
      ask_agent(socket, "POST", "/reload?format=text", *timeout_ms, SystemClock());
  if (!answer) return fail("cannot tell whether it was reloaded: " + answer.status().message());
  const std::string text = answer->body.substr(0, answer->body.find('\n'));
  constexpr int kUnprocessable = 422;  // the configuration is wrong
  if (answer->status == 200) {
    std::cout << "reloaded: " << text << '\n';
    return kExitDone;
  }
  fail("not reloaded, the old configuration goes on: " + text);
  return answer->status == kUnprocessable ? kExitUsage : kExitFailed;
}

}  // namespace lastseen
