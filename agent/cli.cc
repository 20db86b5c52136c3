#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli_completion.h"
#include "command_support.h"
#include "commands.h"
#include "config/values.h"
#include "exit_code.h"

namespace lastseen {

namespace {

constexpr const char* kConfigDefault = "/etc/lastseen/lastseen.yaml";
constexpr const char* kSocketDefault = "/run/lastseen/control.sock";

constexpr const char* kDescription =
    "lastseen: follows a proxy's access log and keeps one row per client up to date:\n"
    "client_activity(client_id, last_seen, created_at), in PostgreSQL or SQLite.";

constexpr const char* kFooter =
    "Examples:\n"
    "  lastseen check -c lastseen.yaml          is the configuration right?\n"
    "  lastseen parse -p json < access.log      what would be read from these lines?\n"
    "  lastseen migrate -c lastseen.yaml        create the tables in PostgreSQL\n"
    "  lastseen run -c lastseen.yaml            follow the logs until SIGTERM\n"
    "  lastseen clients --active-within 1h      who was here in the last hour?\n"
    "\nExit status: 0 done, 1 failed while running, 2 usage or configuration error,\n"
    "3 stopped with data not committed (it waits in the log files).";

// One command: its options are bound to members, which live as long as the program parses.
struct Arguments {
  std::string config = kConfigDefault;
  std::string socket = kSocketDefault;
  std::string timeout = "60s";
  bool once = false;
  bool json = false;
  bool status = false;
  bool print = false;
  ParseArguments parse;
  BackfillArguments backfill;
  ClientsArguments clients;
  QuarantineArguments quarantine;
  PositionsArguments positions;
  TopArguments top{"", "1s", std::nullopt};
  DoctorArguments doctor;
  bool sqlstate = false;
  int code = kExitDone;
};

// The library would take -1 for the largest number there is.
std::string whole_number(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "a whole number is expected, not '" + text + "'";
}

// The first word names the command; the library only says that one is missing.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-' || argv[1][0] == '\0') return std::nullopt;
  const std::string word = argv[1];
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), word) != names.end()) return std::nullopt;
  const std::vector<std::string_view> views(names.begin(), names.end());
  return "unknown command '" + escape_for_log(word) + "'" + suggestion(word, views) +
         " (see lastseen --help)";
}

void add_config(CLI::App& command, Arguments& arguments) {
  command.add_option("-c,--config", arguments.config, "configuration file")
      ->option_text("FILE (default " + std::string(kConfigDefault) + ")");
}

void add_socket(CLI::App& command, Arguments& arguments) {
  command.add_option("-s,--socket", arguments.socket, "control socket of the running agent")
      ->option_text("SOCKET (default " + std::string(kSocketDefault) + ")");
}

void add_run(CLI::App& app, Arguments& arguments) {
  CLI::App& run = *app.add_subcommand("run", "follow the logs until SIGTERM (log on stderr)");
  run.footer(
      "Reads what the inputs name, merges the sightings of each client, and commits\n"
      "them with the read positions in one transaction, once a flush.interval. SIGTERM\n"
      "commits what was read, then exits; a second one exits at once. A database that\n"
      "is down, a missing table or a log that is not there yet do not end it: it says\n"
      "so once and waits.");
  add_config(run, arguments);
  run.add_flag("--once", arguments.once, "read every file to its end, commit, exit");
  run.callback([&] { arguments.code = run_command(arguments.config, arguments.once); });
}

void add_check(CLI::App& app, Arguments& arguments) {
  CLI::App& check =
      *app.add_subcommand("check", "say everything that is wrong with a configuration");
  check.footer(
      "Every error is printed as FILE:LINE:COL: message, with the line and a caret\n"
      "under the place. Exit status 0: fine; 2: it has errors. Nothing is opened or\n"
      "connected.");
  add_config(check, arguments);
  check.callback([&] { arguments.code = check_command(arguments.config); });
}

void add_parse(CLI::App& app, Arguments& arguments) {
  CLI::App& parse = *app.add_subcommand("parse", "show what is read from each line of a log");
  parse.footer(
      "Prints one JSON object a line; its `why` says where the client was found, or why\n"
      "there is none. It is the very code of `run`, without a store. Logs may be .gz.\n"
      "\nExamples:\n"
      "  lastseen parse -p log_format --dialect haproxy --preset httplog x.log\n"
      "  lastseen parse -c lastseen.yaml -i nginx --explain < access.log | less");
  // No default file here: -p needs none, and -i without -c is a mistake worth a message.
  CLI::Option* config =
      parse.add_option("-c,--config", arguments.parse.config_path, "configuration file")
          ->option_text("FILE");
  CLI::Option* input =
      parse
          .add_option("-i,--input", arguments.parse.input, "the input of FILE whose parser to use")
          ->option_text("INPUT");
  CLI::Option* parser = parse
                            .add_option("-p,--parser", arguments.parse.parser,
                                        "json, combined, common, log_format, logfmt, ltsv, …")
                            ->option_text("PARSER");
  const auto key_of_parser = [&](const char* name, std::string& value, const char* what) {
    return parse.add_option(name, value, what)->needs(parser);
  };
  key_of_parser("--dialect", arguments.parse.dialect, "whose format: nginx, apache, envoy, haproxy")
      ->option_text("DIALECT");
  key_of_parser("--log-format", arguments.parse.log_format,
                "the format string from the proxy's configuration")
      ->option_text("FORMAT");
  key_of_parser("--preset", arguments.parse.preset, "a format that is built in, e.g. httplog")
      ->option_text("PRESET");
  key_of_parser("--regex", arguments.parse.regex, "an expression with named groups, for regex")
      ->option_text("RE2");
  parse.add_flag("--syslog", arguments.parse.syslog, "a syslog header stands before each line")
      ->option_text(" ")
      ->needs(parser);
  parse.add_flag("--explain", arguments.parse.explain,
                 "for people: what was read from where, and why not");
  input->needs(config);
  config->needs(input);
  parser->excludes(config);
  parse.add_option("LOG", arguments.parse.logs, "log files; without one, or for -, stdin")
      ->option_text(" ");
  parse.callback([&arguments, config, parser] {
    if (config->count() == 0 && parser->count() == 0)
      throw CLI::ValidationError("parse",
                                 "name a parser (-p), or a configuration and input (-c -i)");
    arguments.code = parse_command(arguments.parse);
  });
}

void add_backfill(CLI::App& app, Arguments& arguments) {
  CLI::App& backfill = *app.add_subcommand("backfill", "read old logs too, also beside the agent");
  backfill.footer(
      "Reads logs, compressed (.gz) or not, from their first byte to their end, oldest\n"
      "first, and exits. A running agent goes on undisturbed: this is agent\n"
      "AGENT_ID/backfill, with positions of its own, which belong to what is in a file,\n"
      "whatever its name. A repeat adds nothing; one that was interrupted goes on.\n"
      "\nExample:\n"
      "  lastseen backfill -c lastseen.yaml /var/log/nginx/access.log.*");
  add_config(backfill, arguments);
  backfill
      .add_option("-i,--input", arguments.backfill.input,
                  "whose logs they are, where their paths do not tell")
      ->option_text("INPUT");
  backfill.add_option("LOG", arguments.backfill.logs, "log files")->required()->option_text(" ");
  backfill.callback([&] {
    arguments.backfill.config_path = arguments.config;
    arguments.code = backfill_command(arguments.backfill);
  });
}

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
  clients.callback([&] {
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

void add_top(CLI::App& app, Arguments& arguments) {
  CLI::App& top = *app.add_subcommand("top", "how the running agent is doing, live");
  top.footer(
      "Fills the terminal and keeps it up to date, over restarts of the agent too. q\n"
      "quits; j, k and the arrows scroll the list of inputs and files. Without a\n"
      "terminal it prints plain text, once, after one interval (for the rates).");
  add_socket(top, arguments);
  top.add_option("-d,--interval", arguments.top.interval, "how often to look")
      ->option_text("DURATION (default " + arguments.top.interval + ")");
  top.add_option("-n,--count", arguments.top.count, "end after so many times")
      ->option_text("N")
      ->check(whole_number);
  top.callback([&] {
    arguments.top.socket = arguments.socket;
    arguments.code = top_command(arguments.top);
  });
}

void add_live(CLI::App& app, Arguments& arguments) {
  CLI::App& status = *app.add_subcommand("status", "how the running agent is doing");
  add_socket(status, arguments);
  status.add_flag("--json", arguments.json, "the JSON that GET /status answers");
  status.callback([&] { arguments.code = status_command(arguments.socket, arguments.json); });

  add_top(app, arguments);

  CLI::App& flush = *app.add_subcommand("flush", "read and commit all that is written by now");
  add_socket(flush, arguments);
  flush.add_option("--timeout", arguments.timeout, "give up waiting, the agent does not")
      ->option_text("DURATION (default " + arguments.timeout + ")");
  flush.callback([&] { arguments.code = flush_command(arguments.socket, arguments.timeout); });
}

void add_reload(CLI::App& app, Arguments& arguments) {
  CLI::App& reload = *app.add_subcommand("reload", "go over to the changed configuration file");
  reload.footer(
      "The agent reads the file that it was started with. If anything in it is wrong,\n"
      "or a store or socket that it names cannot be had, nothing changes. No line is\n"
      "lost or counted twice. Exit status 0: it runs now; 2: the file is wrong; 1: the\n"
      "agent could not be asked.");
  add_socket(reload, arguments);
  reload.add_option("--timeout", arguments.timeout, "give up waiting, the agent does not")
      ->option_text("DURATION (default " + arguments.timeout + ")");
  reload.callback([&] { arguments.code = reload_command(arguments.socket, arguments.timeout); });
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

void add_doctor(CLI::App& app, Arguments& arguments) {
  CLI::App& doctor = *app.add_subcommand("doctor", "say what would go wrong, and how to mend it");
  doctor.footer(
      "Looks at logs, rotation, nginx's formats, kernel limits, directories and the\n"
      "store, where it writes a row and takes it back. Run it as the agent's user. Each\n"
      "finding has a severity and an id, explained in lastseen(1). Exit status 0:\n"
      "nothing, notes or warnings; 1: an error, which keeps clients from the table\n"
      "(with --strict a warning too).");
  add_config(doctor, arguments);
  doctor.add_flag("--strict", arguments.doctor.strict, "exit with 1 for warnings too");
  doctor.add_flag("--json", arguments.json, "one JSON object a line");
  doctor.add_option("--etc", arguments.doctor.etc, "where nginx and logrotate are configured")
      ->option_text("DIRECTORY (default " + arguments.doctor.etc + ")");
  doctor.add_flag("--list", arguments.doctor.list, "everything that it can find");
  doctor.add_flag("--sqlstate", arguments.sqlstate,
                  "what each error code of the database means to the agent");
  doctor.callback([&] {
    arguments.doctor.config_path = arguments.config;
    arguments.doctor.json = arguments.json;
    arguments.code =
        arguments.sqlstate ? doctor_sqlstate_command() : doctor_command(arguments.doctor);
  });
}

void add_completion(CLI::App& app) {
  CLI::App& completion = *app.add_subcommand("completion", "print a completion script for a shell");
  completion.require_subcommand(1);
  completion.footer("Example:\n  lastseen completion bash > /etc/bash_completion.d/lastseen");
  for (const std::string_view shell : kShells) {
    completion.add_subcommand(std::string(shell), "for " + std::string(shell))
        ->callback([&app, shell] { std::cout << completion_script(app, shell); });
  }
}

}  // namespace

int run_cli(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kDescription, "lastseen");
  app.footer(kFooter);
  app.set_version_flag("--version", "lastseen " LASTSEEN_VERSION);
  app.require_subcommand(1);
  // Of 80 columns 56 are left for what an option does.
  app.get_formatter()->column_width(24);
  add_run(app, arguments);
  add_check(app, arguments);
  add_parse(app, arguments);
  add_backfill(app, arguments);
  add_live(app, arguments);
  add_reload(app, arguments);
  add_clients(app, arguments);
  add_migrate(app, arguments);
  add_quarantine(app, arguments);
  add_positions(app, arguments);
  add_doctor(app, arguments);
  add_completion(app);
  if (const auto message = unknown_command(app, argc, argv)) return usage_error(*message);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has exit statuses of its own; ours are 0 for help and version, 2 for the rest.
    arguments.code = app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  // A full disk behind `> FILE` must not look like success.
  if (!std::cout.flush() && arguments.code == kExitDone)
    return fail("the output could not be written");
  return arguments.code;
}

}  // namespace lastseen
