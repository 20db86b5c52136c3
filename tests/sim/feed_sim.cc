// The simulation of feeds and their spill: the real pipeline, flusher and queue over a store and a
// spill file that fail, with kills at any step, also while the file is written.
//
//     feed_sim [--seconds S] | --seed SEED | --bug torn_file|late_rewrite|ignored_numbers
//
// Always: nothing is counted twice; after a stop nothing is lost; a kill costs at most what came
// since the last commit or spill; the ledger balances and agrees with the store.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "fakes/recording_log.h"
#include "parsers/parser.h"
#include "pipeline/pipeline.h"
#include "sim/flush_thread.h"
#include "sim/seeds.h"
#include "sim/sim_feed.h"
#include "sim/sim_store.h"
#include "sim/snapshot_checks.h"
#include "source/feed_source.h"

namespace lastseen::sim {
namespace {

constexpr int kSteps = 500;
constexpr uint64_t kClients = 12;
constexpr const char* kAgent = "sim";

/// Bugs that can be planted, to show that the simulation would find them.
struct FeedBugs {
  bool torn_file = false;        ///< The new file is renamed before all of it is on the disk.
  bool late_rewrite = false;     ///< A batch goes out before the file has its number.
  bool ignored_numbers = false;  ///< What a file holds is taken as not committed.
};

/// The agent between two crashes.
struct FedAgent {
  FedAgent(Random& random, Now now) {
    PipelineOptions options;
    options.agent_id = kAgent;
    options.clients_max = random.below(4) == 0 ? 8 : 1000;
    options.flush_interval_ms = static_cast<int64_t>(random.below(3)) * 700;
    std::vector<PipelineInput> inputs(1);
    inputs[0].name = "feed";
    inputs[0].source = std::make_unique<FeedSource>(queue, feed, "feed", 5);
    ParserSettings format;
    format.type = "ndjson";
    inputs[0].parser = std::move(*make_parser(format, ParserOptions()));
    inputs[0].urgent = inputs[0].feed = true;
    FlusherOptions flusher_options;
    flusher_options.clients_max = options.clients_max;
    flusher_options.seed = random.next();
    pipeline.emplace(std::move(options), std::move(inputs), now);
    flush.emplace(flusher_options, log);
  }

  std::shared_ptr<FeedQueue> queue = std::make_shared<FeedQueue>(1 << 20, [] {});
  std::shared_ptr<SimFeed> feed = std::make_shared<SimFeed>(queue);
  RecordingLog log;
  std::optional<Pipeline> pipeline;
  std::optional<FlushThread> flush;
  uint64_t fed = 0;      // lines put into the queue
  uint64_t read = 0;     // of these, those that the pipeline has taken
  uint64_t sealed = 0;   // of these, those in the newest batch or before it
  uint64_t secured = 0;  // of these, those that a kill may not cost
};

class FeedWorld {
 public:
  FeedWorld(uint64_t seed, FeedBugs bugs) : random_(seed), bugs_(bugs) {}

  std::string run() {
    for (int step = 0; step < kSteps && broken_.empty(); ++step) act();
    if (broken_.empty()) settle();
    if (broken_.empty()) compare();
    return broken_;
  }

 private:
  void act();
  void start();
  void kill();
  void stop();
  void send();
  void ingest();
  void flush();
  void carry_out(const SpillOrder& order);
  void settle();
  void compare();
  void pass(int64_t ms) {
    now_.mono_ms += ms;
    now_.wall_ms += ms;
  }

  Random random_;
  FeedBugs bugs_;
  Now now_{1000, 1'795'000'000'000};
  SimStore store_{StoreBugs()};
  std::optional<std::string> file_;
  bool killed_while_writing_ = false;
  std::unique_ptr<FedAgent> agent_;
  std::map<std::string, StoredClient> sent_;
  uint64_t lines_ = 0;
  uint64_t may_be_lost_ = 0;
  std::string broken_;
};

void FeedWorld::start() {
  agent_ = std::make_unique<FedAgent>(random_, now_);
  if (!file_) return;
  auto parts = decode_spill({kAgent}, *file_);
  if (!parts) {  // set aside
    file_.reset();
    return;
  }
  if (bugs_.ignored_numbers)
    for (SpillPart& part : *parts) part.batch = 0;
  agent_->pipeline->found_spill(std::move(*parts));
}

void FeedWorld::kill() {
  may_be_lost_ += agent_->fed - agent_->secured;
  agent_.reset();
  killed_while_writing_ = false;
}

// SIGTERM; after some time its deadline.
void FeedWorld::stop() {
  agent_->pipeline->stop();
  for (uint64_t left = random_.below(10); left > 0 && agent_ && broken_.empty(); --left) {
    pass(50);
    ingest();
    if (agent_) flush();
  }
  for (int i = 0; i < 10 && agent_ && !agent_->pipeline->finished() && broken_.empty(); ++i) {
    agent_->pipeline->save_feeds();
    ingest();
    if (agent_ && agent_->pipeline->snapshot(now_).feeds_saved) break;
    pass(1100);  // a write that failed is tried again
  }
  if (!agent_) return;
  if (!agent_->pipeline->finished() && !agent_->pipeline->snapshot(now_).feeds_saved)
    may_be_lost_ += agent_->fed - agent_->secured;  // the file could not be written
  agent_.reset();
}

void FeedWorld::send() {
  for (uint64_t count = 1 + random_.below(5); count > 0; --count) {
    const bool rubbish = random_.below(10) == 0;
    const std::string client = "client-" + std::to_string(random_.below(kClients));
    const int64_t seen_at_ms = now_.wall_ms - static_cast<int64_t>(random_.below(3000));
    const std::string record =
        rubbish ? "rubbish"
                : "{\"client_id\":\"" + client + "\",\"ts\":" + std::to_string(seen_at_ms) + "}";
    agent_->feed->put(record);
    ++agent_->fed;
    ++lines_;
    if (rubbish) continue;
    ++sent_[client].sightings;
    sent_[client].last_seen_ms = std::max(sent_[client].last_seen_ms, seen_at_ms);
  }
}

void FeedWorld::ingest() {
  Pipeline& pipeline = *agent_->pipeline;
  if (auto reply = agent_->flush->take_reply()) pipeline.deliver(std::move(*reply), now_);
  Pipeline::Step step = pipeline.step(now_);
  agent_->read = agent_->fed;  // few enough for one step
  if (step.batch) agent_->sealed = agent_->read;
  if (step.spill && !(bugs_.late_rewrite && step.spill->supersedes)) {
    carry_out(*step.spill);
    if (killed_while_writing_) return kill();
  } else if (step.spill) {
    pipeline.spilled(SpillResult::kDone, now_);
  }
  if (step.batch) agent_->flush->put(std::move(*step.batch), step.last);
  broken_ = unbalanced(pipeline.snapshot(now_));
}

void FeedWorld::carry_out(const SpillOrder& order) {
  const uint64_t die = random_.below(20);
  killed_while_writing_ = die == 0;
  if (killed_while_writing_) {  // before the rename or after it, removed or not
    if (random_.below(2) == 0) return;
    file_ = order.bytes;
    if (file_ && bugs_.torn_file) file_->resize(random_.below(file_->size()));
    return;
  }
  if (die < 3 && !order.supersedes)  // those would leave no promise to check
    return agent_->pipeline->spilled(SpillResult::kFailed, now_);
  file_ = order.bytes;
  if (file_) agent_->secured = agent_->read;
  agent_->pipeline->spilled(SpillResult::kDone, now_);
}

// One step of the flush thread: begin a call of the store, or take its answer.
void FeedWorld::flush() {
  FedAgent& agent = *agent_;
  if (agent.flush->has_reply()) return;
  if (agent.flush->in_call()) return agent.flush->end_call(now_);
  agent.flush->take_order(now_);
  const uint64_t commits = store_.commits();
  agent.flush->begin_call(store_, kAgent, now_);
  if (store_.commits() > commits) agent.secured = std::max(agent.secured, agent.sealed);
}

void FeedWorld::act() {
  const uint64_t die = random_.below(100);
  if (die < 10) return pass(static_cast<int64_t>(random_.below(die < 8 ? 200 : 3000)));
  if (die < 25) {
    const StoreFault kind =
        random_.below(3) == 0 ? StoreFault::kReplyLost : StoreFault::kFailsBefore;
    return store_.fail(kind, "08006", 1);
  }
  if (!agent_) return die < 40 ? start() : pass(10);
  if (die < 45) return send();
  if (die < 47) return kill();
  if (die < 48) return stop();
  if (random_.below(2) == 0) return ingest();
  flush();
}

void FeedWorld::settle() {
  store_.heal();
  for (int i = 0; i < 500 && broken_.empty(); ++i) {
    if (!agent_) start();
    pass(100);
    ingest();
    if (agent_) flush();
  }
}

void FeedWorld::compare() {
  if (!agent_) return;
  const InputSnapshot input = agent_->pipeline->snapshot(now_).inputs[0];
  if (input.pending != 0) broken_ = "it did not come to rest";
  if (file_) broken_ = "the spill file is still there";
  uint64_t stored_lines = 0;
  for (const auto& [id, stored] : store_.clients_now()) {
    stored_lines += stored.sightings;
    if (stored.sightings > sent_[id].sightings) broken_ = id + " was counted twice";
    if (stored.last_seen_ms > sent_[id].last_seen_ms) broken_ = id + " has a time nobody sent";
  }
  if (stored_lines != input.totals.committed) broken_ = "the ledger and the store differ";
  // Each loss is counted, but those of kills.
  if (input.totals.lines_read > lines_) broken_ = "lines were counted twice";
  if (input.totals.lines_read + may_be_lost_ < lines_)
    broken_ = std::to_string(lines_ - input.totals.lines_read) + " lines are lost, at most " +
              std::to_string(may_be_lost_) + " may be";
}

int simulate(int argc, char** argv) {
  Seeds seeds;
  seeds.seconds = 20;
  seeds.replay = argv[0];
  for (int i = 1; i + 1 < argc; i += 2)
    if (!seeds.take(argv[i], argv[i + 1])) return 2;
  FeedBugs bugs;
  bugs.torn_file = seeds.bug == "torn_file";
  bugs.late_rewrite = seeds.bug == "late_rewrite";
  bugs.ignored_numbers = seeds.bug == "ignored_numbers";
  return run_seeds(seeds, "nothing counted twice, nothing lost beyond the bound",
                   [&](uint64_t seed) { return FeedWorld(seed, bugs).run(); });
}

}  // namespace
}  // namespace lastseen::sim

int main(int argc, char** argv) {
  return lastseen::sim::simulate(argc, argv);
}
