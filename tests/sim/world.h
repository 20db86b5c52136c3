// One simulated world: a proxy that writes and rotates, a disk, a store, and the real agent
// between them, all stepped in an order that a seed decides.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "fakes/fake_file_system.h"
#include "fakes/fake_watcher.h"
#include "fakes/recording_log.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

/// Bugs that can be planted, to show that the simulation would find them.
struct Bugs {
  StoreBugs store;
  bool forget_old_descriptor = false;  ///< A renamed file is read no further.
};

struct WorldOptions {
  uint64_t seed = 1;
  int steps = 600;
  Bugs bugs;
  bool verbose = false;  ///< Print what happens, for a replay.
};

/// Runs one world to its end. Empty when every invariant held, else what was broken.
std::string run_world(const WorldOptions& options);

/// The proxy: writes lines to an open descriptor, in pieces, and knows what the truth is.
class Proxy {
 public:
  Proxy(FakeFileSystem& disk, Random& random) : disk_(disk), random_(random) {}

  void open();         ///< (Re)opens the log, creating it if it is missing (USR1).
  void write_piece();  ///< Some bytes of a line, or of several.
  void finish_line();
  void rotate();      ///< Renames the chain; goes on writing to the old file.
  void create_new();  ///< logrotate's `create`, before the proxy reopens.
  bool mid_line() const { return !unwritten_.empty(); }

  uint64_t lines() const { return lines_; }
  const std::map<std::string, StoredClient>& truth() const { return truth_; }

 private:
  void next_line();

  FakeFileSystem& disk_;
  Random& random_;
  std::optional<FakeFileSystem::Writer> writer_;
  std::string unwritten_;  // of the line that is being written
  std::string client_;     // whom that line names; empty: nobody
  int64_t seen_at_ms_ = 0;
  int64_t clock_ms_ = 1'795'000'000'000;
  uint64_t lines_ = 0;
  int rotations_ = 0;
  std::map<std::string, StoredClient> truth_;
};

/// The agent between two crashes: the real parts, and what is on its way between them.
class Incarnation {
 public:
  /// `glob_all`: the input names rotated files as well.
  Incarnation(FileSystem& disk, Store& store, bool glob_all, uint64_t seed, Now now);

  void ingest(Now now);
  void flush(Now now);
  void stop() { pipeline_->stop(); }
  bool finished() const { return pipeline_->finished(); }
  bool idle(Now now) const;
  AgentSnapshot snapshot(Now now) const { return pipeline_->snapshot(now); }
  const RecordingLog& log() const { return log_; }
  /// The first thing that broke an invariant, or empty.
  const std::string& broken() const { return broken_; }

 private:
  void check_invariants(Now now);

  Store& store_;
  RecordingLog log_;
  FakeWatcher watcher_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Flusher> flusher_;
  std::optional<Batch> order_;
  bool order_last_ = false;
  std::optional<FlushReply> reply_;
  // A call of the store that has happened, and whose answer the flusher does not have yet.
  std::optional<StoreResult<AgentState>> loaded_;
  std::optional<StoreResult<CommitResult>> committed_;
  std::string broken_;
};

}  // namespace lastseen::sim
