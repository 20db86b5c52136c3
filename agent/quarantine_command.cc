// `lastseen quarantine`: rows that the table of clients refused.
#include <iostream>
#include <utility>

#include "base/json_writer.h"
#include "base/time_text.h"
#include "command_support.h"
#include "commands.h"
#include "exit_code.h"

namespace lastseen {

namespace {

constexpr const char* kKeepsNoQuarantine = "this type of store keeps no quarantine";

using Use = int (*)(StoreAdmin& admin, const QuarantineArguments& arguments);

int with_store(const QuarantineArguments& arguments, bool read_only, Use use) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto open = open_store(*config, read_only);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  return admin ? use(*admin, arguments) : fail(kKeepsNoQuarantine);
}

std::string why(const QuarantinedRow& row) {
  return escape_for_log(row.message) +
         (row.sqlstate.empty() ? "" : " (SQLSTATE " + row.sqlstate + ")");
}

void print_json(const std::vector<QuarantinedRow>& rows) {
  JsonWriter json;
  for (const QuarantinedRow& row : rows) {
    json.clear();
    json.begin_object();
    json.member("id", row.id);
    json.member("agent_id", std::string_view(row.agent_id));
    json.member("input", std::string_view(row.input));
    // Bytes that are no text are what a table refuses: escaped as in the log.
    const std::string client = escape_for_log(row.client_id);
    json.member("client_id", std::string_view(client));
    json.member("lines", row.lines);
    json.member("first_seen", std::string_view(format_utc_ms(row.first_seen_ms)));
    json.member("last_seen", std::string_view(format_utc_ms(row.last_seen_ms)));
    json.member("refused_at", std::string_view(format_utc_ms(row.created_ms)));
    json.member("sqlstate", std::string_view(row.sqlstate));
    json.member("message", std::string_view(row.message));
    json.end_object();
    std::cout << json.text() << '\n';
  }
}

int list(StoreAdmin& admin, const QuarantineArguments& arguments) {
  const auto rows = admin.quarantined({});
  if (!rows) return fail(rows.status().message());
  if (arguments.json) {
    print_json(*rows);
    return kExitDone;
  }
  if (rows->empty()) {
    std::cout << "the quarantine is empty\n";
    return kExitDone;
  }
  std::vector<std::vector<std::string>> table = {
      {"ID", "AGENT", "INPUT", "CLIENT", "LINES", "LAST SEEN", "WHY"}};
  for (const QuarantinedRow& row : *rows)
    table.push_back({std::to_string(row.id), row.agent_id, row.input, escape_for_log(row.client_id),
                     std::to_string(row.lines), format_utc_ms(row.last_seen_ms), why(row)});
  print_table(table);
  return kExitDone;
}

int show(StoreAdmin& admin, const QuarantineArguments& arguments) {
  const auto rows = admin.quarantined(arguments.ids);
  if (!rows) return fail(rows.status().message());
  if (rows->empty()) return fail("no such row; 'lastseen quarantine list' shows all");
  if (arguments.json) {
    print_json(*rows);
    return kExitDone;
  }
  for (const QuarantinedRow& row : *rows)
    print_table({{"id", std::to_string(row.id)},
                 {"client", escape_for_log(row.client_id)},
                 {"why", why(row)},
                 {"agent", row.agent_id},
                 {"input", row.input},
                 {"lines", std::to_string(row.lines)},
                 {"first seen", format_utc_ms(row.first_seen_ms)},
                 {"last seen", format_utc_ms(row.last_seen_ms)},
                 {"refused at", format_utc_ms(row.created_ms)}});
  return kExitDone;
}

int replay(StoreAdmin& admin, const QuarantineArguments& arguments) {
  const auto result = admin.replay(arguments.ids);
  if (!result) return fail(result.status().message());
  std::cout << "replayed " << result->rows << (result->rows == 1 ? " row (" : " rows (")
            << result->lines << (result->lines == 1 ? " line)\n" : " lines)\n");
  if (result->refused == 0) return kExitDone;
  return fail(std::to_string(result->refused) + " of the rows are refused again and stay; last: " +
              escape_for_log(result->message) + " (SQLSTATE " + result->sqlstate + ")");
}

int drop(StoreAdmin& admin, const QuarantineArguments& arguments) {
  const auto dropped = admin.drop_quarantined(arguments.ids);
  if (!dropped) return fail(dropped.status().message());
  std::cout << "dropped " << *dropped << (*dropped == 1 ? " row\n" : " rows\n");
  return kExitDone;
}

}  // namespace

int quarantine_list_command(const QuarantineArguments& arguments) {
  return with_store(arguments, true, list);
}

int quarantine_show_command(const QuarantineArguments& arguments) {
  return with_store(arguments, true, show);
}

int quarantine_replay_command(const QuarantineArguments& arguments) {
  return with_store(arguments, false, replay);
}

int quarantine_drop_command(const QuarantineArguments& arguments) {
  if (arguments.ids.empty() != arguments.all)
    return usage_error("quarantine drop: name the rows (ID…), or give --all");
  return with_store(arguments, false, drop);
}

}  // namespace lastseen
