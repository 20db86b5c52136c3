// What the agent says of itself: published by ingest once a step, read by control and the log.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/ledger.h"

namespace lastseen {

/// One followed file (or other stream) of an input.
struct FileSnapshot {
  std::string path;
  uint64_t position = 0;  ///< bytes
  uint64_t size = 0;      ///< bytes, when last looked at
  std::string state;      ///< "reading", "idle", "rotated", "deleted", "unreadable: why", …
  uint64_t refused = 0;   ///< Connections of a feed that were turned away since start.
  /// Bytes that came since start and that the next one skips, if the store does not know the input.
  uint64_t unsettled = 0;
};

struct InputSnapshot {
  std::string name;
  LedgerCounts totals;   ///< Since the input was first seen; lines_read = settled() + pending.
  LedgerCounts before;   ///< Those totals as this run found them in the store.
  uint64_t pending = 0;  ///< Lines whose sighting is read and not committed.
  bool feed = false;     ///< What was read exists nowhere else.
  std::string watching;  ///< "inotify" or "polling"; empty: not told.
  std::vector<FileSnapshot> files;

  /// Connections that all its feeds have turned away.
  uint64_t connections_refused() const {
    uint64_t sum = 0;
    for (const FileSnapshot& file : files) sum += file.refused;
    return sum;
  }
};

enum class StoreState { kOk, kRetrying, kHolding };

struct StoreSnapshot {
  std::string type;
  StoreState state = StoreState::kRetrying;
  bool positions_loaded = false;
  uint64_t batches = 0;    ///< Committed since start.
  uint64_t rows = 0;       ///< Rows sent in committed batches since start.
  uint64_t retries = 0;    ///< Attempts that failed since start.
  uint64_t clamped = 0;    ///< Times from the future, clamped by the store's clock.
  uint64_t rewinds = 0;    ///< How often the store went back.
  uint64_t withheld = 0;   ///< Clients whose newest time `last_seen.resolution` withholds.
  std::string last_error;  ///< Empty while ok; never holds a password.
  int64_t last_commit_mono_ms = -1;  ///< -1: none yet.
  int64_t last_commit_duration_ms = -1;
  DurationHistogram commit_ms;          ///< How long each commit since the start took.
  CountHistogram commit_rows;           ///< Rows sent in each of them.
  DurationHistogram read_to_commit_ms;  ///< For each line with a sighting.
};

/// How reloading the configuration went.
struct ReloadSnapshot {
  uint64_t done = 0;          ///< Since start.
  uint64_t failed = 0;        ///< Since start.
  int64_t last_mono_ms = -1;  ///< When the last one ended; -1: none yet.
  std::string error;          ///< Of the last one; empty: it went well.
};

/// One moment of the whole agent. The ledger's equation holds in each.
struct AgentSnapshot {
  std::string agent_id;
  std::string state;  ///< "starting", "running", "stopping", "stopped"
  int64_t started_mono_ms = 0;
  int64_t at_mono_ms = 0;  ///< When it was taken.
  std::vector<InputSnapshot> inputs;
  uint64_t buffer_clients = 0;  ///< All generations together.
  uint64_t buffer_clients_max = 0;
  int64_t oldest_pending_mono_ms = 0;  ///< When the oldest pending sighting was read; 0: none.
  int64_t flush_interval_ms = 0;
  bool begins_unstored = false;  ///< Where inputs begin is not committed: a start chooses anew.
  /// Lines that an earlier run left in the spill file; the store has not told yet of which it
  /// knows.
  uint64_t spill_found = 0;
  bool feeds_saved = true;     ///< What feeds brought is committed or in the spill file.
  uint64_t spill_saved = 0;    ///< Of the pending lines of feeds, how many are in the spill file.
  bool spill_on_disk = false;  ///< There is one, though all of it may be committed.
  StoreSnapshot store;
  ReloadSnapshot reload;
};

/// The place where the newest value waits for whoever asks. Thread-safe.
template <typename T>
class Board {
 public:
  void publish(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    std::lock_guard lock(mutex_);
    current_ = std::move(next);
  }
  /// Never null; a default T before the first publish().
  std::shared_ptr<const T> read() const {
    std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_ = std::make_shared<const T>();
};

}  // namespace lastseen
