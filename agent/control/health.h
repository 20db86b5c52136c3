// What follows from a snapshot at a given moment: ages, and whether the agent is ready. The one
// place of these rules, so that /status, /metrics, /readyz and the text for people agree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/snapshot.h"

namespace lastseen {

/// A pending sighting may be as old as this many flush intervals plus a margin (a slow commit,
/// one retry) before the agent counts as not ready. Both from the contract of /readyz.
inline constexpr int64_t kReadyFlushIntervals = 3;
inline constexpr int64_t kReadyMarginMs = 5000;

/// "ok", "retrying" or "holding".
std::string_view name_of(StoreState state);

/// The agent's state; "starting" before the first snapshot was published.
std::string_view state_of(const AgentSnapshot& snapshot);

int64_t uptime_ms(const AgentSnapshot& snapshot, Now now);

/// Age of the oldest pending sighting; 0 when none is pending.
int64_t freshness_ms(const AgentSnapshot& snapshot, Now now);

std::optional<int64_t> last_commit_age_ms(const AgentSnapshot& snapshot, Now now);

/// Bytes of an input's files that are written and not yet read.
uint64_t lag_bytes(const InputSnapshot& input);

/// Every file that cannot be read and every input without one, printable; empty: all are read. A
/// missing file counts only when its input has no other, since a rotation leaves a gap.
std::string unread_inputs(const AgentSnapshot& snapshot);

/// Empty when ready; else one printable line that says why not.
std::string not_ready_reason(const AgentSnapshot& snapshot, Now now);

}  // namespace lastseen
