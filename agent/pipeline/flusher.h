// Brings each batch into the store, exactly once, however often that has to be tried.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/client_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/random.h"
#include "base/snapshot.h"
#include "pipeline/commit_listener.h"
#include "pipeline/flush_summary.h"
#include "pipeline/new_client_limits.h"
#include "pipeline/recent_clients.h"
#include "store/store.h"

namespace lastseen {

struct FlusherOptions {
  int64_t retry_initial_ms = 200;
  int64_t retry_max_ms = 5000;
  int64_t resolution_ms = 0;
  uint64_t clients_max = 100'000;
  uint64_t seed = 0;  ///< For jitter and hash tables.
  std::string store_type;
};

/// What the flusher tells ingest. The only way in which results reach the ledger.
struct FlushReply {
  enum class Kind {
    kPositions,  ///< Positions are known: at start, or again because the store went back.
    kCommitted,  ///< The batch in flight is in the store.
    kTakenOver,  ///< Another instance runs under this agent_id: stop, exit 2.
    kMoved,      ///< Another store took over, with what it has; see move_to().
  };
  Kind kind = Kind::kCommitted;
  AgentState state;            ///< kPositions, kMoved
  CommitResult result;         ///< kCommitted
  std::optional<Batch> batch;  ///< kMoved: what was in flight, under the old store's numbers.
  uint64_t withheld = 0;       ///< Clients whose newest times `last_seen.resolution` withholds now.
};

/// A state machine with at most one batch in flight. It calls nothing that blocks: step() says
/// what is to be done, whoever drives it does that and tells the outcome.
///
///     loading ──loaded──▶ idle ──offer──▶ committing ──committed──▶ idle
///        ▲ └─failed─▶ (wait, again)            │ └─failed─▶ (wait, again)
///        └──────────── the store went back ────┘
///
/// After kProbeAfterFailures in a row it is probed before anything is sent again.
///
/// A batch keeps its number through all tries, so the fence tells a try that did commit from one
/// that did not. Flush thread only.
class Flusher {
 public:
  Flusher(FlusherOptions options, Log& log);

  enum class Action {
    kWait,    ///< Nothing to do before `until_mono_ms`, or before the next offer().
    kLoad,    ///< Call Store::load, then loaded().
    kProbe,   ///< Call Store::probe, then probed(). After failures in a row, before more is sent.
    kCommit,  ///< Call Store::commit with batch(), then committed().
    kStop,    ///< Another instance took over; nothing will ever be committed again.
  };
  struct Step {
    Action action;
    int64_t until_mono_ms;
  };
  Step step(Now now) const;

  /// A new batch; only when the last one was answered. `last`: the agent stops after it, so what
  /// `last_seen.resolution` withheld goes out with it.
  void offer(Batch batch, bool last, Now now);
  const Batch& batch() const { return *batch_; }

  void loaded(StoreResult<AgentState> result, Now now);
  void probed(std::optional<StoreError> error, Now now);
  void committed(StoreResult<CommitResult> result, Now started, Now now);

  /// `other_table`: what was committed lately may not be in the table of clients from now on.
  void change(FlusherOptions options, bool other_table = false);
  /// From now on batches go into another store, which was loaded. What was in flight is given back,
  /// and everything is sent to the new store that the old one was known to have.
  void move_to(AgentState there, FlusherOptions options, Now now);

  /// Adds what is in flight of a client, what is withheld, and what was committed last; and first
  /// forgets that, if asked to.
  void look_up(const ClientQuestion& question, ClientView& view);

  /// What ingest has to be told since the last call, if anything.
  std::optional<FlushReply> take_reply();

  void add_listener(CommitListener& listener) { listeners_.push_back(&listener); }
  const StoreSnapshot& snapshot() const { return snapshot_; }

 private:
  enum class State { kLoading, kIdle, kCommitting, kTakenOver };

  void failed(const StoreError& error, Now now);
  void succeeded(Now now);
  void finish_commit(CommitResult result, Now started, Now now);
  void went_back();
  void distrust();
  void note_withheld(uint64_t on_the_way);
  void measure(uint64_t rows, Now now);
  void announce(const CommitResult& result, Now now);
  void announce_flush(uint64_t rows, Now now);
  void announce_not_allowed(const CommitResult& result, Now now);

  FlusherOptions options_;
  Log& log_;
  Random random_;
  RecentClients recent_;
  NewClientLimits limits_;
  State state_ = State::kLoading;
  std::optional<Batch> batch_;
  bool nothing_taken_ = false;  // since move_to()
  bool sent_less_ = false;      // some try may have left out rows of batch_ that it sends now
  bool last_ = false;           // the agent stops after batch_
  uint64_t epoch_ = 0;
  uint64_t last_batch_ = 0;
  int64_t next_try_mono_ms_ = INT64_MIN;
  uint32_t failures_ = 0;  // in a row
  FlushSummary summary_;
  Pace refused_pace_;
  Pace clamped_pace_;
  std::map<std::string, Pace, std::less<>> limit_paces_;  // by input
  bool probed_ = false;  // a probe succeeded since the last failure
  std::optional<FlushReply> reply_;
  std::vector<CommitListener*> listeners_;
  StoreSnapshot snapshot_;
};

}  // namespace lastseen
