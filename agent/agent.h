// The running agent: pipeline and flusher on threads of their own, and what control may ask.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/state_file.h"
#include "base/tap.h"
#include "client_questions.h"
#include "config/config.h"
#include "control/agent_control.h"
#include "pipeline/flusher.h"
#include "pipeline/mailbox.h"
#include "pipeline/pipeline.h"
#include "reload_plan.h"
#include "source/feed.h"
#include "source/watcher.h"
#include "store/store.h"
#include "turn_watch.h"

namespace lastseen {

/// What a call of this store may take: beyond that the database's own timeouts did not help.
int64_t store_call_ms_max(const StoreSettings& store);

/// What a reloaded configuration changes, built and ready.
struct AgentChange {
  PipelineChange pipeline;
  FlusherOptions flusher;
  StoreReload store_reload = StoreReload::kNone;
  std::unique_ptr<Store> store;  ///< Unless kNone.
  int64_t store_call_ms_max = kNever;
  std::vector<std::shared_ptr<Feed>> feeds;
  /// Those whose socket can be made only when another one at the same path is gone.
  std::vector<std::shared_ptr<Feed>> feeds_later;
};

/// Two threads and the two one-slot mailboxes between them:
///
///     ingest: steps the pipeline ──Batch──▶ flush: steps the flusher, blocks in the store
///             ◀──FlushReply──
///
/// and one more thread for each feed, which receives and does nothing else.
///
/// Everything public is thread-safe. What is passed in must outlive the agent.
class Agent final : public AgentControl {
 public:
  /// `on_change` is called from ingest when the agent has finished; it must not block.
  Agent(std::string agent_id, Pipeline& pipeline, Flusher& flusher, std::unique_ptr<Store> store,
        Watcher& watcher, Clock& clock, Log& log, std::function<void()> on_change);
  ~Agent() override;

  /// Before start(): it runs on a thread of its own from then on.
  void add_feed(std::shared_ptr<Feed> feed) { receivers_.push_back({std::move(feed), {}}); }
  /// Before start(): called by reload(), on any thread.
  void set_reload(std::function<void(ReloadDone)> reload) { on_reload_ = std::move(reload); }
  /// Before start(): where the spill is kept; outlives the agent.
  void set_spill_file(StateFile& file) { spill_file_ = &file; }
  void start();

  /// Reading stops; what was read is committed, then finished() becomes true.
  void stop();
  /// After stop(): waits up to `timeout_ms` until what feeds brought is committed or in the spill
  /// file, or cannot be; the next snapshot() says which.
  void save_feeds(int64_t timeout_ms);
  bool finished() const { return finished_.load(); }
  bool taken_over() const { return taken_over_.load(); }

  /// Goes over to another configuration; change_result() is set when that is done or refused, and
  /// `on_change` called. A store is opened first, and if that fails nothing changes. Not while
  /// another change is under way.
  void change(AgentChange change);
  /// Once after each change().
  std::optional<Status> take_change_result();
  /// What `GET /config` shows from now on, and how the last reload ended.
  void tell_config(std::shared_ptr<const Config> config) {
    config_board_.publish(std::move(config));
  }
  void tell_reload(ReloadSnapshot reload) { reload_board_.publish(std::move(reload)); }

  /// Whether ingest has begun with the last change(); before, it has no effect.
  bool change_begun() const { return change_begun_.load(); }

  /// Waits up to `timeout_ms` for each thread to end, and joins them. False: one is still inside a
  /// store, the flush thread or the one that opens a store for change(), and only _exit() is safe.
  bool join(int64_t timeout_ms);

  /// Ends a store call that has not got on for longer than any timeout of the database should
  /// allow. A store that is about to be opened by change() has its own limit.
  void interrupt_hung_call(int64_t limit_ms);
  void interrupt_store();

  /// How far the threads have come, for TurnWatch; nudge() makes idle ones turn.
  Turns turns();
  void nudge();

  std::shared_ptr<const AgentSnapshot> snapshot() override;
  void flush(std::function<void(Status)> done) override;
  void reload(ReloadDone done) override { on_reload_(std::move(done)); }
  void ask_client(ClientQuestion question, ClientDone done) override;
  std::shared_ptr<TapQueue> tap(TapFilter filter) override { return taps_.open(std::move(filter)); }
  std::shared_ptr<const Config> config() override { return *config_board_.read(); }

 private:
  struct Receiver {
    std::shared_ptr<Feed> feed;
    std::thread thread;
  };
  struct FlushChange {
    FlusherOptions options;
    std::unique_ptr<Store> store;     // null: it stays
    std::optional<AgentState> there;  // set: it is another one, and this is what it has
  };
  void ingest_loop();
  void flush_loop();
  void take_requests();
  void take_questions(Now now);
  SpillResult carry_out(const SpillOrder& order);
  void say_not_spilled(const SpillOrder& order);
  void tell_saved(Now now);
  void publish(Now now, int64_t idle_ms);
  void call_store(Flusher::Action action);

  void open_store();
  void settle_load();
  bool may_load();
  std::optional<StoreError> ask_next_store();
  bool begin_opening(Store* store);
  void interrupt_hung_opening();
  bool end_opener(int64_t timeout_ms);
  bool stops() const { return stop_asked_ || flush_ends_; }
  void drop_change();
  void take_change();
  void say_positions_stay();
  void leave_store(Pipeline::Step& step);
  void finish_change();
  void end_change(Status result);
  void receive(std::shared_ptr<Feed> feed);
  void post(FlushChange change);
  void go_over(FlushChange change);
  bool taken_by_new_store(const StoreResult<CommitResult>& result) const;
  bool taken_by_refused_store(const StoreResult<CommitResult>& result);
  void drop_doubt(bool doubted, bool fence_was_ours);
  int64_t call_waited_ms();

  struct Order {
    Batch batch;
    bool release = false;
  };
  struct Answer {
    std::function<void(Status)> done;
    Status status;
  };

  std::string agent_id_;
  Pipeline& pipeline_;
  Flusher& flusher_;
  CallWatch call_watch_;    // the caller's of interrupt_hung_call() and turns()
  std::mutex store_mutex_;  // for interrupts: the flush thread alone uses and replaces it
  std::unique_ptr<Store> store_;
  // The same for the opener's, under the same mutex; null: it is in no call.
  Store* opening_ = nullptr;
  int64_t opening_since_mono_ms_ = 0;
  bool opening_hung_ = false;
  CallWatch opening_watch_;
  Watcher& watcher_;
  Clock& clock_;
  Log& log_;
  std::function<void()> on_change_;

  Mailbox<Order> to_flush_;
  Mailbox<FlushReply> to_ingest_;
  Mailbox<FlushReply> moved_;
  Board<AgentSnapshot> ingest_board_;
  Board<StoreSnapshot> store_board_;
  Board<ReloadSnapshot> reload_board_;
  Board<std::shared_ptr<const Config>> config_board_;
  std::function<void(ReloadDone)> on_reload_;

  ClientQuestions questions_;
  Taps taps_;

  std::mutex requests_mutex_;
  std::vector<std::function<void(Status)>> requests_;
  bool requests_closed_ = false;
  std::vector<Answer> answers_;  // ingest only: told after the snapshot is published
  int64_t published_mono_ms_ = INT64_MIN / 2;

  bool save_begun_ = false;
  StateFile* spill_file_ = nullptr;
  std::string spill_error_;  // told last
  std::promise<void> saved_;
  bool saved_told_ = false;

  std::atomic<bool> stop_asked_{false};
  std::atomic<bool> save_asked_{false};
  std::atomic<bool> flush_ends_{false};
  std::atomic<bool> finished_{false};
  std::atomic<bool> taken_over_{false};
  std::atomic<int64_t> call_began_mono_ms_{0};  // 0: not inside the store
  std::atomic<uint64_t> ingest_turns_{0};
  std::atomic<uint64_t> flush_turns_{0};

  std::vector<Receiver> receivers_;  // ingest's from start() until it has ended
  std::thread opener_;
  std::future<void> opener_end_;
  std::optional<AgentChange> change_;       // the opener's, then ingest's
  std::optional<AgentState> change_there_;  // what the other store has
  std::mutex change_mutex_;
  bool change_ready_ = false;
  std::atomic<bool> change_begun_{false};
  bool leaving_store_ = false;  // ingest's
  std::optional<FlushChange> flush_change_;
  std::optional<Status> change_result_;
  std::atomic<bool> moving_{false};          // the other store may be this one under another name
  std::atomic<bool> store_left_{false};      // and it is
  std::atomic<bool> loading_{false};         // flush is in Store::load
  std::atomic<bool> may_have_moved_{false};  // so may one that was refused
  std::thread ingest_;
  std::thread flush_;
  std::promise<void> flush_ended_;
  std::future<void> flush_end_ = flush_ended_.get_future();
};

}  // namespace lastseen
