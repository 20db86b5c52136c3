// `lastseen backfill`: old logs, beside a running agent.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "command_support.h"
#include "commands.h"
#include "daemon.h"
#include "exit_code.h"
#include "source/discovery.h"
#include "store/store.h"

namespace lastseen {

namespace {

struct OldLog {
  std::string path;
  int64_t modified_ns = 0;
};

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal();
}

std::string names_of(const std::vector<const InputSettings*>& inputs) {
  std::string names;
  for (const InputSettings* input : inputs) names += (names.empty() ? "" : ", ") + input->name;
  return names;
}

std::vector<const InputSettings*> all_of(const Config& config) {
  std::vector<const InputSettings*> inputs;
  for (const InputSettings& input : config.inputs) inputs.push_back(&input);
  return inputs;
}

// Those that follow the log, or the file that it was before it was rotated.
std::vector<const InputSettings*> inputs_of(const Config& config, const std::string& log) {
  std::vector<const InputSettings*> found;
  for (const InputSettings& input : config.inputs) {
    if (input.type != "file") continue;
    const std::string pattern = absolute(input.path);
    if (matches_glob(pattern, log) || is_rotation_of_any(pattern, log)) found.push_back(&input);
  }
  return found;
}

// The input whose parser reads the log; `problem` where that is not clear.
const InputSettings* choose_input(const Config& config, const BackfillArguments& arguments,
                                  const std::string& log, std::string& problem) {
  if (!arguments.input.empty()) {
    for (const InputSettings& input : config.inputs)
      if (input.name == arguments.input) return &input;
    problem = "no input '" + arguments.input + "' in " + arguments.config_path +
              "; it has: " + names_of(all_of(config));
    return nullptr;
  }
  const std::vector<const InputSettings*> found = inputs_of(config, log);
  if (found.size() == 1) return found.front();
  if (found.empty() && config.inputs.size() == 1) return &config.inputs.front();
  problem =
      found.empty()
          ? log + " is no log of any input; say whose it is with -i: " + names_of(all_of(config))
          : log + " may be a log of several inputs; say whose it is with -i: " + names_of(found);
  return nullptr;
}

}  // namespace

int backfill_command(const BackfillArguments& arguments) {
  std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto files = make_posix_file_system();
  std::map<std::string, std::vector<OldLog>> logs;  // by input
  for (const std::string& log : arguments.logs) {
    const std::string path = absolute(log);
    // Asked now, so that a slip of the pen is noticed before anything is read.
    const Result<FileStat> stat = files->stat(path);
    if (!stat) return fail(stat.status().message());
    if (!stat->is_regular) return fail(path + " is not a file");
    if (auto opened = files->open(path); !opened) return fail(opened.status().message());
    std::string problem;
    const InputSettings* const input = choose_input(*config, arguments, path, problem);
    if (input == nullptr) return usage_error(problem);
    std::vector<OldLog>& of_input = logs[input->name];
    const auto same = [&](const OldLog& other) { return other.path == path; };
    if (std::none_of(of_input.begin(), of_input.end(), same))
      of_input.push_back({path, stat->modified_ns});
  }
  std::erase_if(config->inputs, [&](const InputSettings& i) { return logs.count(i.name) == 0; });
  for (InputSettings& input : config->inputs) {
    std::vector<OldLog>& of_input = logs[input.name];
    // Oldest first, so that created_at is when a client was first seen.
    std::stable_sort(of_input.begin(), of_input.end(), [](const OldLog& a, const OldLog& b) {
      return a.modified_ns < b.modified_ns;
    });
    for (const OldLog& log : of_input) input.logs.push_back(log.path);
  }
  config->agent_id += kBackfillSuffix;
  return run_agent(*config, {true, arguments.config_path});
}

}  // namespace lastseen
