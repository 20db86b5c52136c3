// The simulation of reloads: the real pipeline, flusher, file source and queues of feeds over two
// stores that fail, while inputs are renamed, swap their names, come and go, and the store is left
// for the other one, for itself under another name, or for another table.
//
//     reload_sim [--seconds S] [--first SEED] [--seeds N] | --seed SEED
//                | --bug no_fence|positions_before_rows
//
// The agent is killed only where nothing is on its way, and where there are no feeds. Of a store
// that was taken although the reload was refused nothing is expected while names are on their way.
// In the end each line was counted once, in one of the stores, whatever was reloaded in the
// meantime; the ledger balances and agrees with the store; the agent goes on.
#include <algorithm>
#include <cstdio>
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
#include "sim/reloaded_agent.h"
#include "sim/seeds.h"
#include "sim/sim_feed.h"
#include "source/feed_source.h"
#include "source/file_source.h"

namespace lastseen::sim {
namespace {

constexpr int kSteps = 600;
constexpr uint64_t kClients = 4;  // of each place
constexpr int64_t kHotMs = 5;

/// One input of the configuration.
struct Configured {
  std::string name;
  std::string place;  // the path of its log or socket
  bool feed = false;
};

class ReloadWorld {
 public:
  ReloadWorld(uint64_t seed, const StoreBugs& bugs, bool verbose)
      : random_(seed), verbose_(verbose), stores_{SimStore(bugs), SimStore(bugs)} {
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
  InputChange plan(const Configured& input, const std::vector<Configured>& before);
  void add(bool feed);
  void step(bool ingest);
  void fail_store();
  void settle();
  void compare();
  void compare_clients();

  std::string new_name();
  std::unique_ptr<Source> make_source(const Configured& input);
  PipelineInput make_parts(const Configured& input) const;
  InputSettings settings_of(const Configured& input) const;
  bool one_in(uint64_t n) { return random_.below(n) == 0; }
  void pass(int64_t ms) {
    now_.mono_ms += ms;
    now_.wall_ms += ms;
    disk_.now_ns += ms * 1'000'000;
  }
  void tell(const std::string& what) { broken_ += (broken_.empty() ? "" : "; ") + what; }
  void say(const std::string& what) {
    if (verbose_) std::printf("%8lld ms  %s\n", static_cast<long long>(now_.mono_ms), what.c_str());
  }

  Random random_;
  const bool verbose_;
  Now now_{1000, 1'795'000'000'000};
  FakeFileSystem disk_;
  FakeWatcher watcher_;
  RecordingLog log_;
  SimStore stores_[2];
  bool moves_ = false;    // to another store
  bool kills_ = false;    // then there are no feeds
  bool renames_ = false;  // then no reply is lost of a load that a reload asks for
  std::vector<Configured> config_;
  std::map<std::string, std::shared_ptr<SimFeed>> feeds_;  // by place
  std::set<std::string> logs_;
  std::unique_ptr<ReloadedAgent> agent_;
  std::map<std::string, StoredClient> written_;
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
  options.agent_id = ReloadedAgent::kName;
  options.flush_interval_ms = static_cast<int64_t>(random_.below(3)) * 300;
  std::vector<PipelineInput> inputs;
  for (const Configured& input : config_) {
    inputs.push_back(make_parts(input));
    inputs.back().source = make_source(input);
  }
  FlusherOptions flusher_options;
  flusher_options.seed = random_.next();
  agent_ = std::make_unique<ReloadedAgent>(stores_, agent_ ? agent_->at() : 0, std::move(options),
                                           std::move(inputs), flusher_options, now_);
}

void ReloadWorld::kill() {
  say("the agent is killed");
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
  const size_t at = agent_->at();
  const bool moves = moves_ && agent_->may_move() && one_in(2);
  const size_t to = !moves || one_in(3) ? at : 1 - at;
  if (moves && renames_ && stores_[to].loses_replies()) stores_[to].heal();
  if (moves && !agent_->open(to)) {
    say("a reload is refused");
    config_ = before;
    return;
  }
  const bool other_table = !moves && one_in(4);
  std::string told = "reload:";
  for (const Configured& input : config_) {
    change.inputs.push_back(plan(input, before));
    told += " " + input.name + "=" + input.place;
  }
  if (moves) told += to == at ? ", this store again" : ", the other store";
  say(told);
  agent_->change(std::move(change), other_table, now_);
}

InputChange ReloadWorld::plan(const Configured& input, const std::vector<Configured>& before) {
  InputChange planned;
  planned.parts = make_parts(input);
  for (const Configured& old : before)
    if (old.place == input.place) planned.keeps = old.name;
  if (planned.keeps.empty() && input.feed) {
    planned.parts.source = make_source(input);
    return planned;
  }
  planned.make_source = [this, input] { return make_source(input); };
  if (!input.feed)
    planned.adjust = [settings = settings_of(input)](Source& source, Now now) {
      static_cast<FileSource&>(source).change(settings, Start::kBegin, kHotMs, now);
    };
  return planned;
}

void ReloadWorld::step(bool ingest) {
  if (ingest)
    agent_->ingest(now_);
  else
    agent_->flush(now_, random_);
  if (const std::string told = agent_->take_told(); !told.empty()) say(told);
  broken_ = agent_->broken();
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
  if (die < 46 && !agent_->changing()) return reload();
  if (die == 46 && kills_ && !agent_->changing() && !agent_->begins_unstored()) return kill();
  step(one_in(2));
}

void ReloadWorld::settle() {
  for (SimStore& store : stores_) store.heal();
  int quiet = 0;
  for (int i = 0; i < 5000 && (quiet < 100 || i < 500) && broken_.empty(); ++i) {
    pass(50);
    step(true);
    if (broken_.empty()) step(false);
    quiet = agent_->idle(now_) ? quiet + 1 : 0;
  }
  if (broken_.empty() && quiet < 100) broken_ = "it did not come to rest";
}

void ReloadWorld::compare() {
  compare_clients();
  for (const SimStore& store : stores_)
    if (!store.broken().empty()) tell(store.broken());
  for (const InputSnapshot& input : agent_->snapshot(now_).inputs)
    if (!(agent_->store().totals(input.name) == input.totals))
      tell("the store's totals of " + input.name + " are not the agent's");
  uint64_t in_both = 0;
  for (const auto& [id, sightings] : agent_->in_both()) in_both += sightings;
  const uint64_t counted = agent_->store().lines_read();
  if (counted > lines_ + in_both || (!moves_ && counted < lines_))
    tell("the totals are of " + std::to_string(counted) + " lines, " + std::to_string(lines_) +
         " were written");
}

void ReloadWorld::compare_clients() {
  for (const auto& [id, written] : written_) {
    uint64_t sightings = 0;
    int64_t last_seen_ms = 0;
    for (const SimStore& store : stores_) {
      sightings += store.sightings_of(id);
      const auto found = store.clients_now().find(id);
      if (found != store.clients_now().end())
        last_seen_ms = std::max(last_seen_ms, found->second.last_seen_ms);
    }
    const auto twice = agent_->in_both().find(id);
    const uint64_t in_both = twice == agent_->in_both().end() ? 0 : twice->second;
    if (sightings < written.sightings || sightings > written.sightings + in_both)
      tell(id + " was counted " + std::to_string(sightings) + " times (" + std::to_string(in_both) +
           " may be in both stores), " + std::to_string(written.sightings) + " lines name it");
    else if (last_seen_ms != written.last_seen_ms)
      tell(id + " has last_seen " + std::to_string(last_seen_ms) + ", the newest is " +
           std::to_string(written.last_seen_ms));
  }
}

int simulate(int argc, char** argv) {
  Seeds seeds;
  seeds.seconds = 20;
  seeds.replay = argv[0];
  for (int i = 1; i + 1 < argc; i += 2)
    if (!seeds.take(argv[i], argv[i + 1])) return 2;
  StoreBugs bugs;
  bugs.no_fence = seeds.bug == "no_fence";
  bugs.positions_before_rows = seeds.bug == "positions_before_rows";
  return run_seeds(seeds, "each line counted once, whatever was reloaded",
                   [&](uint64_t seed) { return ReloadWorld(seed, bugs, seeds.verbose).run(); });
}

}  // namespace
}  // namespace lastseen::sim

int main(int argc, char** argv) {
  return lastseen::sim::simulate(argc, argv);
}
