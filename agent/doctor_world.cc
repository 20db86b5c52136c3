// What `doctor` finds on the machine itself: logs, kernel limits, directories, the agent's name.
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "base/descriptor.h"
#include "base/log.h"
#include "command_support.h"
#include "doctor.h"
#include "source/discovery.h"
#include "source/feed_socket.h"

namespace lastseen {

namespace {

std::string of_input(const InputSettings& input) {
  return "input '" + input.name + "': ";
}

bool is_feed(const InputSettings& input) {
  return input.type != "file";
}

bool has_feed(const Config& config) {
  for (const InputSettings& input : config.inputs)
    if (is_feed(input)) return true;
  return false;
}

Finding unreadable(const InputSettings& input, const std::string& path, const std::string& state) {
  return {"log-unreadable",
          of_input(input) + escape_for_log(path) + " is " + state +
              "; let the user of the agent read it (a member of group adm, as a rule)"};
}

// Why no file can be made in a directory, which the agent would make itself one level deep; empty:
// it can.
std::string cannot_make_files_in(const std::string& directory) {
  std::string there = directory;
  if (access(there.c_str(), F_OK) != 0) there = directory_of(directory);
  if (access(there.c_str(), W_OK | X_OK) == 0) return {};
  return escape_for_log(there) + ": " + std::strerror(errno);
}

// The directories that the agent watches for an input.
std::set<std::string> watched_directories(const Surroundings& around) {
  std::set<std::string> directories;
  for (const InputSettings& input : around.config.inputs) {
    if (is_feed(input)) continue;
    for (const FoundFile& file : discover(around.files, input.path).files)
      directories.insert(directory_of(file.path));
  }
  return directories;
}

size_t count_of_logs(const Surroundings& around) {
  size_t logs = 0;
  for (const InputSettings& input : around.config.inputs)
    if (!is_feed(input)) logs += discover(around.files, input.path).files.size();
  return logs;
}

void look_at_inotify(const Surroundings& around, Findings& findings) {
  const std::set<std::string> directories = watched_directories(around);
  if (directories.empty()) return;
  const Descriptor watches(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  std::string failed;
  if (!watches.is_open())
    failed = std::string("fs.inotify.max_user_instances is reached (") + std::strerror(errno) + ")";
  for (const std::string& directory : directories) {
    if (!failed.empty()) break;
    if (inotify_add_watch(watches.get(), directory.c_str(), IN_MODIFY) < 0 && errno == ENOSPC)
      failed = "fs.inotify.max_user_watches is reached";
  }
  if (failed.empty()) return;
  findings.push_back(
      {"inotify-limit", failed + ": logs are polled, which costs time and processor; raise it with "
                                 "sysctl"});
}

void look_at_descriptors(const Surroundings& around, Findings& findings) {
  constexpr size_t kForTheRest = 160;  // what log files leave to the store and the control socket
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  const size_t logs = count_of_logs(around);
  if (logs == 0 || logs + kForTheRest <= limit.rlim_max) return;
  findings.push_back({"descriptor-limit",
                      std::to_string(logs) + " logs and a limit of " +
                          std::to_string(limit.rlim_max) +
                          " descriptors: they are read in turns; raise LimitNOFILE= in the unit "
                          "(ulimit -Hn) above " +
                          std::to_string(logs + kForTheRest)});
}

bool in_container() {
  if (std::getenv("KUBERNETES_SERVICE_HOST") != nullptr) return true;
  const char* container = std::getenv("container");  // set by systemd-nspawn, podman and others
  return (container != nullptr && *container != '\0') || access("/.dockerenv", F_OK) == 0 ||
         access("/run/.containerenv", F_OK) == 0;
}

}  // namespace

void look_at_logs(const Surroundings& around, Findings& findings) {
  for (const InputSettings& input : around.config.inputs) {
    if (is_feed(input)) continue;
    const Discovered found = discover(around.files, input.path);
    for (const PathTrouble& trouble : found.troubles) {
      if (trouble.state.starts_with(kUnreadable))
        findings.push_back(unreadable(input, trouble.path, trouble.state));
      else
        findings.push_back({"log-missing", of_input(input) + escape_for_log(trouble.path) + " is " +
                                               trouble.state +
                                               "; it is read from its first byte when it appears"});
    }
    // That a log is there does not mean that it may be read.
    for (const FoundFile& file : found.files) {
      const auto opened = around.files.open(file.path);
      if (opened) continue;
      findings.push_back(
          unreadable(input, file.path,
                     std::string(kUnreadable) + reason_in(opened.status().message(), file.path)));
    }
  }
}

void look_at_kernel(const Surroundings& around, Findings& findings) {
  look_at_inotify(around, findings);
  look_at_descriptors(around, findings);
  const int waiting_max = kernel_datagrams_max();
  if (waiting_max < 0 || waiting_max >= kDatagramsAdvised) return;
  const std::string advised = std::to_string(kDatagramsAdvised);
  const std::string advice = "net.unix.max_dgram_qlen is " + std::to_string(waiting_max) +
                             " and should be " + advised +
                             ": beyond it the proxy drops lines; run: sysctl "
                             "net.unix.max_dgram_qlen=" +
                             advised + ", then start the agent again";
  for (const InputSettings& input : around.config.inputs)
    if (input.type == "unix_datagram")
      findings.push_back({"datagram-queue", of_input(input) + advice});
}

void look_at_places(const Surroundings& around, Findings& findings) {
  const Config& config = around.config;
  for (const InputSettings& input : config.inputs) {
    if (!is_feed(input) || input.type == "stdin") continue;
    const std::string why = cannot_make_files_in(directory_of(input.path));
    if (!why.empty())
      findings.push_back({"feed-directory", of_input(input) + "its " + input.type +
                                                " cannot be made: " + why +
                                                "; let the agent's user write there"});
  }
  if (has_feed(config)) {
    const std::string why = cannot_make_files_in(config.state_dir);
    if (!why.empty())
      findings.push_back(
          {"state-directory", "what feeds bring during an outage or a stop cannot be kept: " + why +
                                  "; let state_dir name a directory of the agent's user"});
  }
  const std::string& socket = config.control.socket;
  if (socket.empty() || agent_answers(socket)) return;
  const std::string why = cannot_make_files_in(directory_of(socket));
  if (!why.empty())
    findings.push_back({"control-directory", "the control socket cannot be made: " + why +
                                                 "; status, top, flush and probes need it"});
}

void look_at_identity(const Surroundings& around, Findings& findings) {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  if (around.config.agent_id != host || !in_container()) return;
  findings.push_back({"agent-id-container",
                      "agent_id is the host name, '" + escape_for_log(host) +
                          "', which a new container changes: it would not find its place in the "
                          "logs; set agent_id"});
}

}  // namespace lastseen
