// Start reading here: the data's way from a source's bytes to a batch for the store.
//
//     Source ──bytes──▶ LineFramer ──line──▶ Parser ──sighting──▶ DedupBuffer ──Batch──▶ (Flusher)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/client_view.h"
#include "base/clock.h"
#include "base/snapshot.h"
#include "base/status.h"
#include "base/tap.h"
#include "parsers/parser.h"
#include "pipeline/dedup_buffer.h"
#include "pipeline/flusher.h"
#include "pipeline/parsed_lines.h"
#include "pipeline/pipeline_change.h"
#include "pipeline/pipeline_input.h"
#include "pipeline/read_times.h"
#include "pipeline/spill_keeper.h"
#include "source/source.h"

namespace lastseen {

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
    bool release = false;     ///< What `last_seen.resolution` withholds goes out with the batch.
    bool move_store = false;  ///< The flusher is to go over to the other store and to reply kMoved.
    bool changed =
        false;  ///< What change() asked for is done, but for what begins_unstored() says.
  };
  Step step(Now now);

  /// What an earlier run had left in its spill file; before the first step(). Inputs that are not
  /// there any more are added for it.
  void found_spill(std::vector<SpillPart> parts);
  void spilled(SpillResult result, Now now) { spill_.done(result, now); }
  /// During a stop: the spill is brought up to date once everything that had arrived is taken in.
  void save_feeds() { save_asked_ = true; }

  void deliver(FlushReply reply, Now now);

  /// Reads what is written by now and commits it; then calls `done`, during a step or deliver().
  void request_flush(std::function<void(Status)> done);

  /// Goes over to another configuration, in steps: reads what is written by now the old way, lets
  /// inputs that leave commit what they brought, keeps the sources that stay as they are. Not while
  /// another change is under way.
  void change(PipelineChange change, Now now);
  /// The store that is left takes nothing more: no use to wait for it.
  void store_left() { stage_deadline_mono_ms_ = 0; }

  /// Reads nothing more; what was read still goes out. Safe to repeat.
  void stop();
  bool stopping() const { return stopping_; }
  /// After stop(): everything read is committed, or nothing was read.
  bool finished() const;

  /// Positions are known and reading has begun.
  bool loaded() const { return loaded_; }
  /// Where inputs begin to be read, or by what name or in which store they go on, is not committed
  /// yet: a new start would choose anew.
  bool begins_unstored() const;

  AgentSnapshot snapshot(Now now) const;

  /// Adds what is read of a client and in no batch yet.
  void look_up(const std::string& client_id, ClientView& view) const;
  /// Who sees each line from now on; null: nobody, which costs nothing.
  void show_lines_to(Taps* taps) { taps_ = taps; }

 private:
  using Keys = std::set<std::string>;  // Position::stream
  /// Where the positions of a renamed input are stored until they are under its new name.
  struct Origin {
    std::string name;               ///< Of the input that its source came from; empty: none.
    std::set<std::string> earlier;  ///< Or under one of these, if it was renamed faster.
    Keys keys;                      ///< Of the positions.
  };
  /// Takes the place of an input of the same name once that is idle.
  struct Next {
    PipelineInput parts;
    bool begun = false;  // its source is at work already
    Origin origin;
  };
  /// What a log had brought whose place a feed has taken, and no batch has yet.
  struct Left {
    Batch brought;
    LedgerCounts delta;
    std::vector<Position> positions;
    uint64_t sightings = 0;
  };
  struct Input {
    Input(PipelineInput parts, uint32_t index, ClientBudget& budget,
          const PipelineOptions& options);
    PipelineInput parts;
    DedupBuffer buffer;
    size_t piece_bytes;      // of a stretch: its lines are to fit
    LedgerCounts before;     // totals when the positions came
    LedgerCounts sealed;     // totals without what is pending or in `delta`
    LedgerCounts delta;      // since the last seal
    LedgerCounts out;        // of `sealed` what the batch that is out carries
    uint64_t in_flight = 0;  // sightings in that batch
    bool begun = false;      // reading is allowed
    bool held_back = false;  // another agent has read its files
    // pipeline_change.cc:
    LedgerCounts carried;      // totals of an earlier store that this one does not have yet
    LedgerCounts out_carried;  // the same in the batch that is out
    Origin origin;
    bool renamed_out = false;  // the batch that is out has them under the new name
    bool leaving = false;      // it is removed, or `next` takes its place, when it is idle
    bool gave_source = false;  // its source lives on under another name
    Keys rows_gone;            // of positions that live on under another name
    Keys rows_out;             // of these what the batch that is out takes away
    std::unique_ptr<Next> next;
    std::unique_ptr<Left> left;
  };
  struct InFlight {
    uint64_t clients = 0;
    int64_t oldest_read_mono_ms = 0;
    bool last = false;
    bool release = false;
    bool begins = false;  // it commits where inputs begin
    size_t inputs = 0;    // later ones are not in it
    std::vector<std::function<void(Status)>> flushes;
  };

  bool read_turn(Now now);
  bool may_read(const Input& input) const;
  bool read_chunk(Input& input, Now now);
  void split(const Chunk& chunk, size_t from, bool discarding, bool shared);
  void fit_pieces(Input& input, size_t lines_most) const;
  void parse_pieces(Input& input, const Chunk& chunk, Now now, const Workers::Take& take);
  size_t count_lines(Input& input, const ParsedLines& parsed, Now now);
  void show_lines(const Input& input, const Piece& piece, const ParsedLines& parsed,
                  size_t counted);
  void take_losses();
  void end_sources();
  bool all_looked() const;
  bool caught_up() const;
  bool received_all() const;
  bool seal_due(Now now, bool more) const;
  bool withheld_due() const { return withheld_ > 0 && options_.resolution_ms == 0; }
  bool anything_to_seal() const;
  uint64_t buffered_sightings() const;
  int64_t heartbeat_mono_ms() const;
  int64_t next_seal_mono_ms() const;
  Batch seal(Now now, bool more);
  void positions_known(AgentState state, Now now);
  void start_input(Input& input, const StoredInput& stored, bool again, Now now);
  void take_back(const SpillPart& part, Now now);
  static void wait_for_feed(Input& input);
  std::vector<SpilledInput> brought_by_feeds() const;
  bool feeds_pending() const;
  uint64_t lines_of_feeds() const;
  void batch_committed(const CommitResult& result);
  void void_batch();
  void finish_flushes(bool more);

  // pipeline_change.cc: another configuration.
  enum class Stage {
    kNone,
    kReading,     // what was written when it was asked for, the old way
    kCommitting,  // to the store that is left
    kMoving,      // the flusher goes over to the other store
    kEnding,      // feeds that leave give out what they have
  };
  void change_step(Now now, bool more, Step& step);
  void enter_ending(Now now);
  void change_inputs(Now now);
  void change_in_place(Input& input, InputChange& change, Now now);
  void start_unknown(Input& input, Now now);
  void take_source(Input& from, InputChange& change, Next& next);
  void add_input(Next next, Now now);
  void leave(Input& input);
  void settle_leaving(Now now);
  bool is_idle(const Input& input) const;
  bool has_given_all(const Input& input) const;
  bool leaving_due() const;
  bool may_take_place(const Input& input) const;
  void take_place(Input& input, Now now);
  void leave_behind(Input& input);
  static size_t seal_left(Input& input, Left& left, Batch& batch);
  void drop_left(Input& input);
  StoredInput known_of(Input& input);
  void remove_input(size_t index);
  static void renumber(Input& input, uint32_t index);
  Input* find_input(const std::string& name);

  // pipeline_names.cc: under which name positions are stored.
  static Keys keys_of(Source& source);
  Next* waiting_source_of(const Input& former) const;
  void collect_positions(Input& input, std::vector<Position>& out, Now now);
  bool names_wait() const;
  void take_rows_along(Next& next);
  static void rows_not_gone(Input& input);

  // pipeline_stores.cc: what a store has.
  static const AgentState::Input* find_in(const AgentState& state, const std::string& name);
  void restore_next(Next& next, const AgentState& state, Now now);
  void remember_strangers(const AgentState& state);
  StoredInput stored_of(const AgentState& state, Input& input);
  bool holds(const AgentState& there, const Batch& batch) const;
  void store_moved(FlushReply reply, Now now);
  void take_batch_back(const Batch& batch, Now now);

  PipelineOptions options_;
  ClientBudget budget_;
  SpillKeeper spill_;
  Taps* taps_ = nullptr;
  std::vector<ReadBuffer> buffers_;  // one for each worker; sources read into the first
  std::vector<Piece> pieces_;        // of the chunk at hand, for the workers
  std::vector<ParsedLines> parsed_;  // and what they say
  std::vector<std::unique_ptr<Input>> inputs_;
  size_t turn_ = 0;  // which input reads next
  std::optional<InFlight> in_flight_;
  std::vector<std::function<void(Status)>> flushes_;  // not yet sealed
  uint32_t flush_turns_ = 0;                          // since a flush was asked for
  int64_t started_mono_ms_;
  int64_t last_seal_mono_ms_;
  int64_t oldest_pending_mono_ms_ = 0;
  ReadTimes read_times_;
  bool loaded_ = false;
  bool first_batch_due_ = false;  // a start choice waits to be committed
  uint64_t withheld_ = 0;         // clients whose newest times the flusher withholds
  bool full_ = false;             // a line found no room; reading waits for a commit
  bool cramped_ = false;          // the last chunk was left because of that
  bool stopping_ = false;
  bool save_asked_ = false;
  bool last_sealed_ = false;
  std::optional<PipelineChange> change_;
  Stage stage_ = Stage::kNone;
  int64_t stage_deadline_mono_ms_ = 0;
  uint32_t change_turns_ = 0;
  bool final_sealed_ = false;  // for the store that is left
  bool final_committed_ = false;
  uint64_t lines_of_gone_feeds_ = 0;
  std::map<std::string, StoredInput> strangers_;  // what the store has of other inputs
  // What it has of other agents, when it was last loaded; for inputs that it does not know.
  std::shared_ptr<const std::vector<ForeignPosition>> foreign_;
  bool ended_ = false;  // the last batch is committed, or nobody will take it
};

}  // namespace lastseen
