// Start reading here: the data's way from a source's bytes to a batch for the store.
//
//     Source ──bytes──▶ LineFramer ──line──▶ Parser ──sighting──▶ DedupBuffer ──Batch──▶ (Flusher)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/snapshot.h"
#include "base/status.h"
#include "parsers/parser.h"
#include "pipeline/dedup_buffer.h"
#include "pipeline/flusher.h"
#include "pipeline/line_framer.h"
#include "pipeline/read_times.h"
#include "pipeline/spill_keeper.h"
#include "source/source.h"

namespace lastseen {

struct PipelineOptions {
  std::string agent_id;
  uint64_t clients_max = 100'000;
  int64_t flush_interval_ms = 1000;
  uint64_t flush_clients = 0;  ///< 0: half of clients_max
  int64_t resolution_ms = 0;   ///< The flusher withholds by it; batches must keep coming then.
  bool once = false;           ///< Stop by itself when every source is drained.
  uint64_t hash_seed = 0;
};

/// One input of the configuration, built.
struct PipelineInput {
  std::string name;
  std::unique_ptr<Source> source;
  std::unique_ptr<Parser> parser;
  size_t line_bytes_max = 1 << 20;
  bool arrival_time = false;  ///< `clock: arrival`: a sighting carries when it was read.
  /// It cannot wait: it is read also before positions are known, may fill the whole buffer, and
  /// what finds no room there is lost.
  bool urgent = false;
  /// What was read exists nowhere else: it survives a store that went back, and goes into the
  /// spill.
  bool feed = false;
  /// Clients a second that it may add to the table; 0: none; nullopt: any number.
  std::optional<uint64_t> new_per_second_max = std::nullopt;
};

/// Reads, frames, parses and merges all inputs, and keeps their ledgers. A state machine: step()
/// does what is due and says when to come again; results of commits come back by deliver().
/// Ingest thread only, snapshots included.
class Pipeline {
 public:
  Pipeline(PipelineOptions options, std::vector<PipelineInput> inputs, Now now);

  struct Step {
    int64_t next_mono_ms = kNever;  ///< When to step again, unless something happens before.
    std::optional<Batch> batch;     ///< To be handed to the flusher; never while one is out.
    bool last = false;              ///< No batch will follow this one.
    /// To be done before the batch is handed over, and answered with spilled().
    std::optional<SpillOrder> spill;
  };
  Step step(Now now);

  /// What an earlier run had left in its spill file; before the first step().
  void found_spill(std::vector<SpillPart> parts) { spill_.found(std::move(parts)); }
  void spilled(SpillResult result, Now now) { spill_.done(result, now); }
  /// During a stop: the spill is brought up to date once everything that had arrived is taken in.
  void save_feeds() { save_asked_ = true; }

  void deliver(FlushReply reply, Now now);

  /// Reads what is written by now and commits it; then calls `done`, during a step or deliver().
  void request_flush(std::function<void(Status)> done);

  /// Reads nothing more; what was read still goes out. Safe to repeat.
  void stop();
  bool stopping() const { return stopping_; }
  /// After stop(): everything read is committed, or nothing was read.
  bool finished() const;

  /// Positions are known and reading has begun.
  bool loaded() const { return loaded_; }

  AgentSnapshot snapshot(Now now) const;

 private:
  struct Input {
    Input(PipelineInput parts, uint32_t index, ClientBudget& budget, uint64_t seed);
    PipelineInput parts;
    LineFramer framer;
    DedupBuffer buffer;
    LedgerCounts before;     // totals when the positions came
    LedgerCounts sealed;     // totals without what is pending or in `delta`
    LedgerCounts delta;      // since the last seal
    LedgerCounts out;        // of `sealed` what the batch that is out carries
    uint64_t in_flight = 0;  // sightings in that batch
    bool begun = false;      // reading is allowed
  };
  struct InFlight {
    uint64_t clients = 0;
    int64_t oldest_read_mono_ms = 0;
    bool last = false;
    std::vector<std::function<void(Status)>> flushes;
  };

  bool read_turn(Now now);
  bool may_read(const Input& input) const;
  bool read_chunk(Input& input, Now now);
  size_t take_records(Input& input, const Chunk& chunk, Now now);
  bool take_line(Input& input, std::string_view line, Now now);
  void take_losses();
  bool all_looked() const;
  bool received_all() const;
  bool seal_due(Now now, bool more) const;
  bool anything_to_seal() const;
  uint64_t buffered_sightings() const;
  int64_t next_seal_mono_ms() const;
  Batch seal(Now now, bool more);
  void positions_known(AgentState state, Now now);
  void start_input(Input& input, StoredInput stored, bool again, Now now);
  void take_back(const SpillPart& part, Now now);
  std::vector<SpilledInput> brought_by_feeds() const;
  bool feeds_pending() const;
  uint64_t lines_of_feeds() const;
  void batch_committed(const CommitResult& result);
  void finish_flushes(bool more);

  PipelineOptions options_;
  ClientBudget budget_;
  SpillKeeper spill_;
  ReadBuffer buffer_;
  std::vector<std::unique_ptr<Input>> inputs_;
  size_t turn_ = 0;  // which input reads next
  std::optional<InFlight> in_flight_;
  std::vector<std::function<void(Status)>> flushes_;  // not yet sealed
  uint32_t flush_turns_ = 0;                          // read turns since a flush was asked for
  int64_t started_mono_ms_;
  int64_t last_seal_mono_ms_;
  int64_t oldest_pending_mono_ms_ = 0;
  ReadTimes read_times_;
  bool loaded_ = false;
  bool first_batch_due_ = false;  // a start choice waits to be committed
  bool full_ = false;             // a line found no room; reading waits for a commit
  bool stopping_ = false;
  bool save_asked_ = false;
  bool last_sealed_ = false;
  bool ended_ = false;  // the last batch is committed, or nobody will take it
};

}  // namespace lastseen
