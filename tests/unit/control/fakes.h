// An agent, a clock and a log that the control server's tests hold in their hands.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "control/agent_control.h"

namespace lastseen {

class FakeClock : public Clock {
 public:
  Now now() const override { return {mono_ms, 1'790'000'000'000 + mono_ms}; }
  std::atomic<int64_t> mono_ms = 1'000'000;
};

class FakeAgent : public AgentControl {
 public:
  std::shared_ptr<const AgentSnapshot> snapshot() override { return board.read(); }

  void flush(std::function<void(Status)> done) override {
    const std::lock_guard lock(mutex_);
    flushes_.push_back(std::move(done));
    flush_asked_.notify_all();
  }

  void reload(ReloadDone done) override {
    ++reloads;
    done(reload_result);
  }
  void ask_client(ClientQuestion question, std::function<void(Result<ClientView>)> done) override {
    questions.push_back(question);
    if (answer_questions) done(client);
  }
  std::shared_ptr<TapQueue> tap(TapFilter filter) override { return taps.open(std::move(filter)); }
  std::shared_ptr<const Config> config() override { return settings; }

  std::vector<ClientQuestion> questions;
  bool answer_questions = true;
  Result<ClientView> client = ClientView();
  Taps taps;

  Result<std::string> reload_result = std::string("1 input added");
  std::atomic<int> reloads = 0;
  std::shared_ptr<const Config> settings = std::make_shared<Config>();

  /// Waits until a flush was asked for and takes its completion.
  std::function<void(Status)> take_flush() {
    std::unique_lock lock(mutex_);
    flush_asked_.wait(lock, [this] { return !flushes_.empty(); });
    auto done = std::move(flushes_.front());
    flushes_.pop_front();
    return done;
  }

  Board<AgentSnapshot> board;

 private:
  std::mutex mutex_;
  std::condition_variable flush_asked_;
  std::deque<std::function<void(Status)>> flushes_;
};

class FakeLog : public Log {
 public:
  void write(LogLevel, std::string_view message, std::initializer_list<LogField>) override {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(message);
  }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

/// A running agent at FakeClock's first moment, every number in it different.
inline AgentSnapshot busy_agent() {
  AgentSnapshot agent;
  agent.agent_id = "web-1";
  agent.state = "running";
  agent.started_mono_ms = 1'000'000 - 7'384'900;
  agent.at_mono_ms = 999'990;
  agent.buffer_clients = 47;
  agent.buffer_clients_max = 100'000;
  agent.oldest_pending_mono_ms = 1'000'000 - 432;
  agent.flush_interval_ms = 1000;
  agent.store.type = "postgres";
  agent.store.state = StoreState::kOk;
  agent.store.positions_loaded = true;
  agent.store.batches = 1204;
  agent.store.rows = 56'001;
  agent.store.retries = 3;
  agent.store.clamped = 5;
  agent.store.rewinds = 1;
  agent.store.withheld = 3;
  agent.store.last_commit_mono_ms = 1'000'000 - 250;
  agent.store.last_commit_duration_ms = 7;
  agent.store.commit_ms.observe(7, 1200);
  agent.store.commit_ms.observe(1001, 4);
  agent.store.commit_rows.observe(0, 204);
  agent.store.commit_rows.observe(56, 1000);
  agent.store.read_to_commit_ms.observe(432, 1'234'000);

  InputSnapshot input;
  input.watching = "inotify";
  input.name = "nginx";
  input.totals.lines_read = 1'234'567;
  input.totals.bytes_read = 345'678'901;
  input.totals.committed = 1'234'000;
  input.totals.quarantined = 2;
  input.totals.skipped = {400, 1, 0, 30, 0, 4, 0, 0};
  input.totals.lost = {0, 0, 0, 0, 10, 0};
  input.totals.lost_bytes = {2048, 0, 0, 0, 0, 0};
  input.pending = 120;
  input.files = {{"/var/log/nginx/access.log", 4096, 5000, "reading"},
                 {"/var/log/nginx/access.log.1", 70'000, 70'000, "rotated"}};
  input.files[0].refused = 3;
  agent.inputs = {input};
  return agent;
}

}  // namespace lastseen
