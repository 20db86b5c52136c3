// The simulation of reloads: the real pipeline, flusher, file source and queues of feeds over two
// stores that fail, while inputs are renamed, swap their names, come and go, and the store is left
// for the other one, for itself under another name, or for another table.
//
//     reload_sim [--seconds S] [--first SEED] [--seeds N] | --seed SEED
//
// The agent is killed only where nothing is on its way, and where there are no feeds. Of a store
// that was taken although the reload was refused nothing is expected while names are on their way.
// In the end each line was counted once, in one of the stores, whatever was reloaded in the
// meantime; the ledger balances and agrees with the store; the agent goes on.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "fakes/fake_file_system.h"
#include "fakes/fake_watcher.h"
#include "fakes/recording_log.h"
#include "parsers/parser.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"
#include "sim/sim_store.h"
#include "source/feed_source.h"
#include "source/file_source.h"

namespace lastseen::sim {
namespace {

constexpr int kSteps = 600;
constexpr uint64_t kClients = 4;  // of each place
constexpr int64_t kHotMs = 5;
constexpr const char* kAgent = "sim";

/// Ends its queue as soon as it is told to; the world puts the records in.
class SimFeed final : public Feed {
 public:
  explicit SimFeed(std::shared_ptr<FeedQueue> queue) : queue_(std::move(queue)) {}
  Status open() override { return Status::ok(); }
  void run() override {}
  void end() override {
    ended_ = true;
    queue_->end();
  }
  void abandon() override { end(); }
  void poke() override {}
  Status change(const InputSettings&) override { return Status::ok(); }
  bool ended() const { return ended_; }
  void put(std::string_view record) { queue_->put({&record, 1}); }

 private:
  std::shared_ptr<FeedQueue> queue_;
  bool ended_ = false;
};

/// One input of the configuration.
struct Configured {
  std::string name;
  std::string place;  // the path of its log or socket
  bool feed = false;
};

class ReloadWorld {
 public:
  explicit ReloadWorld(uint64_t seed, bool verbose) : random_(seed), verbose_(verbose) {
    disk_.make_directory("/log");
    for (SimStore& store : stores_)
      if (verbose) store.trace();
    disk_.now_ns = now_.wall_ms * 1'000'000;
    moves_ = one_in(2);
    renames_ = !moves_ || one_in(2);
    kills_ = !moves_ && one_in(2);
    for (uint64_t i = 1 + random_.below(3); i > 0; --i) add(i % 2 == 0);
    start();
  }

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
  void write();
  void reload();
  void edit();
  void add(bool feed);
  void ingest();
  void flush();
  void begin_call(Flusher::Action action);
  void answer();
  void go_over();
  void fail_store();
  void settle();
  bool idle() const;
  void compare();

  std::string new_name();
  std::unique_ptr<Source> make_source(const Configured& input);
  PipelineInput make_parts(const Configured& input) const;
  InputSettings settings_of(const Configured& input) const;
  SimStore& current() { return stores_[at_]; }
  bool one_in(uint64_t n) { return random_.below(n) == 0; }
  void pass(int64_t ms) {
    now_.mono_ms += ms;
    now_.wall_ms += ms;
    disk_.now_ns += ms * 1'000'000;
  }
  void say(const std::string& what) {
    if (verbose_) std::printf("%8lld ms  %s\n", static_cast<long long>(now_.mono_ms), what.c_str());
  }

  /// What the flusher is to go over to.
  struct Move {
    std::optional<AgentState> there;  // another store, loaded
    size_t to = 0;
    bool other_table = false;
  };

  Random random_;
  const bool verbose_;
  Now now_{1000, 1'795'000'000'000};
  FakeFileSystem disk_;
  FakeWatcher watcher_;
  RecordingLog log_;
  SimStore stores_[2] = {SimStore(StoreBugs()), SimStore(StoreBugs())};
  size_t at_ = 0;         // which of them the flusher has
  bool moves_ = false;    // to another store
  bool kills_ = false;    // then there are no feeds
  bool renames_ = false;  // then no reply is lost of a load that a reload asks for
  std::vector<Configured> config_;
  std::map<std::string, std::shared_ptr<SimFeed>> feeds_;  // by place
  std::set<std::string> logs_;
  std::optional<Pipeline> pipeline_;
  std::optional<Flusher> flusher_;
  std::optional<Batch> order_;
  bool order_last_ = false;
  std::optional<FlushReply> reply_, moved_;
  std::optional<StoreResult<AgentState>> loaded_;
  std::optional<StoreResult<CommitResult>> committed_;
  std::optional<Move> move_, posted_;
  bool changing_ = false;
  bool moving_ = false;
  bool may_have_moved_ = false;
  bool store_left_ = false;
  std::map<std::string, StoredClient> written_;
  std::map<std::string, uint64_t> in_both_;  // sightings that two stores have
  uint64_t lines_ = 0;
  int names_ = 0, places_ = 0;
  std::string broken_;
};

std::string ReloadWorld::new_name() {
  return "input" + std::to_string(++names_);
}

void ReloadWorld::add(bool feed) {
  feed = feed && !kills_;
  const std::string place = (feed ? "/run/feed" : "/log/access") + std::to_string(++places_);
  config_.push_back({new_name(), place, feed});
  if (!feed && logs_.insert(place).second) disk_.append(place, "");
}

InputSettings ReloadWorld::settings_of(const Configured& input) const {
  InputSettings settings;
  settings.name = input.name;
  settings.path = input.place;
  settings.parser.type = "ndjson";
  return settings;
}

PipelineInput ReloadWorld::make_parts(const Configured& input) const {
  PipelineInput parts;
  parts.name = input.name;
  parts.parser = std::move(*make_parser(settings_of(input).parser, ParserOptions()));
  parts.urgent = parts.feed = input.feed;
  return parts;
}

std::unique_ptr<Source> ReloadWorld::make_source(const Configured& input) {
  if (!input.feed)
    return std::make_unique<FileSource>(settings_of(input), Start::kBegin, disk_, watcher_, log_);
  auto queue = std::make_shared<FeedQueue>(1 << 20, [] {});
  auto feed = std::make_shared<SimFeed>(queue);
  feeds_[input.place] = feed;
  return std::make_unique<FeedSource>(queue, feed, input.place, kHotMs);
}

void ReloadWorld::start() {
  PipelineOptions options;
  options.agent_id = kAgent;
  options.flush_interval_ms = static_cast<int64_t>(random_.below(3)) * 300;
  std::vector<PipelineInput> inputs;
  for (const Configured& input : config_) {
    inputs.push_back(make_parts(input));
    inputs.back().source = make_source(input);
  }
  FlusherOptions flusher_options;
  flusher_options.seed = random_.next();
  pipeline_.emplace(std::move(options), std::move(inputs), now_);
  flusher_.emplace(flusher_options, log_);
}

void ReloadWorld::kill() {
  say("the agent is killed");
  order_.reset();
  reply_.reset();
  moved_.reset();
  loaded_.reset();
  committed_.reset();
  posted_.reset();
  pipeline_.reset();
  start();
}

void ReloadWorld::write() {
  const Configured& input = config_[random_.below(config_.size())];
  const auto feed = feeds_.find(input.place);
  if (input.feed && (feed == feeds_.end() || feed->second->ended())) return;  // not there yet
  uint64_t count = 1 + random_.below(4);
  say(std::to_string(count) + " lines are written to " + input.place);
  for (; count > 0; --count) {
    const std::string client = input.place + "-" + std::to_string(random_.below(kClients));
    const int64_t seen_at_ms = now_.wall_ms - static_cast<int64_t>(random_.below(3000));
    const std::string line =
        "{\"client_id\":\"" + client + "\",\"ts\":" + std::to_string(seen_at_ms) + "}";
    if (input.feed)
      feed->second->put(line);
    else
      disk_.append(input.place, line + "\n");
    ++lines_;
    StoredClient& written = written_[client];
    ++written.sightings;
    written.last_seen_ms = std::max(written.last_seen_ms, seen_at_ms);
  }
}

// Somebody changes the configuration file.
void ReloadWorld::edit() {
  Configured& input = config_[random_.below(config_.size())];
  switch (random_.below(6)) {
    case 0:
      if (renames_) input.name = new_name();
      return;
    case 1:
    case 2: {
      if (!renames_) return;
      Configured& other = config_[random_.below(config_.size())];
      std::swap(input.name, other.name);
      return;
    }
    case 3:
      if (input.feed) input.place = "/run/feed" + std::to_string(++places_);
      return;
    case 4:
      if (config_.size() < 5) add(one_in(2));
      return;
    default:  // only feeds: a log that is not configured is not read
      if (config_.size() > 1 && input.feed) config_.erase(config_.begin() + (&input - &config_[0]));
  }
}

void ReloadWorld::reload() {
  const std::vector<Configured> before = config_;
  for (uint64_t edits = random_.below(3); edits > 0; --edits) edit();
  PipelineChange change;
  change.options.flush_interval_ms = static_cast<int64_t>(random_.below(3)) * 300;
  Move next{std::nullopt, at_, false};
  // The first load of a store is waited for, and one that is under way ended.
  const StoreSnapshot& store = flusher_->snapshot();
  const bool may_move = !loaded_ && (store.positions_loaded || store.retries > 0);
  if (moves_ && may_move && one_in(2)) {
    next.to = one_in(3) ? at_ : 1 - at_;
    moving_ = true;
    const uint64_t epoch = stores_[next.to].epoch();
    if (renames_ && stores_[next.to].loses_replies()) stores_[next.to].heal();
    StoreResult<AgentState> loaded = stores_[next.to].load(kAgent);
    if (std::holds_alternative<StoreError>(loaded)) {
      say("a reload is refused");
      moving_ = false;
      may_have_moved_ |= stores_[next.to].epoch() != epoch;
      config_ = before;
      return;
    }
    next.there = std::move(std::get<AgentState>(loaded));
    change.other_store = true;
    change.store_answers = flusher_->snapshot().state == StoreState::kOk;
  } else if (one_in(4)) {
    next.other_table = true;
  }
  std::string told = "reload:";
  for (const Configured& input : config_) {
    InputChange& planned = change.inputs.emplace_back();
    planned.parts = make_parts(input);
    for (const Configured& old : before)
      if (old.place == input.place) planned.keeps = old.name;
    if (planned.keeps.empty() && input.feed) {
      planned.parts.source = make_source(input);
    } else {
      planned.make_source = [this, input] { return make_source(input); };
      if (!input.feed)
        planned.adjust = [settings = settings_of(input)](Source& source, Now now) {
          static_cast<FileSource&>(source).change(settings, Start::kBegin, kHotMs, now);
        };
    }
    told += " " + input.name + "=" + input.place;
  }
  if (next.there) told += next.to == at_ ? ", this store again" : ", the other store";
  say(told);
  changing_ = true;
  pipeline_->change(std::move(change), now_);
  if (next.there)
    move_ = std::move(next);
  else
    posted_ = std::move(next);
}

void ReloadWorld::ingest() {
  if (reply_) pipeline_->deliver(*std::exchange(reply_, std::nullopt), now_);
  if (moved_) pipeline_->deliver(*std::exchange(moved_, std::nullopt), now_);
  if (std::exchange(store_left_, false)) pipeline_->store_left();
  Pipeline::Step step = pipeline_->step(now_);
  if (step.spill) pipeline_->spilled(SpillResult::kDone, now_);
  if (step.batch) {
    order_ = std::move(step.batch);
    order_last_ = step.last || step.release;
  }
  if (step.move_store) posted_ = std::exchange(move_, std::nullopt);
  if (step.changed) {
    say("reloaded");
    changing_ = false;
  }
  if (pipeline_->stopping()) broken_ = "the agent stops by itself";
  for (const InputSnapshot& input : pipeline_->snapshot(now_).inputs)
    if (input.totals.lines_read != input.totals.settled() + input.pending)
      broken_ = "the ledger of " + input.name + " does not balance";
}

// One step of the flush thread: begin a call of the store, or take its answer.
void ReloadWorld::flush() {
  if (reply_) return;
  if (loaded_ || committed_) {
    answer();
  } else {
    const bool posted = posted_.has_value();  // before the batch that it came after
    if (order_) flusher_->offer(*std::exchange(order_, std::nullopt), order_last_, now_);
    if (posted) go_over();
    begin_call(flusher_->step(now_).action);
  }
  reply_ = flusher_->take_reply();
}

void ReloadWorld::begin_call(Flusher::Action action) {
  // Once the other store is loaded, which may be this one, nobody loads this one.
  if (action == Flusher::Action::kLoad && !moving_) loaded_ = current().load(kAgent);
  if (action == Flusher::Action::kProbe) flusher_->probed(current().probe(kAgent), now_);
  if (action == Flusher::Action::kCommit) committed_ = current().commit(kAgent, flusher_->batch());
}

void ReloadWorld::answer() {
  // A store that is to be left is interrupted.
  const bool cut = posted_ && posted_->there && one_in(2);
  const StoreError interrupted{StoreTrouble::kUnreachable, "", "interrupted"};
  if (auto loaded = std::exchange(loaded_, std::nullopt)) {
    if (cut) *loaded = interrupted;
    return flusher_->loaded(std::move(*loaded), now_);
  }
  StoreResult<CommitResult> committed = std::move(*std::exchange(committed_, std::nullopt));
  if (cut) committed = interrupted;
  auto* result = std::get_if<CommitResult>(&committed);
  if (result && result->outcome == CommitOutcome::kTakenOver) {
    if (moving_) {
      store_left_ = true;
      committed = interrupted;
    } else if (std::exchange(may_have_moved_, false)) {
      say("a refused reload took this store");
      result->outcome = CommitOutcome::kWentBack;
    } else {
      broken_ = "it took itself for another instance";
    }
  }
  flusher_->committed(std::move(committed), now_, now_);
}

void ReloadWorld::go_over() {
  Move move = *std::exchange(posted_, std::nullopt);
  if (!move.there) return flusher_->change(FlusherOptions(), move.other_table);
  const uint64_t done = current().last_batch();
  const bool other = std::exchange(at_, move.to) != move.to;
  moving_ = false;
  flusher_->move_to(std::move(*move.there), FlusherOptions(), now_);
  moved_ = flusher_->take_reply();
  // The store that was left had taken the batch and could not say so: both of them have it.
  if (!other || !moved_->batch || moved_->batch->number > done) return;
  for (const Entry& entry : moved_->batch->entries)
    in_both_[std::string(entry.client_id)] += entry.count;
}

void ReloadWorld::fail_store() {
  const StoreFault kind = one_in(3) ? StoreFault::kReplyLost : StoreFault::kFailsBefore;
  const int calls = one_in(4) ? 1 + static_cast<int>(random_.below(10)) : 1;
  say("a store fails, calls: " + std::to_string(calls));
  stores_[random_.below(2)].fail(kind, one_in(4) ? "42501" : "08006", calls);
}

void ReloadWorld::act() {
  const uint64_t die = random_.below(100);
  if (die < 12) return pass(static_cast<int64_t>(random_.below(die < 9 ? 200 : 3000)));
  if (die < 20) return fail_store();
  if (die < 40) return write();
  if (die < 46 && !changing_) return reload();
  if (die == 46 && kills_ && !changing_ && !pipeline_->begins_unstored()) return kill();
  if (one_in(2)) return ingest();
  flush();
}

bool ReloadWorld::idle() const {
  if (changing_ || order_ || reply_ || moved_ || loaded_ || committed_ || !pipeline_->loaded())
    return false;
  const AgentSnapshot all = pipeline_->snapshot(now_);
  return std::all_of(all.inputs.begin(), all.inputs.end(),
                     [](const InputSnapshot& input) { return input.pending == 0; });
}

void ReloadWorld::settle() {
  for (SimStore& store : stores_) store.heal();
  int quiet = 0;
  for (int i = 0; i < 5000 && (quiet < 100 || i < 500) && broken_.empty(); ++i) {
    pass(50);
    ingest();
    flush();
    quiet = idle() ? quiet + 1 : 0;
  }
  if (broken_.empty() && quiet < 100) broken_ = "it did not come to rest";
}

void ReloadWorld::compare() {
  const auto tell = [this](const std::string& what) {
    broken_ += (broken_.empty() ? "" : "; ") + what;
  };
  for (const auto& [id, written] : written_) {
    uint64_t sightings = 0;
    int64_t last_seen_ms = 0;
    for (SimStore& store : stores_) {
      sightings += store.sightings_of(id);
      const auto found = store.clients_now().find(id);
      if (found != store.clients_now().end())
        last_seen_ms = std::max(last_seen_ms, found->second.last_seen_ms);
    }
    if (sightings < written.sightings || sightings > written.sightings + in_both_[id])
      tell(id + " was counted " + std::to_string(sightings) + " times (" +
           std::to_string(in_both_[id]) + " may be in both stores), " +
           std::to_string(written.sightings) + " lines name it");
    else if (last_seen_ms != written.last_seen_ms)
      tell(id + " has last_seen " + std::to_string(last_seen_ms) + ", the newest is " +
           std::to_string(written.last_seen_ms));
  }
  for (const SimStore& store : stores_)
    if (!store.broken().empty()) tell(store.broken());
  for (const InputSnapshot& input : pipeline_->snapshot(now_).inputs)
    if (!(current().totals(input.name) == input.totals))
      tell("the store's totals of " + input.name + " are not the agent's");
  uint64_t in_both = 0;
  for (const auto& [id, sightings] : in_both_) in_both += sightings;
  const uint64_t counted = current().lines_read();
  if (counted > lines_ + in_both || (!moves_ && counted < lines_))
    tell("the totals are of " + std::to_string(counted) + " lines, " + std::to_string(lines_) +
         " were written");
}

int simulate(int argc, char** argv) {
  uint64_t first = 1, seeds = UINT64_MAX;
  int seconds = 20;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--seconds") seconds = std::atoi(argv[i + 1]);
    if (name == "--first") first = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seeds") seeds = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seed") {
      first = std::strtoull(argv[i + 1], nullptr, 10);
      seeds = 1;
    }
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  uint64_t ran = 0;
  for (; ran < seeds && std::chrono::steady_clock::now() < until; ++ran) {
    const std::string broken = ReloadWorld(first + ran, seeds == 1).run();
    if (broken.empty()) continue;
    std::printf("FAILED: %s\nreplay: %s --seed %llu\n", broken.c_str(), argv[0],
                static_cast<unsigned long long>(first + ran));
    return 1;
  }
  std::printf("%llu seeds: each line counted once, whatever was reloaded\n",
              static_cast<unsigned long long>(ran));
  return 0;
}

}  // namespace
}  // namespace lastseen::sim

int main(int argc, char** argv) {
  return lastseen::sim::simulate(argc, argv);
}
