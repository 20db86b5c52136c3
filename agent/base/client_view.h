// What a running agent knows of one client; the store may know more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace lastseen {

struct ClientQuestion {
  std::string client_id;
  /// Set: its row was deleted, so what is remembered as committed is forgotten, and a sighting up
  /// to this time (UTC, ms) that `last_seen.resolution` withholds too.
  std::optional<int64_t> forget_until_ms = std::nullopt;
};

struct ClientView {
  uint64_t pending = 0;  ///< Lines that are read and not committed.
  /// The newest sighting that is not in the store; also what `last_seen.resolution` withholds,
  /// whose lines count as committed.
  std::optional<int64_t> pending_last_seen_ms;
  /// What this agent committed last, if it remembers.
  std::optional<int64_t> committed_last_seen_ms;

  bool is_known() const { return pending_last_seen_ms || committed_last_seen_ms; }
  void add_pending(uint64_t lines, int64_t last_seen_ms) {
    pending += lines;
    pending_last_seen_ms = std::max(pending_last_seen_ms.value_or(last_seen_ms), last_seen_ms);
  }
};

}  // namespace lastseen
