#include "cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli_arguments.h"
#include "cli_completion.h"
#include "command_support.h"
#include "commands.h"
#include "config/values.h"
#include "exit_code.h"

namespace lastseen {

namespace {

constexpr const char* kDescription =
    "lastseen: follows a proxy's access log and keeps one row per client up to date:\n"
    "client_activity(client_id, last_seen, created_at), in PostgreSQL or SQLite.";

constexpr const char* kFooter =
    "Exit status: 0 done, 1 failed while running, 2 usage or configuration error,\n"
    "3 stopped with data not committed (it waits in the log files).";

// The overview has to fit a screen with more commands than the library leaves lines for.
class OverviewFormatter final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (app->get_parent() != nullptr) return Formatter::make_help(app, std::move(name), mode);
    std::ostringstream text;
    text << kDescription << "\n\nlastseen COMMAND [OPTION…]    lastseen COMMAND --help    "
         << "man lastseen\n\n";
    for (const CLI::App* command : app->get_subcommands({}))
      text << "  " << std::left << std::setw(kNameColumns) << command->get_name()
           << command->get_description() << '\n';
    text << '\n' << kFooter << '\n';
    return text.str();
  }

 private:
  static constexpr int kNameColumns = 12;
};

// The first word names the command, and of some the second what they do; the library only says that
// one is missing.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv,
                                           const std::string& path = "lastseen") {
  if (argc < 2 || argv[1][0] == '-' || argv[1][0] == '\0') return std::nullopt;
  if (app.get_require_subcommand_min() == 0) return std::nullopt;
  const std::string word = argv[1];
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), word) != names.end())
    return unknown_command(*app.get_subcommand(word), argc - 1, argv + 1, path + " " + word);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return "unknown command '" + escape_for_log(word) + "'" + suggestion(word, views) + " (see " +
         path + " --help)";
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

// The library would take -1 for the largest number there is.
std::string whole_number(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "a whole number is expected, not '" + text + "'";
}

// Ending before anything was shown is nothing that anyone asks for.
std::string number_from_one(const std::string& text) {
  const bool zero = text.find_first_not_of('0') == std::string::npos;
  return zero ? "a number from 1 on is expected, not '" + text + "'" : whole_number(text);
}

void add_config(CLI::App& command, Arguments& arguments) {
  command.add_option("-c,--config", arguments.config, "configuration file")
      ->option_text("FILE (default " + std::string(kConfigDefault) + ")");
}

void add_socket(CLI::App& command, Arguments& arguments) {
  command.add_option("-s,--socket", arguments.socket, "control socket of the running agent")
      ->option_text("SOCKET (default " + std::string(kSocketDefault) + ")");
}

int run_cli(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kDescription, "lastseen");
  app.set_version_flag("--version", "lastseen " LASTSEEN_VERSION);
  app.require_subcommand(1);
  app.formatter(std::make_shared<OverviewFormatter>());
  // Of 80 columns 56 are left for what an option does.
  app.get_formatter()->column_width(24);
  add_run(app, arguments);
  add_check(app, arguments);
  add_parse(app, arguments);
  add_backfill(app, arguments);
  add_status(app, arguments);
  add_top(app, arguments);
  add_tap(app, arguments);
  add_flush(app, arguments);
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
