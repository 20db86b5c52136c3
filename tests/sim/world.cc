#include "sim/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "parsers/parser.h"
#include "sim/forgetful_file_system.h"
#include "source/file_source.h"

namespace lastseen::sim {

namespace {

constexpr const char* kDirectory = "/logs";
constexpr const char* kLog = "/logs/access.log";
constexpr const char* kRefusedClient = "refused";
constexpr int kClients = 12;

std::string rotated_name(int number) {
  return std::string(kLog) + "." + std::to_string(number);
}

}  // namespace

// --- Proxy ---------------------------------------------------------------------------------

void Proxy::open() {
  if (!disk_.exists(kLog)) disk_.create(kLog);
  writer_ = disk_.writer(kLog);
}

void Proxy::next_line() {
  clock_ms_ += static_cast<int64_t>(random_.below(50));
  // Some lines carry an older time: a slow request ends after a quick one that began later.
  seen_at_ms_ = clock_ms_ - static_cast<int64_t>(random_.below(4) == 0 ? random_.below(5000) : 0);
  const uint64_t kind = random_.below(20);
  client_ = kind < 2    ? ""
            : kind == 2 ? kRefusedClient
                        : "client-" + std::to_string(random_.below(kClients));
  char seconds[40];
  std::snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(seen_at_ms_ / 1000),
                (long long)(seen_at_ms_ % 1000));
  unwritten_ = std::string("{\"msec\":") + seconds + ",\"request_uri\":\"/items" +
               (client_.empty() ? "" : "?client_id=" + client_) + "\",\"ua\":\"" +
               std::string(random_.below(200), 'x') + "\",\"request_body\":\"\"}\n";
}

void Proxy::write_piece() {
  for (uint64_t pieces = 1 + random_.below(6); pieces > 0; --pieces) {
    if (unwritten_.empty()) next_line();
    const size_t length =
        random_.below(3) == 0 ? 1 + random_.below(unwritten_.size()) : unwritten_.size();
    writer_->append(std::string_view(unwritten_).substr(0, length));
    unwritten_.erase(0, length);
    if (!unwritten_.empty()) continue;
    ++lines_;
    if (client_.empty()) continue;
    StoredClient& client = truth_[client_];
    ++client.sightings;
    client.last_seen_ms = std::max(client.last_seen_ms, seen_at_ms_);
  }
}

void Proxy::finish_line() {
  while (!unwritten_.empty()) write_piece();
}

void Proxy::rotate() {
  if (!disk_.exists(kLog)) return;
  for (int number = rotations_; number >= 1; --number)
    if (disk_.exists(rotated_name(number)))
      disk_.rename(rotated_name(number), rotated_name(number + 1));
  disk_.rename(kLog, rotated_name(1));
  ++rotations_;
}

void Proxy::create_new() {
  if (!disk_.exists(kLog)) disk_.create(kLog);
}

// --- Incarnation ---------------------------------------------------------------------------

Incarnation::Incarnation(FileSystem& disk, Store& store, bool glob_all, uint64_t seed, Now now)
    : store_(store) {
  Random random(seed);
  InputSettings settings;
  settings.name = "proxy";
  settings.path = glob_all ? std::string(kLog) + "*" : kLog;
  settings.parser.type = "json";
  settings.line_bytes_max = 4096;
  PipelineOptions options;
  options.clients_max = random.below(2) == 0 ? 8 : 1000;
  options.flush_interval_ms = static_cast<int64_t>(random.below(3)) * 50;
  std::vector<PipelineInput> inputs(1);
  inputs[0].name = settings.name;
  inputs[0].source = std::make_unique<FileSource>(settings, Start::kBegin, disk, watcher_, log_);
  inputs[0].parser = std::move(*make_parser(settings.parser, ParserOptions()));
  inputs[0].line_bytes_max = static_cast<size_t>(settings.line_bytes_max);
  FlusherOptions flusher_options;
  flusher_options.clients_max = options.clients_max;
  flusher_options.seed = seed;
  pipeline_ = std::make_unique<Pipeline>(std::move(options), std::move(inputs), now);
  flusher_ = std::make_unique<Flusher>(flusher_options, log_);
}

void Incarnation::ingest(Now now) {
  if (reply_) pipeline_->deliver(*std::exchange(reply_, std::nullopt), now);
  Pipeline::Step step = pipeline_->step(now);
  if (step.batch) {
    order_ = std::move(step.batch);
    order_last_ = step.last;
  }
  check_invariants(now);
}

// One step of the flush thread: begin a call of the store, or take its answer.
void Incarnation::flush(Now now) {
  if (reply_) return;
  if (loaded_) {
    flusher_->loaded(*std::exchange(loaded_, std::nullopt), now);
  } else if (committed_) {
    flusher_->committed(*std::exchange(committed_, std::nullopt), now, now);
  } else {
    if (order_) flusher_->offer(*std::exchange(order_, std::nullopt), order_last_, now);
    const Flusher::Action action = flusher_->step(now).action;
    if (action == Flusher::Action::kLoad) loaded_ = store_.load("sim");
    if (action == Flusher::Action::kProbe) flusher_->probed(store_.probe("sim"), now);
    if (action == Flusher::Action::kCommit) committed_ = store_.commit("sim", flusher_->batch());
  }
  reply_ = flusher_->take_reply();
}

bool Incarnation::idle(Now now) const {
  if (order_ || reply_ || loaded_ || committed_) return false;
  return pipeline_->loaded() && snapshot(now).inputs[0].pending == 0;
}

void Incarnation::check_invariants(Now now) {
  const AgentSnapshot snapshot = pipeline_->snapshot(now);
  const InputSnapshot& input = snapshot.inputs[0];
  if (input.totals.lines_read != input.totals.settled() + input.pending)
    broken_ = "the ledger does not balance: read " + std::to_string(input.totals.lines_read) +
              ", settled " + std::to_string(input.totals.settled()) + ", pending " +
              std::to_string(input.pending);
  if (snapshot.buffer_clients > snapshot.buffer_clients_max)
    broken_ = "the buffer holds more clients than its maximum";
}

// --- The world -----------------------------------------------------------------------------

namespace {

class World {
 public:
  explicit World(const WorldOptions& options)
      : options_(options),
        random_(options.seed),
        store_(options.bugs.store),
        view_(disk_, kLog, options.bugs.forget_old_descriptor),
        proxy_(disk_, random_) {
    disk_.make_directory(kDirectory);
    proxy_.open();
    if (random_.below(3) == 0) store_.refuse(kRefusedClient);
    glob_all_ = random_.below(4) == 0;
  }

  std::string run() {
    start_agent();
    commit_start_choice();
    for (int step = 0; step < options_.steps && broken_.empty(); ++step) act();
    if (broken_.empty()) settle();
    if (broken_.empty()) compare();
    if (options_.verbose && agent_) {
      for (const RecordingLog::Line& line : agent_->log().lines())
        std::printf("  log: %s\n", line.text.c_str());
    }
    return broken_;
  }

 private:
  void act();
  void start_agent();
  void commit_start_choice();
  void crash();
  void stop_gracefully();
  void rotate();
  void fault();
  void step_agent();
  void pass(int64_t ms) {
    now_.mono_ms += ms;
    now_.wall_ms += ms;
    disk_.now_ns += ms * 1'000'000;
  }
  void settle();
  void compare();
  void tell(const std::string& what) {
    if (!broken_.empty()) broken_ += "; ";
    broken_ += what;
  }
  void say(const std::string& what) {
    if (options_.verbose) std::printf("%8lld ms  %s\n", (long long)now_.mono_ms, what.c_str());
  }

  const WorldOptions& options_;
  Random random_;
  Now now_{1000, 1'795'000'000'000};
  FakeFileSystem disk_;
  SimStore store_;
  ForgetfulFileSystem view_;
  Proxy proxy_;
  std::unique_ptr<Incarnation> agent_;
  bool reopen_due_ = false;  // rotated, and the proxy still writes to the old file
  bool rotated_while_down_ = false;
  bool glob_all_ = false;  // the input names rotated files as well
  std::string broken_;
};

void World::start_agent() {
  say("agent starts");
  agent_ = std::make_unique<Incarnation>(view_, store_, glob_all_, random_.next(), now_);
  rotated_while_down_ = false;
}

// Before that, what was rotated is nobody's: at the very first start no sibling is read.
void World::commit_start_choice() {
  while (store_.commits() == 0) {
    agent_->ingest(now_);
    agent_->flush(now_);
  }
}

void World::crash() {
  say("agent is killed");
  agent_.reset();
}

void World::stop_gracefully() {
  say("agent is stopped");
  agent_->stop();
  for (int i = 0; i < 10'000 && !agent_->finished(); ++i) {
    pass(50);
    agent_->ingest(now_);
    agent_->flush(now_);
  }
  if (!agent_->finished()) broken_ = "a stop did not end";
  if (broken_.empty()) broken_ = agent_->broken();
  agent_.reset();
}

void World::rotate() {
  if (reopen_due_ || !disk_.exists(kLog)) return;
  // Files that came and went while nobody looked are another matter.
  if (!agent_ && std::exchange(rotated_while_down_, true)) return;
  say("log is rotated");
  proxy_.rotate();
  reopen_due_ = true;
  if (random_.below(2) == 0) proxy_.create_new();
}

void World::fault() {
  const StoreFault kinds[] = {StoreFault::kFailsBefore, StoreFault::kReplyLost};
  const StoreTrouble troubles[] = {StoreTrouble::kUnreachable, StoreTrouble::kRetryAtOnce,
                                   StoreTrouble::kHolding};
  const StoreFault kind = kinds[random_.below(2)];
  say(kind == StoreFault::kReplyLost ? "the store's next reply is lost"
                                     : "the store's next call fails");
  store_.set_next(kind, troubles[random_.below(3)]);
}

void World::step_agent() {
  if (random_.below(2) == 0) {
    agent_->ingest(now_);
  } else {
    agent_->flush(now_);
  }
  broken_ = agent_->broken();
}

void World::act() {
  const uint64_t die = random_.below(100);
  if (die < 30) {
    if (disk_.exists(kLog) || reopen_due_) {
      proxy_.write_piece();
    } else {
      proxy_.open();
    }
  } else if (die < 40) {
    pass(static_cast<int64_t>(random_.below(die < 38 ? 100 : 3000)));
  } else if (die < 43) {
    rotate();
  } else if (die < 47) {
    if (reopen_due_) {
      proxy_.finish_line();
      proxy_.open();
      reopen_due_ = false;
      say("proxy reopened its log");
    }
  } else if (die < 51) {
    fault();
  } else if (agent_ == nullptr) {
    if (die < 60) start_agent();
  } else if (die < 53) {
    crash();
  } else if (die < 54) {
    stop_gracefully();
  } else {
    step_agent();
  }
}

// Everything is healed, and the agent gets the time to read all that was written.
void World::settle() {
  store_.set_next(StoreFault::kNone, StoreTrouble::kNone);
  if (!disk_.exists(kLog) && !reopen_due_) proxy_.open();
  proxy_.finish_line();
  if (reopen_due_) proxy_.open();
  if (!agent_) start_agent();
  int quiet = 0;
  for (int i = 0; i < 20'000 && quiet < 100 && broken_.empty(); ++i) {
    pass(50);
    agent_->ingest(now_);
    agent_->flush(now_);
    broken_ = agent_->broken();
    quiet = agent_->idle(now_) ? quiet + 1 : 0;
  }
  if (broken_.empty() && quiet < 100) broken_ = "the agent did not come to rest";
}

void World::compare() {
  const AgentSnapshot snapshot = agent_->snapshot(now_);
  const LedgerCounts& totals = snapshot.inputs[0].totals;
  for (const auto& [id, expected] : proxy_.truth()) {
    const auto found = store_.clients_now().find(id);
    const StoredClient stored =
        found == store_.clients_now().end() ? StoredClient() : found->second;
    const uint64_t quarantined = store_.quarantined_of(id);
    const uint64_t sightings = stored.sightings + quarantined;
    if (sightings != expected.sightings) {
      tell(id + " was counted " + std::to_string(sightings) + " times, " +
           std::to_string(expected.sightings) + " lines name it");
    } else if (quarantined == 0 && stored.last_seen_ms != expected.last_seen_ms) {
      tell(id + " has last_seen " + std::to_string(stored.last_seen_ms) + ", the newest is " +
           std::to_string(expected.last_seen_ms));
    }
  }
  if (totals.lines_read != proxy_.lines()) {
    tell("lines_read is " + std::to_string(totals.lines_read) + ", the proxy wrote " +
         std::to_string(proxy_.lines()));
  }
  if (!(store_.totals("proxy") == totals)) tell("the store's totals are not the agent's");
}

}  // namespace

std::string run_world(const WorldOptions& options) {
  return World(options).run();
}

}  // namespace lastseen::sim
