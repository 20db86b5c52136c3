// The agent between two crashes: the real parts, and what is on its way between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "fakes/fake_watcher.h"
#include "fakes/recording_log.h"
#include "pipeline/pipeline.h"
#include "sim/faulty_source.h"
#include "sim/flush_thread.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

/// How an agent is configured.
struct AgentOptions {
  struct Input {
    std::string name;
    std::string path;  ///< A glob.
  };
  std::vector<Input> inputs;
  Start start = Start::kBegin;
  uint64_t clients_max = 1000;
  int64_t flush_interval_ms = 100;
  int64_t resolution_ms = 0;
  size_t descriptors = 0;  ///< That files may have; 0: without limit.
  uint64_t seed = 0;
  SourceBugs bugs;
  bool unbounded_buffer = false;  ///< A planted bug: clients_max is not kept.
};

class Incarnation {
 public:
  /// A call that hangs longer is interrupted, as the main thread does.
  static constexpr int64_t kCallLimitMs = 40'000;

  Incarnation(const AgentOptions& options, FileSystem& disk, Store& store, Now now);

  void ingest(Now now);
  /// One step of the flush thread: begins a call of the store, or takes its answer. A call that is
  /// begun now is answered after `delay_ms`.
  void flush(Now now, int64_t delay_ms);
  void stop() { pipeline_->stop(); }
  bool finished() const { return pipeline_->finished(); }
  bool withholds() const { return flush_->snapshot().withheld > 0; }
  bool loaded() const { return pipeline_->loaded(); }
  bool idle(Now now) const;
  AgentSnapshot snapshot(Now now) const { return pipeline_->snapshot(now); }
  const RecordingLog& log() const { return log_; }
  FakeWatcher& watcher() { return watcher_; }
  /// The first thing that broke an invariant, or empty.
  const std::string& broken() const { return broken_; }

 private:
  void check_invariants(Now now);

  const uint64_t clients_max_;
  Store& store_;
  RecordingLog log_;
  FakeWatcher watcher_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<FlushThread> flush_;
  int64_t answer_mono_ms_ = 0;
  bool interrupted_ = false;
  std::string broken_;
};

}  // namespace lastseen::sim
