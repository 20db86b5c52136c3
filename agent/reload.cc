#include "reload.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "command_support.h"
#include "store/registry.h"

namespace lastseen {

namespace {

std::string place_and_message(const ConfigError& error) {
  std::string text = error.file;
  if (error.line > 0) text += ":" + std::to_string(error.line);
  if (error.column > 0) text += ":" + std::to_string(error.column);
  return text + ": " + error.message;
}

Result<Config> load(const std::string& path, Log& log) {
  LoadResult loaded = load_checked(path);
  if (loaded.config) return std::move(*loaded.config);
  for (const ConfigError& error : loaded.errors) log.error(place_and_message(error));
  std::string message = place_and_message(loaded.errors.front());
  if (loaded.errors.size() > 1)
    message += " (and " + std::to_string(loaded.errors.size() - 1) +
               " more errors: see lastseen check -c " + path + ")";
  return Status::reject(message);
}

Status check_log_file(const Config& running, const Config& next) {
  if (next.log.file.empty() || next.log.file == running.log.file) return Status::ok();
  if (std::ofstream(next.log.file, std::ios::app)) return Status::ok();
  return Status::reject("log.file: cannot open " + next.log.file +
                        ": make its directory writable for the agent's user");
}

// A feed at the path of one that leaves, of another type: its socket can be made when that one's is
// gone. Where anything else stands there it can never be made, and is to be refused as at a start.
bool path_becomes_free(const Feeds& running, const ReloadPlan& plan, const std::string& path) {
  return std::any_of(running.begin(), running.end(), [&](const InputFeed& old) {
    const auto kept = std::find(plan.keeps.begin(), plan.keeps.end(), old.input);
    return kept == plan.keeps.end() && old.feed->will_free(path);
  });
}

// A feed keeps its socket, whatever its input is called; the next start goes by names, too.
Status check_sockets(const Feeds& running, const Config& next, const ReloadPlan& plan,
                     const std::vector<int>& sockets) {
  for (size_t i = 0; i < next.inputs.size(); ++i)
    for (const InputFeed& kept : running)
      if (kept.input == plan.keeps[i] && kept.feed->passed_fd() != sockets[i])
        return Status::reject("by its new name input '" + next.inputs[i].name +
                              "' would have another of the sockets that were passed in; restart "
                              "instead");
  return Status::ok();
}

Status open_feeds(const RunningParts& running, const Config& next, const ReloadPlan& plan,
                  PreparedReload& prepared) {
  for (const InputFeed& added : prepared.added) {
    const auto settings =
        std::find_if(next.inputs.begin(), next.inputs.end(),
                     [&](const InputSettings& input) { return input.name == added.input; });
    if (path_becomes_free(running.feeds, plan, settings->path)) {
      prepared.change.feeds_later.push_back(added.feed);
      continue;
    }
    // What can mend itself is tried again by its thread, as at a start.
    const Status opened = added.feed->open();
    if (opened.code() == StatusCode::kFatal) return Status::reject(opened.message());
    prepared.change.feeds.push_back(added.feed);
  }
  return Status::ok();
}

}  // namespace

Result<PreparedReload> prepare_reload(const std::string& path, const RunningParts& running,
                                      uint64_t seed) {
  Result<Config> next = load(path, running.shared.log);
  if (!next) return next.status();
  PreparedReload prepared;
  const auto reject = [](const Status& status) { return Status::reject(status.message()); };
  Result<ReloadPlan> plan = plan_reload(running.config, *next);
  if (!plan) return plan.status();
  if (Status log_file = check_log_file(running.config, *next); !log_file) return log_file;
  if (plan->store != StoreReload::kNone) {
    auto store = make_store(next->store, next->last_seen.future_max, false, running.shared.log);
    if (!store) return reject(store.status());
    prepared.change.store = std::move(*store);
    prepared.change.store_call_ms_max = store_call_ms_max(next->store);
  }
  prepared.change.store_reload = plan->store;
  const std::vector<int> sockets = sockets_of(next->inputs, running.passed);
  if (Status kept = check_sockets(running.feeds, *next, *plan, sockets); !kept) return kept;
  prepared.change.flusher = flusher_options(*next, seed);
  auto change = build_change(*next, *plan, running.shared, prepared.added, sockets);
  if (!change) return reject(change.status());
  prepared.change.pipeline = std::move(*change);
  if (Status opened = open_feeds(running, *next, *plan, prepared); !opened) return opened;
  if (running.control) {
    const Status control = running.control->prepare_change(next->control);
    if (!control) return reject(control);
  }
  prepared.plan = std::move(*plan);
  prepared.config = std::make_shared<const Config>(std::move(*next));
  return prepared;
}

}  // namespace lastseen
