// `lastseen doctor`: what the agent makes of the world around it.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "command_support.h"
#include "commands.h"
#include "doctor.h"
#include "exit_code.h"
#include "store/sqlstate.h"

namespace lastseen {

namespace {

const FindingKind& kind_of(const Finding& finding) {
  for (const FindingKind& kind : finding_kinds())
    if (kind.id == finding.id) return kind;
  CHECK(false);
  return finding_kinds()[0];
}

void print_json(const Findings& findings) {
  JsonWriter json;
  for (const Finding& finding : findings) {
    json.clear();
    json.begin_object();
    json.member("id", finding.id);
    json.member("severity", name_of(kind_of(finding).severity));
    json.member("text", std::string_view(escape_for_log(finding.text)));
    json.end_object();
    std::cout << json.text() << '\n';
  }
}

void print_text(const Findings& findings) {
  for (const Finding& finding : findings) {
    std::string severity(name_of(kind_of(finding).severity));
    severity.resize(9, ' ');
    std::cout << severity << finding.id << "  " << finding.text << '\n';
  }
  if (findings.empty()) std::cout << "nothing found: logs, feeds and store are as they should be\n";
}

Findings look(const Surroundings& around) {
  Findings findings;
  for (const auto look_at : {look_at_logs, look_at_logrotate, look_at_nginx, look_at_kernel,
                             look_at_places, look_at_identity, look_at_store})
    look_at(around, findings);
  // The worst first, each in the order in which it was found.
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return kind_of(a).severity > kind_of(b).severity;
  });
  return findings;
}

int list_kinds() {
  std::vector<std::vector<std::string>> table = {{"ID", "SEVERITY", "WHAT IT SAYS"}};
  for (const FindingKind& kind : finding_kinds())
    table.push_back(
        {std::string(kind.id), std::string(name_of(kind.severity)), std::string(kind.what)});
  print_table(table);
  return kExitDone;
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

const std::vector<FindingKind>& finding_kinds() {
  constexpr auto kNote = Severity::kNote, kWarning = Severity::kWarning, kError = Severity::kError;
  static const std::vector<FindingKind> kinds = {
      {"log-missing", kWarning, "a log that an input names is not there"},
      {"log-unreadable", kError, "a log may not be read, or is no log"},
      {"log-copytruncate", kWarning, "logrotate copies and truncates a log"},
      {"nginx-escape", kWarning, "nginx writes JSON without escape=json"},
      {"nginx-body-buffer", kNote, "nginx logs bodies, and leaves their limit at its default"},
      {"nginx-buffered", kNote, "nginx buffers a log"},
      {"inotify-limit", kWarning, "the kernel gives no more watches"},
      {"descriptor-limit", kWarning, "there are more logs than descriptors"},
      {"datagram-queue", kWarning, "the kernel lets few datagrams wait"},
      {"feed-directory", kError, "a socket or fifo cannot be made"},
      {"state-directory", kError, "what feeds bring cannot be kept over an outage"},
      {"control-directory", kWarning, "the control socket cannot be made"},
      {"agent-id-container", kWarning, "agent_id is the host name of a container"},
      {"store-unreachable", kError, "the database does not answer"},
      {"store-refuses", kError, "a table, a key, a right or the password is missing"},
      {"store-write", kError, "a row could not be written (and taken back)"},
      {"store-write-untested", kNote, "the table takes no row that could be tried"},
      {"index-last-seen", kWarning, "an index over last_seen makes every update dear"},
      {"fillfactor", kNote, "the table leaves no room for updates"},
      {"id-column-narrow", kWarning, "the id column is narrower than client_id.length_max"},
      {"clock-skew", kWarning, "the database's clock and this machine's differ"},
  };
  return kinds;
}

int doctor_command(const DoctorArguments& arguments) {
  if (arguments.list) return list_kinds();
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto files = make_posix_file_system();
  const Findings findings = look({*config, *files, arguments.etc});
  if (arguments.json)
    print_json(findings);
  else
    print_text(findings);
  const Severity fails = arguments.strict ? Severity::kWarning : Severity::kError;
  const bool failed = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return kind_of(finding).severity >= fails;
  });
  return failed ? kExitFailed : kExitDone;
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
