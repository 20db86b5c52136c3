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

namespace lastseen {

namespace {

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

int flush_command(const std::string& socket) {
  const Result<HttpReply> answer = ask_agent(socket, "POST", "/flush", kNever, SystemClock());
  if (!answer) return fail(answer.status().message());
  if (answer->status != 200) return fail("not flushed: " + answer->body);
  std::cout << "flushed: everything written by now is committed\n";
  return kExitDone;
}

}  // namespace lastseen
