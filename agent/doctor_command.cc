// `lastseen doctor`: what the agent makes of the world around it.
#include <iostream>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "command_support.h"
#include "commands.h"
#include "exit_code.h"
#include "source/discovery.h"
#include "source/feed_socket.h"
#include "store/sqlstate.h"

namespace lastseen {

namespace {

struct Finding {
  bool error = false;  ///< Clients are missed until it is mended; else they might be.
  std::string id;
  std::string text;  ///< What is wrong, and what to do.
};

void look_at_log(const InputSettings& input, FileSystem& files, std::vector<Finding>* findings) {
  for (const PathTrouble& trouble : discover(files, input.path).troubles) {
    const bool missing = !trouble.state.starts_with(kUnreadable);
    findings->push_back(
        {!missing, missing ? "log-missing" : "log-unreadable",
         "input '" + input.name + "': " + escape_for_log(trouble.path) + " is " + trouble.state +
             (missing ? "; it is read from its first byte when it appears"
                      : "; let the user of the agent read it (a member of group adm, as a rule)")});
  }
}

// The kernel takes the length when the socket is made.
void look_at_datagrams(const InputSettings& input, std::vector<Finding>* findings) {
  const int waiting_max = kernel_datagrams_max();
  if (waiting_max < 0 || waiting_max >= kDatagramsAdvised) return;
  findings->push_back(
      {false, "datagram-queue",
       "input '" + input.name + "': net.unix.max_dgram_qlen is " + std::to_string(waiting_max) +
           " and should be " + std::to_string(kDatagramsAdvised) +
           ": beyond it the proxy drops lines; run: sysctl net.unix.max_dgram_qlen=" +
           std::to_string(kDatagramsAdvised) + ", then start the agent again"});
}

void look_at_store(const Config& config, std::vector<Finding>* findings) {
  // The agent makes SQLite's file and tables itself.
  if (config.store.type != "postgres") return;
  const auto open = open_store(config, false);
  if (!open) return findings->push_back({true, "store", open.status().message()});
  if (const auto trouble = open->store->probe(config.agent_id))
    return findings->push_back({true, "store", trouble->message});
  const auto migrations = open->store->migration_status();
  if (!migrations) findings->push_back({true, "store", migrations.status().message()});
}

}  // namespace

int doctor_command(const std::string& config_path) {
  const std::optional<Config> config = load_or_explain(config_path);
  if (!config) return kExitUsage;
  const auto files = make_posix_file_system();
  std::vector<Finding> findings;
  for (const InputSettings& input : config->inputs) {
    if (input.type == "file") look_at_log(input, *files, &findings);
    if (input.type == "unix_datagram") look_at_datagrams(input, &findings);
  }
  look_at_store(*config, &findings);
  bool error = false;
  for (const Finding& finding : findings) {
    error = error || finding.error;
    std::cout << (finding.error ? "error    " : "warning  ") << finding.id << "  " << finding.text
              << '\n';
  }
  if (findings.empty()) std::cout << "nothing found: logs, feeds and store are as they should be\n";
  return error ? kExitFailed : kExitDone;
}

int doctor_sqlstate_command() {
  std::vector<std::vector<std::string>> table = {{"SQLSTATE", "THE AGENT", "WHAT IT IS"}};
  for (const SqlstateRule& rule : sqlstate_rules())
    table.push_back(
        {std::string(rule.pattern), std::string(name_of(rule.meaning)), std::string(rule.what)});
  print_table(table);
  std::cout << "\nThe longest pattern that fits decides.\n"
               "retry at once  the next try is likely to work\n"
               "retrying       the data waits; tried again with growing pauses, 5 s at most\n"
               "row at fault   the row goes to lastseen_quarantine, all others are committed\n"
               "holding        the data waits until somebody mends it; probed every 5 s\n";
  return kExitDone;
}

}  // namespace lastseen
