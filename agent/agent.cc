#include "agent.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace lastseen {

namespace {

// How old a published snapshot may become while ingest is busy. Building one is cheap, but not
// for each of 50 steps a second with a thousand files.
constexpr int64_t kPublishEveryMs = 100;
// A store call that takes longer keeps a question about a client from being answered soon.
constexpr int64_t kStoreHangsMs = 1000;
// How soon is looked again whether the flusher may load its store.
constexpr int64_t kMovingLookMs = 50;
// What a store call may take beyond the database's own timeouts before its socket is shut down.
constexpr int64_t kHungCallGraceMs = 5000;
}  // namespace

int64_t store_call_ms_max(const StoreSettings& store) {
  return store.timeout_connect + store.timeout_statement + kHungCallGraceMs;
}

Agent::Agent(std::string agent_id, Pipeline& pipeline, Flusher& flusher,
             std::unique_ptr<Store> store, Watcher& watcher, Clock& clock, Log& log,
             std::function<void()> on_change)
    : agent_id_(std::move(agent_id)),
      pipeline_(pipeline),
      flusher_(flusher),
      store_(std::move(store)),
      watcher_(watcher),
      clock_(clock),
      log_(log),
      on_change_(std::move(on_change)) {
  ingest_board_.publish(pipeline_.snapshot(clock_.now()));
  store_board_.publish(flusher_.snapshot());
}

Agent::~Agent() {
  if (!ingest_.joinable()) return;
  stop();
  join(kNever);
}

void Agent::start() {
  flush_ = std::thread([this] {
    flush_loop();
    flush_ended_.set_value();
  });
  for (Receiver& receiver : receivers_)
    receiver.thread = std::thread([feed = receiver.feed.get()] { feed->run(); });
  ingest_ = std::thread([this] { ingest_loop(); });
  // For `top -H`, and for whoever asks which of them hangs.
  pthread_setname_np(flush_.native_handle(), "flush");
  pthread_setname_np(ingest_.native_handle(), "ingest");
}

// Ingest's, as the list of them.
void Agent::receive(std::shared_ptr<Feed> feed) {
  std::thread thread([feed = feed.get()] { feed->run(); });
  receivers_.push_back({std::move(feed), std::move(thread)});
}

void Agent::stop() {
  stop_asked_ = true;
  watcher_.wake();
}

bool Agent::join(int64_t timeout_ms) {
  flush_ends_ = true;
  to_flush_.poke();
  if (timeout_ms == kNever) {
    flush_end_.wait();
  } else if (flush_end_.wait_for(std::chrono::milliseconds(timeout_ms)) !=
             std::future_status::ready) {
    return false;
  }
  if (!end_opener(timeout_ms)) return false;
  flush_.join();
  ingest_.join();
  for (Receiver& receiver : receivers_) receiver.thread.join();
  return true;
}

void Agent::save_feeds(int64_t timeout_ms) {
  if (save_asked_.exchange(true)) return;
  watcher_.wake();
  saved_.get_future().wait_for(std::chrono::milliseconds(timeout_ms));
}

void Agent::interrupt_hung_call(int64_t limit_ms) {
  interrupt_hung_opening();
  const int64_t waited_ms = call_waited_ms();
  if (waited_ms < limit_ms) return;
  log_.warn(
      "the store has not answered for longer than its timeouts allow; dropping the "
      "connection and trying again. See what the database waits for",
      {{"waited_ms", waited_ms}});
  interrupt_store();
}

int64_t Agent::call_waited_ms() {
  std::lock_guard lock(store_mutex_);
  return call_watch_.waited_ms(call_began_mono_ms_.load(), store_->answers(), clock_.now().mono_ms);
}

void Agent::interrupt_store() {
  std::lock_guard lock(store_mutex_);
  store_->interrupt();
}

Turns Agent::turns() {
  return {ingest_turns_.load(), flush_turns_.load(), call_waited_ms()};
}

void Agent::nudge() {
  watcher_.wake();
  to_flush_.poke();
}

std::shared_ptr<const AgentSnapshot> Agent::snapshot() {
  auto whole = std::make_shared<AgentSnapshot>(*ingest_board_.read());
  whole->store = *store_board_.read();
  whole->reload = *reload_board_.read();
  return whole;
}

void Agent::flush(std::function<void(Status)> done) {
  {
    std::lock_guard lock(requests_mutex_);
    if (!requests_closed_) {
      requests_.push_back(std::move(done));
      done = nullptr;
    }
  }
  if (done) return done(Status::retry("the agent is stopping"));
  watcher_.wake();
}

void Agent::ingest_loop() {
  for (;;) {
    ingest_turns_.fetch_add(1, std::memory_order_relaxed);
    Now now = clock_.now();
    auto moved = moved_.take();  // before what it came after
    if (auto reply = to_ingest_.take()) {
      if (reply->kind == FlushReply::Kind::kTakenOver) taken_over_ = true;
      pipeline_.deliver(std::move(*reply), now);
    }
    if (moved) pipeline_.deliver(std::move(*moved), now);
    take_change();
    take_requests();
    take_questions(now);
    if (stop_asked_) pipeline_.stop();
    if (save_asked_ && !save_begun_) {
      save_begun_ = true;
      spill_error_.clear();  // it is tried again
      pipeline_.save_feeds();
    }

    Pipeline::Step step = pipeline_.step(now);
    if (step.spill) pipeline_.spilled(carry_out(*step.spill), clock_.now());
    if (step.batch) to_flush_.put({std::move(*step.batch), step.last || step.release});
    if (step.move_store) {
      if (!pipeline_.loaded()) say_positions_stay();
      post({std::move(change_->flusher), std::move(change_->store), std::move(change_there_)});
      leaving_store_ = true;
    }
    if (leaving_store_) leave_store(step);
    now = clock_.now();
    tell_saved(now);
    const bool finished = pipeline_.finished();
    const int64_t idle_ms = step.next_mono_ms == kNever
                                ? kNever
                                : std::max<int64_t>(step.next_mono_ms - now.mono_ms, 0);
    publish(now, finished || step.changed ? kNever : idle_ms);
    if (step.changed) finish_change();
    if (finished) break;
    if (idle_ms > 0) watcher_.wait(idle_ms == kNever ? -1 : idle_ms);
  }
  {
    std::lock_guard lock(requests_mutex_);
    requests_closed_ = true;
  }
  for (auto& done : requests_) done(Status::retry("the agent is stopping"));
  questions_.close();
  for (Receiver& receiver : receivers_) receiver.feed->abandon();
  if (!saved_told_) saved_.set_value();
  finished_ = true;
  on_change_();
}

void Agent::say_not_spilled(const SpillOrder& order) {
  if (order.bytes)
    log_.warn(
        "what feeds brought waits in memory alone; a crash would lose it. Make state_dir writable",
        {{"error", spill_error_}});
  else
    log_.warn("the spill file is committed and cannot be removed; make state_dir writable",
              {{"error", spill_error_}});
}

SpillResult Agent::carry_out(const SpillOrder& order) {
  if (spill_file_ == nullptr) return SpillResult::kDone;
  const Status done = order.bytes ? spill_file_->replace(*order.bytes) : spill_file_->remove();
  if (done) {
    spill_error_.clear();
    return SpillResult::kDone;
  }
  if (std::exchange(spill_error_, done.message()) != done.message()) say_not_spilled(order);
  if (!order.supersedes) return SpillResult::kFailed;
  if (spill_file_->remove()) return SpillResult::kRemoved;
  log_.warn(
      "the old spill file is still there; a crash before it can be removed would count its "
      "lines twice. Make state_dir writable",
      {{"file", spill_file_->path()}});
  return SpillResult::kFailed;
}

void Agent::tell_saved(Now now) {
  if (!save_asked_ || saved_told_) return;
  AgentSnapshot snapshot = pipeline_.snapshot(now);
  if (!snapshot.feeds_saved && spill_error_.empty()) return;
  ingest_board_.publish(std::move(snapshot));
  saved_told_ = true;
  saved_.set_value();
}

void Agent::take_requests() {
  std::vector<std::function<void(Status)>> requests;
  {
    std::lock_guard lock(requests_mutex_);
    requests.swap(requests_);
  }
  for (auto& done : requests) {
    pipeline_.request_flush([this, done = std::move(done)](Status status) {
      answers_.push_back({done, std::move(status)});
    });
  }
}

void Agent::ask_client(ClientQuestion question, ClientDone done) {
  questions_.ask(std::move(question), std::move(done));
  watcher_.wake();
}

void Agent::take_questions(Now now) {
  pipeline_.show_lines_to(taps_.any() ? &taps_ : nullptr);
  const int64_t call_began = call_began_mono_ms_.load();
  const bool store_hangs = call_began != 0 && now.mono_ms - call_began > kStoreHangsMs;
  if (questions_.look(pipeline_, store_hangs)) to_flush_.poke();
}

// Whoever was told that a flush is done must see it in the next status.
void Agent::publish(Now now, int64_t idle_ms) {
  const bool due = idle_ms > kPublishEveryMs || !answers_.empty() ||
                   now.mono_ms - published_mono_ms_ >= kPublishEveryMs;
  if (!due) return;
  published_mono_ms_ = now.mono_ms;
  ingest_board_.publish(pipeline_.snapshot(now));
  for (Answer& answer : std::exchange(answers_, {})) answer.done(std::move(answer.status));
}

void Agent::flush_loop() {
  while (!flush_ends_) {
    flush_turns_.fetch_add(1, std::memory_order_relaxed);
    const Now now = clock_.now();
    std::optional<FlushChange> change;  // before the batch that it came after
    {
      std::lock_guard lock(change_mutex_);
      change.swap(flush_change_);
    }
    if (auto order = to_flush_.take()) flusher_.offer(std::move(order->batch), order->release, now);
    if (change) go_over(std::move(*change));
    questions_.answer(flusher_);
    const Flusher::Step step = flusher_.step(now);
    switch (step.action) {
      case Flusher::Action::kStop:
        return;
      case Flusher::Action::kWait:
        to_flush_.wait(step.until_mono_ms == kNever
                           ? kNever
                           : std::max<int64_t>(step.until_mono_ms - now.mono_ms, 0));
        continue;
      case Flusher::Action::kLoad:
        if (!may_load()) {
          to_flush_.wait(kMovingLookMs);
          continue;
        }
        [[fallthrough]];
      case Flusher::Action::kProbe:
      case Flusher::Action::kCommit:
        call_store(step.action);
    }
    store_board_.publish(flusher_.snapshot());
    if (auto reply = flusher_.take_reply()) {
      to_ingest_.put(std::move(*reply));
      watcher_.wake();
    }
  }
}

void Agent::call_store(Flusher::Action action) {
  const Now started = clock_.now();
  call_began_mono_ms_ = started.mono_ms;
  const bool doubted = may_have_moved_;
  if (action == Flusher::Action::kLoad) {
    StoreResult<AgentState> result = store_->load(agent_id_);
    call_began_mono_ms_ = 0;
    loading_ = false;
    drop_doubt(doubted, std::holds_alternative<AgentState>(result));
    flusher_.loaded(std::move(result), clock_.now());
  } else if (action == Flusher::Action::kProbe) {
    std::optional<StoreError> error = store_->probe(agent_id_);
    call_began_mono_ms_ = 0;
    flusher_.probed(std::move(error), clock_.now());
  } else {
    StoreResult<CommitResult> result = store_->commit(agent_id_, flusher_.batch());
    call_began_mono_ms_ = 0;
    const auto* answer = std::get_if<CommitResult>(&result);
    drop_doubt(doubted, answer && answer->outcome == CommitOutcome::kCommitted);
    if (taken_by_new_store(result)) {
      result = StoreError{StoreTrouble::kUnreachable, "",
                          "the store of the new configuration is this one under another name"};
      store_left_ = true;
      watcher_.wake();
    } else if (taken_by_refused_store(result)) {
      std::get<CommitResult>(result).outcome = CommitOutcome::kWentBack;
    }
    flusher_.committed(std::move(result), started, clock_.now());
  }
}

}  // namespace lastseen
