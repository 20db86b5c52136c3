// The command line of what works on the store.
#include <CLI/CLI.hpp>
#include <string>

#include "cli_arguments.h"

namespace lastseen {

void add_clients(CLI::App& app, Arguments& arguments) {
  CLI::App& clients =
      *app.add_subcommand("clients", "ask the store who was seen when, newest first");
  add_config(clients, arguments);
  CLI::Option* active = clients
                            .add_option("--active-within", arguments.clients.active_within,
                                        "only those seen within, e.g. 1h")
                            ->option_text("DURATION");
  clients
      .add_option("--inactive-for", arguments.clients.inactive_for,
                  "only those not seen for, e.g. 24h")
      ->option_text("DURATION")
      ->excludes(active);
  clients.add_option("--limit", arguments.clients.limit, "at most N clients")
      ->option_text("N")
      ->check(whole_number);
  clients.add_flag("--count", arguments.clients.count, "print only how many");
  clients.add_flag("--json", arguments.clients.json, "one JSON object a line");
  CLI::App& forget = *clients.add_subcommand("forget", "delete a client's row");
  forget.footer(
      "A later sighting makes a new row, with a new created_at. The running agent first\n"
      "commits what it has read by now. The database role needs the right to DELETE.");
  add_config(forget, arguments);
  forget.add_option("ID", arguments.forget.client_id, "the client")->required();
  forget.callback([&] {
    arguments.forget.config_path = arguments.config;
    arguments.code = clients_forget_command(arguments.forget);
  });
  clients.callback([&] {
    if (!clients.get_subcommands().empty()) return;
    arguments.clients.config_path = arguments.config;
    arguments.code = clients_command(arguments.clients);
  });
}

void add_migrate(CLI::App& app, Arguments& arguments) {
  CLI::App& migrate = *app.add_subcommand("migrate", "create or update the tables");
  migrate.footer(
      "PostgreSQL is only ever changed by this command; the agent migrates SQLite\n"
      "itself. An existing client_activity, or a table that store.table names, is taken\n"
      "as it is.");
  add_config(migrate, arguments);
  CLI::Option* status = migrate.add_flag("--status", arguments.status,
                                         "only say what is applied and what is missing");
  migrate.add_flag("--print", arguments.print, "print the SQL (for psql -f) instead of running it")
      ->excludes(status);
  migrate.callback([&] {
    arguments.code = migrate_command(arguments.config, arguments.status, arguments.print);
  });
}

void add_quarantine(CLI::App& app, Arguments& arguments) {
  using Command = int (*)(const QuarantineArguments&);
  CLI::App& quarantine =
      *app.add_subcommand("quarantine", "rows that the table refused, and a second try");
  quarantine.require_subcommand(1);
  quarantine.footer(
      "A row that the table of clients refuses (too long, a constraint) is set aside in\n"
      "lastseen_quarantine, so that it holds up no other. Mend the table, then replay.");
  const auto add = [&](const char* name, const char* what, Command run) -> CLI::App& {
    CLI::App& command = *quarantine.add_subcommand(name, what);
    add_config(command, arguments);
    command.callback([&arguments, run] {
      arguments.quarantine.config_path = arguments.config;
      arguments.quarantine.json = arguments.json;
      arguments.code = run(arguments.quarantine);
    });
    return command;
  };
  CLI::App& list = add("list", "every row, and why it was refused", quarantine_list_command);
  list.add_flag("--json", arguments.json, "one JSON object a line");
  CLI::App& show = add("show", "one row in full", quarantine_show_command);
  show.add_option("ID", arguments.quarantine.ids, "as 'list' shows it")->required();
  show.add_flag("--json", arguments.json, "one JSON object a line");
  CLI::App& replay = add("replay", "offer rows to the table again", quarantine_replay_command);
  replay.add_option("ID", arguments.quarantine.ids, "which rows; without one, all");
  CLI::App& drop = add("drop", "delete rows for good", quarantine_drop_command);
  drop.add_option("ID", arguments.quarantine.ids, "which rows");
  drop.add_flag("--all", arguments.quarantine.all, "all of them");
}

void add_positions(CLI::App& app, Arguments& arguments) {
  using Command = int (*)(const PositionsArguments&);
  CLI::App& positions =
      *app.add_subcommand("positions", "where the agent stands in each file; move it");
  positions.require_subcommand(1);
  positions.footer(
      "Positions are rows of lastseen_position, committed with the clients. `set` and\n"
      "`forget` refuse while the agent runs; with --force it goes to the new place with\n"
      "its next commit. An input whose files another agent has read waits, and readyz\n"
      "names that agent: `take` makes its positions, totals and quarantined rows this\n"
      "one's; `forget --agent AGENT_ID` drops them. Lines that are read again are\n"
      "counted again; last_seen never goes backwards.");
  const auto add = [&](const char* name, const char* what, Command run) -> CLI::App& {
    CLI::App& command = *positions.add_subcommand(name, what);
    add_config(command, arguments);
    command
        .add_option("--agent", arguments.positions.agent_id,
                    "another agent than the configuration's")
        ->option_text("AGENT_ID");
    command.callback([&arguments, run] {
      arguments.positions.config_path = arguments.config;
      arguments.positions.json = arguments.json;
      arguments.code = run(arguments.positions);
    });
    return command;
  };
  CLI::App& list =
      add("list", "each file, with the identity it is known by", positions_list_command);
  list.add_flag("--all", arguments.positions.all, "of every agent that the store knows");
  list.add_flag("--json", arguments.json, "one JSON object a line");
  const auto place = [&](CLI::App& command) {
    command.add_option("INPUT", arguments.positions.input, "the input's name");
    command.add_flag("--force", arguments.positions.force, "also while the agent runs");
    return command.add_option("FILE", arguments.positions.file,
                              "a file of the input, or the key of its stream");
  };
  CLI::App& set = add("set", "go on reading a file at a byte", positions_set_command);
  place(set)->required();
  set.get_option("INPUT")->required();
  set.add_option("POSITION", arguments.positions.position, "bytes, the start of a line")
      ->required();
  CLI::App& forget =
      add("forget", "begin FILE or INPUT anew; --agent: drop one", positions_forget_command);
  place(forget);
  CLI::App& take = add("take", "make another agent's positions this one's", positions_take_command);
  take.add_option("--from", arguments.positions.from, "the agent that has them now")
      ->option_text("AGENT_ID")
      ->required();
  take.add_flag("--copy", arguments.positions.copy,
                "that agent keeps them too: both read on from there");
  take.add_flag("--force", arguments.positions.force, "also while that agent may be running");
}

}  // namespace lastseen
