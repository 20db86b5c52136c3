// The command line of what asks the running agent.
#include <CLI/CLI.hpp>
#include <string>

#include "cli_arguments.h"

namespace lastseen {

namespace {

void add_timeout(CLI::App& command, Arguments& arguments) {
  command.add_option("--timeout", arguments.timeout, "give up waiting, the agent does not")
      ->option_text("DURATION (default " + arguments.timeout + ")");
}

}  // namespace

void add_status(CLI::App& app, Arguments& arguments) {
  CLI::App& status = *app.add_subcommand("status", "how the running agent is doing");
  add_socket(status, arguments);
  status.add_flag("--json", arguments.json, "the JSON that GET /status answers");
  status.callback([&] { arguments.code = status_command(arguments.socket, arguments.json); });
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
      ->check(number_from_one);
  top.callback([&] {
    arguments.top.socket = arguments.socket;
    arguments.code = top_command(arguments.top);
  });
}

void add_tap(CLI::App& app, Arguments& arguments) {
  CLI::App& tap = *app.add_subcommand("tap", "what the running agent reads, line by line");
  tap.footer(
      "Sightings as they come, or skipped lines and why. It shows client ids, so it is\n"
      "off unless control.tap is true. It never slows the agent: what comes faster than\n"
      "it can be shown is left out, and counted. Ends with Ctrl-C.");
  add_socket(tap, arguments);
  tap.add_option("-i,--input", arguments.tap.input, "only of this input")->option_text("INPUT");
  CLI::Option* client =
      tap.add_option("--client", arguments.tap.client_id, "only this client")->option_text("ID");
  CLI::Option* skipped = tap.add_option("--skipped", arguments.tap.skipped,
                                        "skipped lines instead; only those for REASON")
                             ->option_text("[REASON]")
                             ->expected(0, 1)
                             ->excludes(client);
  tap.add_option("--limit", arguments.tap.limit, "end after N lines")
      ->option_text("N")
      ->check(number_from_one);
  tap.add_flag("--json", arguments.tap.json, "one JSON object a line");
  tap.callback([&arguments, skipped] {
    arguments.tap.socket = arguments.socket;
    arguments.tap.only_skipped = skipped->count() > 0;
    arguments.code = tap_command(arguments.tap);
  });
}

void add_flush(CLI::App& app, Arguments& arguments) {
  CLI::App& flush = *app.add_subcommand("flush", "read and commit all that is written by now");
  add_socket(flush, arguments);
  add_timeout(flush, arguments);
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
  add_timeout(reload, arguments);
  reload.callback([&] { arguments.code = reload_command(arguments.socket, arguments.timeout); });
}

}  // namespace lastseen
