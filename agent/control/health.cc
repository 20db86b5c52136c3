#include "control/health.h"

#include <algorithm>
#include <set>

#include "control/printable.h"

namespace lastseen {

namespace {

// Ages are never negative, also when a snapshot was taken after `now`.
int64_t age_ms(int64_t since_mono_ms, Now now) {
  return std::max<int64_t>(0, now.mono_ms - since_mono_ms);
}

// What keeps a file from being read, by its state.
bool is_missing(const FileSnapshot& file) {
  return file.state.starts_with("missing");
}
bool is_unreadable(const FileSnapshot& file) {
  return file.state.starts_with("unreadable");
}

bool is_foreign(const FileSnapshot& file) {
  return file.state.starts_with("read by agent ");
}

// Why an input waits whose files another agent has read, once for each such agent.
std::string foreign_reason(const InputSnapshot& input) {
  std::string reasons;
  std::set<std::string> said;
  for (const FileSnapshot& file : input.files) {
    if (!is_foreign(file) || !said.insert(file.state).second) continue;
    if (!reasons.empty()) reasons += "; ";
    reasons += printable(file.path) + " is " + printable(file.state) +
               ", so the input waits: set agent_id to that name, or run 'lastseen positions take "
               "--from' or 'lastseen positions forget --agent' with it";
  }
  return reasons;
}

std::string with_last_error(std::string reason, const StoreSnapshot& store) {
  if (!store.last_error.empty()) reason += ": " + printable(store.last_error);
  return reason;
}

}  // namespace

std::string_view name_of(StoreState state) {
  switch (state) {
    case StoreState::kOk:
      return "ok";
    case StoreState::kRetrying:
      return "retrying";
    case StoreState::kHolding:
      return "holding";
  }
  return "unknown";
}

std::string_view state_of(const AgentSnapshot& snapshot) {
  return snapshot.state.empty() ? "starting" : std::string_view(snapshot.state);
}

int64_t uptime_ms(const AgentSnapshot& snapshot, Now now) {
  return snapshot.state.empty() ? 0 : age_ms(snapshot.started_mono_ms, now);
}

int64_t freshness_ms(const AgentSnapshot& snapshot, Now now) {
  return snapshot.oldest_pending_mono_ms == 0 ? 0 : age_ms(snapshot.oldest_pending_mono_ms, now);
}

std::optional<int64_t> last_commit_age_ms(const AgentSnapshot& snapshot, Now now) {
  if (snapshot.store.last_commit_mono_ms < 0) return std::nullopt;
  return age_ms(snapshot.store.last_commit_mono_ms, now);
}

uint64_t lag_bytes(const InputSnapshot& input) {
  uint64_t lag = 0;
  for (const FileSnapshot& file : input.files)
    lag += file.size > file.position ? file.size - file.position : 0;
  return lag;
}

std::string unread_inputs(const AgentSnapshot& snapshot) {
  std::string reasons;
  const auto add = [&reasons](const InputSnapshot& input, const std::string& why) {
    if (!reasons.empty()) reasons += "; ";
    reasons += "input '" + printable(input.name) + "': " + why;
  };
  for (const InputSnapshot& input : snapshot.inputs) {
    // Only an input of files tells how it watches them.
    if (input.files.empty() && !input.watching.empty()) add(input, "no file matches");
    if (const std::string foreign = foreign_reason(input); !foreign.empty()) add(input, foreign);
    const bool all_missing = std::all_of(input.files.begin(), input.files.end(), is_missing);
    for (const FileSnapshot& file : input.files) {
      if (is_unreadable(file) || all_missing)
        add(input, printable(file.path) + " is " + printable(file.state));
    }
  }
  return reasons;
}

std::string not_ready_reason(const AgentSnapshot& snapshot, Now now) {
  const StoreSnapshot& store = snapshot.store;
  if (state_of(snapshot).starts_with("stop")) return "the agent is stopping";
  if (!store.positions_loaded || state_of(snapshot) == "starting")
    return with_last_error("positions are not loaded from the store yet", store);
  if (store.state == StoreState::kRetrying)
    return with_last_error("the store is not reachable, retrying", store);
  if (store.state == StoreState::kHolding)
    return with_last_error("the store refuses data, holding it until that is mended", store);

  if (snapshot.begins_unstored) return "the store has not taken yet where the inputs begin";

  const int64_t limit_ms = kReadyFlushIntervals * snapshot.flush_interval_ms + kReadyMarginMs;
  const int64_t oldest_ms = freshness_ms(snapshot, now);
  if (oldest_ms > limit_ms)
    return "the oldest pending sighting was read " + std::to_string(oldest_ms) +
           " ms ago; at most " + std::to_string(limit_ms) + " ms are expected";
  return unread_inputs(snapshot);
}

}  // namespace lastseen
