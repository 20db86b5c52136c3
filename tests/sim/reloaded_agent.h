// An agent whose configuration changes: the real pipeline and flusher over one of two stores, and
// what the ingest, flush and opener threads hand to each other during a reload.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "fakes/recording_log.h"
#include "pipeline/pipeline.h"
#include "sim/flush_thread.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

class ReloadedAgent {
 public:
  static constexpr const char* kName = "sim";

  ReloadedAgent(SimStore* stores, size_t at, PipelineOptions options,
                std::vector<PipelineInput> inputs, const FlusherOptions& flusher_options, Now now);

  /// The first load of a store is waited for, and one that is under way ended.
  bool may_move() const;
  /// Loads that store, which may be the one it has. False: the reload is refused.
  bool open(size_t store);
  /// Once the store is open, if it is to be another; or to another table of the one it has.
  void change(PipelineChange change, bool other_table, Now now);

  void ingest(Now now);
  /// One step of the flush thread: begins a call of the store, or takes its answer.
  void flush(Now now, Random& random);

  bool changing() const { return changing_; }
  bool begins_unstored() const { return pipeline_.begins_unstored(); }
  bool idle(Now now) const;
  AgentSnapshot snapshot(Now now) const { return pipeline_.snapshot(now); }
  /// Which of the stores it has.
  size_t at() const { return at_; }
  SimStore& store() { return stores_[at_]; }
  /// By client: sightings that a store had taken and could not say so, and another one has, too.
  const std::map<std::string, uint64_t>& in_both() const { return in_both_; }
  /// What happened since the last call, for people.
  std::string take_told() { return std::exchange(told_, ""); }
  /// The first thing that broke an invariant, or empty.
  const std::string& broken() const { return broken_; }

 private:
  /// What the flusher is to go over to.
  struct Move {
    std::optional<AgentState> there;  // another store, loaded
    size_t to = 0;
    bool other_table = false;
  };

  void end_call(Now now, Random& random);
  void go_over(Now now);

  SimStore* stores_;
  size_t at_;
  RecordingLog log_;
  Pipeline pipeline_;
  FlushThread flush_;
  std::optional<FlushReply> moved_;
  std::optional<Move> opened_;  // by the opener
  std::optional<Move> posted_;  // to the flush thread
  std::map<std::string, uint64_t> in_both_;
  bool changing_ = false;
  bool moving_ = false;
  bool may_have_moved_ = false;
  bool store_left_ = false;
  std::string told_;
  std::string broken_;
};

}  // namespace lastseen::sim
