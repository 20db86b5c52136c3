// Agent: another configuration, and another store.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "agent.h"

namespace lastseen {

namespace {

// How often a store that is to be left, or not to be opened any more, is interrupted.
constexpr int64_t kLeaveStoreMs = 50;

// So long the first load of a store that did not fail yet is waited for before it is left.
constexpr int64_t kFirstLoadMs = 5000;

bool says_taken_over(const StoreResult<CommitResult>& result) {
  const auto* answer = std::get_if<CommitResult>(&result);
  return answer && answer->outcome == CommitOutcome::kTakenOver;
}

}  // namespace

// By ourselves: the next store was loaded, which made its epoch the higher one.
bool Agent::taken_by_new_store(const StoreResult<CommitResult>& result) const {
  return moving_ && says_taken_over(result);
}

// By ourselves, too: the reply to that was lost, so the store was refused. What it has is asked for
// anew, once; if somebody else has taken over, it is the other one that stops.
bool Agent::taken_by_refused_store(const StoreResult<CommitResult>& result) {
  return says_taken_over(result) && may_have_moved_.exchange(false);
}

// A load or commit that moved the fence, and began after the load whose reply was lost, waited for
// the lock which that one held; had it been done, the fence would not be ours. A commit that finds
// itself done reads without the lock, and proves nothing.
void Agent::drop_doubt(bool doubted, bool fence_was_ours) {
  if (doubted && fence_was_ours) may_have_moved_ = false;
}

void Agent::go_over(FlushChange change) {
  std::unique_ptr<Store> old = std::move(change.store);
  if (old) {
    std::lock_guard lock(store_mutex_);
    store_.swap(old);
  }
  if (change.there) {
    moving_ = false;
    flusher_.move_to(std::move(*change.there), std::move(change.options), clock_.now());
    moved_.put(*flusher_.take_reply());
    watcher_.wake();
  } else {
    flusher_.change(std::move(change.options), old != nullptr);
  }
  store_board_.publish(flusher_.snapshot());
}

void Agent::change(AgentChange change) {
  if (opener_.joinable()) opener_.join();
  change_ = std::move(change);
  change_there_.reset();
  change_begun_ = false;
  store_left_ = false;
  std::promise<void> ended;
  opener_end_ = ended.get_future();
  opener_ = std::thread([this, ended = std::move(ended)]() mutable {
    open_store();
    ended.set_value();
  });
}

// What the store that is left knows of positions goes along, if it answers; afterwards nobody loads
// it, for the other one may be this one, and what it told would be out of date.
void Agent::settle_load() {
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(kLeaveStoreMs)); };
  const auto may_answer = [this] {
    const auto store = store_board_.read();
    return !store->positions_loaded && store->retries == 0;
  };
  for (int64_t waited = 0; may_answer() && !stops() && waited < kFirstLoadMs;
       waited += kLeaveStoreMs)
    pause();
  moving_ = true;
  for (; loading_ && !stops(); pause()) interrupt_store();
}

// Asked by the flush thread: says that it is loading before it looks, as settle_load() says that it
// moves before that looks.
bool Agent::may_load() {
  loading_ = true;
  if (moving_) loading_ = false;
  return loading_;
}

// On a thread of its own: it may take as long as a connection takes to be refused.
void Agent::open_store() {
  std::optional<StoreError> error;
  if (change_->store) {
    if (change_->store_reload == StoreReload::kOther) settle_load();
    if (stops()) return drop_change();
    begin_opening(change_->store.get());
    error = ask_next_store();
    if (begin_opening(nullptr) && error)
      error->message =
          "it has not answered for longer than its timeouts allow. See what the database waits for";
  }
  if (error) {
    if (error->perhaps_done) may_have_moved_ = true;
    moving_ = false;
    return end_change(
        Status::reject("the store of the new configuration cannot be used: " + error->message));
  }
  change_->pipeline.store_answers = store_board_.read()->state == StoreState::kOk;
  {
    std::lock_guard lock(change_mutex_);
    change_ready_ = true;
  }
  watcher_.wake();
}

std::optional<StoreError> Agent::ask_next_store() {
  if (change_->store_reload == StoreReload::kOther) {
    StoreResult<AgentState> loaded = change_->store->load(agent_id_);
    if (const auto* failed = std::get_if<StoreError>(&loaded)) return *failed;
    change_there_ = std::move(std::get<AgentState>(loaded));
    return std::nullopt;
  }
  const std::optional<StoreError> error = change_->store->probe(agent_id_);
  // While the database is away it cannot be asked; then the new settings are as good as the old.
  const bool away = store_board_.read()->state != StoreState::kOk;
  if (error && (error->trouble == StoreTrouble::kHolding || !away)) return *error;
  return std::nullopt;
}

// From now on the opener is inside `store`, or in none. Whether it had to be interrupted.
bool Agent::begin_opening(Store* store) {
  std::lock_guard lock(store_mutex_);
  opening_ = store;
  opening_since_mono_ms_ = clock_.now().mono_ms;
  return std::exchange(opening_hung_, false);
}

void Agent::interrupt_hung_opening() {
  std::lock_guard lock(store_mutex_);
  if (!opening_) return;
  const int64_t waited_ms =
      opening_watch_.waited_ms(opening_since_mono_ms_, opening_->answers(), clock_.now().mono_ms);
  if (waited_ms < change_->store_call_ms_max) return;
  opening_hung_ = true;
  opening_->interrupt();
}

// An interruption may come just before the call that then waits; one that is inside libpq's connect
// is not ended by it at all.
bool Agent::end_opener(int64_t timeout_ms) {
  if (!opener_.joinable()) return true;
  for (int64_t waited = 0;; waited += kLeaveStoreMs) {
    {
      std::lock_guard lock(store_mutex_);
      if (opening_) opening_->interrupt();
    }
    const auto pause = std::chrono::milliseconds(kLeaveStoreMs);
    if (opener_end_.wait_for(pause) == std::future_status::ready) break;
    if (waited >= timeout_ms) return false;
  }
  opener_.join();
  return true;
}

// A stop came first. The other store was perhaps loaded, and may be this one under another name.
void Agent::drop_change() {
  if (change_there_) may_have_moved_ = true;
  moving_ = false;
  end_change(Status::retry("the agent stops, so it ended without effect"));
}

void Agent::take_change() {
  if (store_left_.exchange(false)) pipeline_.store_left();
  {
    std::lock_guard lock(change_mutex_);
    if (!std::exchange(change_ready_, false)) return;
  }
  if (stops()) return drop_change();
  change_begun_ = true;
  // Feeds that have ended, and whose sources are gone.
  std::erase_if(receivers_, [](Receiver& receiver) {
    const bool over = receiver.feed.use_count() == 1;
    if (over) receiver.thread.join();
    return over;
  });
  pipeline_.change(std::move(change_->pipeline), clock_.now());
  for (auto& feed : std::exchange(change_->feeds, {})) receive(std::move(feed));
  if (!change_there_) post({change_->flusher, std::move(change_->store), std::nullopt});
}

void Agent::say_positions_stay() {
  log_.warn(
      "the store that is left was never reached, so positions that it has are not taken over: "
      "inputs go on where the next one has them, or begin by their `start`. What is skipped so, "
      "'lastseen backfill' reads; see the log for where each input begins");
}

// Flush is told to leave the store that it may be waiting for. One interruption does not do: it may
// come just before the call that then waits.
void Agent::leave_store(Pipeline::Step& step) {
  {
    const std::lock_guard lock(change_mutex_);
    leaving_store_ = flush_change_.has_value();
    if (!leaving_store_) return;
    interrupt_store();
  }
  step.next_mono_ms = std::min(step.next_mono_ms, clock_.now().mono_ms + kLeaveStoreMs);
}

void Agent::finish_change() {
  moving_ = false;
  for (auto& feed : std::exchange(change_->feeds_later, {})) receive(std::move(feed));
  if (pipeline_.begins_unstored())
    log_.warn(
        "the store has not taken yet where the inputs of the new configuration begin; until it "
        "has, a restart would choose that anew by their start, so let the agent run until "
        "/readyz says ready");
  end_change(Status::ok());
}

void Agent::end_change(Status result) {
  {
    std::lock_guard lock(change_mutex_);
    change_result_ = std::move(result);
  }
  on_change_();
}

std::optional<Status> Agent::take_change_result() {
  std::lock_guard lock(change_mutex_);
  return std::exchange(change_result_, std::nullopt);
}

void Agent::post(FlushChange change) {
  {
    std::lock_guard lock(change_mutex_);
    flush_change_ = std::move(change);
  }
  to_flush_.poke();
}

}  // namespace lastseen
