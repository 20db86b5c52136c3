#include "sim/world.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/incarnation.h"
#include "sim/proxy.h"
#include "sim/verdict.h"
#include "source/discovery.h"

namespace lastseen::sim {

namespace {

// One of each meaning, and one whose reply is lost.
constexpr const char* kSqlstates[] = {"",      "40001", "40P01", "08006", "53100",
                                      "57P01", "42501", "25006", "22001"};
constexpr int64_t kStopLimitMs = 120'000;
constexpr size_t kRotatedMax = 6;
constexpr int64_t kRemovedFileHeldMs = 3'600'000;
constexpr int kTurnsMax = 20;

std::set<std::string, std::less<>> split(const std::string& list) {
  std::set<std::string, std::less<>> names;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) names.insert(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

class World {
 public:
  explicit World(const WorldOptions& options);
  std::string run();

 private:
  void act();
  void act_on_store();
  void act_on_log(Proxy& proxy);
  void destroy_something(Proxy& proxy);
  void start_agent();
  void commit_start_choice();
  void crash();
  void end_agent();
  void stop_gracefully();
  void step_agent();
  void flush();
  void note_look();
  void note_broken();
  void fail_store();
  void jump_clock();
  void settle();
  bool waits_for_descriptor() const;
  void pass(int64_t ms) {
    now_.mono_ms += ms;
    now_.wall_ms += ms;
    disk_.now_ns += ms * 1'000'000;
  }
  bool has(std::string_view kind) const { return without_.count(kind) == 0; }
  uint64_t one_in(uint64_t n) { return random_.below(n) == 0; }
  void say(const std::string& what) {
    if (options_.verbose) std::printf("%8lld ms  %s\n", (long long)now_.mono_ms, what.c_str());
  }
  void print_log();  // what the agent said since the last time
  void print_files();

  const WorldOptions& options_;
  const std::set<std::string, std::less<>> without_;
  Random random_;
  Random later_;  // of what came later, so that older seeds play what they played
  Now now_{1000, 1'795'000'000'000};
  FakeFileSystem disk_;
  SimStore store_;
  FaultyFileSystem view_;
  // Nothing is destroyed that the store does not have: every line must be counted.
  bool calm_ = false;
  bool rotates_while_down_ = true;
  // Then nothing is rotated while the agent is down, or compressed: only the times of such files
  // tell whether they have been read, and they lie in the future of the looks that saw them.
  bool clock_goes_back_ = false;
  bool disk_fails_ = false;
  int64_t behind_ms_ = 0;
  bool drops_table_ = false;
  uint64_t commits_ = 0;
  AgentOptions agent_options_;
  std::vector<std::unique_ptr<Proxy>> proxies_;
  std::unique_ptr<Incarnation> agent_;
  std::map<const Proxy*, std::string> links_;  // by which the agent finds their logs
  int releases_ = 0;
  std::map<const Proxy*, bool> looked_since_;  // the last rotation, with the positions known
  int64_t looked_mono_ms_ = 0;
  bool marked_ = false;
  size_t printed_ = 0;  // lines of the agent's log
  std::string broken_;
};

World::World(const WorldOptions& options)
    : options_(options),
      without_(split(options.without)),
      random_(options.seed),
      later_(~options.seed),
      store_(options.bugs.store),
      view_(disk_, options.bugs.disk) {
  if (options.verbose) store_.trace();
  calm_ = one_in(2);
  disk_.now_ns = now_.wall_ms * 1'000'000;
  disk_.has_birth_times = !has("birthless") || !one_in(10);
  // Without birth times nothing tells a file from the next one that gets its number.
  disk_.reuse_inodes = disk_.has_birth_times && !one_in(4);
  clock_goes_back_ = one_in(8);
  rotates_while_down_ = !clock_goes_back_;
  disk_fails_ = one_in(4) && has("disk");
  disk_.make_directory("/links");
  if (!has("wild")) calm_ = true;
  if (!has("down")) rotates_while_down_ = false;
  if (one_in(3)) store_.refuse(kRefusedClient);
  agent_options_.clients_max = one_in(2) ? 8 : 1000;
  agent_options_.flush_interval_ms = static_cast<int64_t>(random_.below(3)) * 50;
  agent_options_.descriptors = one_in(5) && has("few") ? 2 + random_.below(4) : 0;
  agent_options_.bugs = options.bugs.source;
  agent_options_.unbounded_buffer = options.bugs.unbounded_buffer;
  if (later_.below(6) == 0 && has("resolution"))
    agent_options_.resolution_ms = later_.below(2) == 0 ? 500 : 60'000;
  store_.set_resolution(agent_options_.resolution_ms);
  drops_table_ = later_.below(6) == 0 && has("table");
  for (uint64_t i = 1 + random_.below(3); i > 0; --i) {
    const std::string name = "proxy" + std::to_string(i);
    const bool header = one_in(8) && disk_.has_birth_times && has("header");
    proxies_.push_back(std::make_unique<Proxy>(disk_, store_, random_, name, "/" + name, header));
    const std::string log = proxies_.back()->log();
    std::string path = one_in(4) ? log + "*" : log;
    if (one_in(6) && has("link")) {
      std::string& link = links_[proxies_.back().get()] = "/links/" + name;
      if (one_in(2)) {
        path = link + path.substr(path.rfind('/'));
        disk_.symlink("/" + name, link);
      } else {
        path = link += ".log";
        disk_.symlink(log, path);
      }
    }
    agent_options_.inputs.push_back({name, path});
  }
  disk_.fault = [this](FakeFileSystem::Call call, const std::string& path) {
    using Call = FakeFileSystem::Call;
    // Of a log that cannot be asked at the very first start, and that is rotated before it can,
    // nothing tells that it was not rotated before.
    const bool first_start = store_.commits() == 0 && call != Call::kPread;
    if (!disk_fails_ || !agent_ || first_start || call == Call::kGlob || !one_in(60))
      return Status::ok();
    static constexpr const char* kCalls[] = {"open",  "stat",  "glob",    "list",
                                             "pread", "fstat", "readlink"};
    say(std::string(kCalls[static_cast<size_t>(call)]) + " of " + path + " fails");
    return Status::retry("cannot read " + path + ": simulated");
  };
}

std::string World::run() {
  start_agent();
  commit_start_choice();
  for (int step = 0; step < options_.steps && broken_.empty(); ++step) act();
  if (broken_.empty()) settle();
  if (broken_.empty())
    broken_ = verdict(agent_->snapshot(now_), store_, proxies_, calm_, behind_ms_);
  print_log();
  print_files();
  for (const auto& proxy : proxies_)
    if (options_.verbose) proxy->print();
  agent_.reset();
  return broken_;
}

void World::print_log() {
  if (!options_.verbose || !agent_) return;
  const std::vector<RecordingLog::Line> lines = agent_->log().lines();
  for (; printed_ < lines.size(); ++printed_)
    std::printf("%8lld ms    log: %s\n", (long long)now_.mono_ms, lines[printed_].text.c_str());
}

void World::print_files() {
  if (!options_.verbose || !agent_) return;
  for (const InputSnapshot& input : agent_->snapshot(now_).inputs)
    for (const FileSnapshot& file : input.files)
      std::printf("  file: %s %llu of %llu, %s\n", file.path.c_str(),
                  (unsigned long long)file.position, (unsigned long long)file.size,
                  file.state.c_str());
}

void World::start_agent() {
  say("agent starts");
  agent_options_.seed = random_.next();
  looked_mono_ms_ = now_.mono_ms;
  agent_ = std::make_unique<Incarnation>(agent_options_, view_, store_, now_);
}

// Before that, what was rotated is nobody's: at the very first start no sibling is read.
void World::commit_start_choice() {
  while (store_.commits() == 0) {
    pass(10);
    agent_->ingest(now_);
    agent_->flush(now_, 0);
  }
}

void World::crash() {
  say("agent is killed");
  if (agent_->withholds()) behind_ms_ = agent_options_.resolution_ms;
  end_agent();
}

void World::end_agent() {
  print_files();
  agent_.reset();
  printed_ = 0;
  for (const auto& proxy : proxies_) proxy->agent_died();
}

void World::stop_gracefully() {
  say("agent is stopped");
  agent_->stop();
  store_.heal();
  const int64_t limit = now_.mono_ms + kStopLimitMs;
  while (now_.mono_ms < limit && !agent_->finished()) {
    pass(50);
    agent_->ingest(now_);
    flush();
  }
  print_log();
  if (!agent_->finished()) broken_ = "a stop did not end";
  if (broken_.empty()) note_broken();
  end_agent();
}

void World::flush() {
  int64_t delay_ms = 0;
  if (one_in(20)) delay_ms = static_cast<int64_t>(random_.below(3000));
  if (one_in(300)) delay_ms = 100'000;
  agent_->flush(now_, delay_ms);
  if (store_.commits() == commits_) return;
  commits_ = store_.commits();
  for (const auto& proxy : proxies_) proxy->note_commit();
}

void World::step_agent() {
  if (one_in(2)) {
    agent_->ingest(now_);
    note_look();
  } else {
    flush();
  }
  note_broken();
  print_log();
}

void World::note_broken() {
  broken_ = agent_->broken().empty() ? store_.broken() : agent_->broken();
}

// A poll is due after a second.
void World::note_look() {
  if (now_.mono_ms < looked_mono_ms_ + 1000 || !agent_->loaded()) return;
  looked_mono_ms_ = now_.mono_ms;
  for (const auto& proxy : proxies_) looked_since_[proxy.get()] = true;
}

void World::fail_store() {
  const StoreFault fault = one_in(2) ? StoreFault::kFailsBefore : StoreFault::kReplyLost;
  const char* sqlstate = kSqlstates[random_.below(std::size(kSqlstates))];
  const int calls = one_in(4) ? 1 + static_cast<int>(random_.below(20)) : 1;
  say(std::string("the store ") + (fault == StoreFault::kReplyLost ? "loses replies" : "fails") +
      " (" + sqlstate + "), calls: " + std::to_string(calls));
  store_.fail(fault, sqlstate, calls);
}

void World::act_on_store() {
  if (!one_in(8)) return fail_store();
  if (calm_ || !has("goback")) return;
  if (marked_ && one_in(2)) {
    say("the store goes back");
    store_.go_back();
    for (const auto& proxy : proxies_) proxy->store_went_back();
  } else {
    say("the store is copied");
    marked_ = true;
    store_.mark();
    for (const auto& proxy : proxies_) proxy->mark();
  }
}

void World::jump_clock() {
  const int64_t jump = static_cast<int64_t>(random_.below(7'200'000));
  const bool back = clock_goes_back_ && one_in(2);
  say("the clock jumps");
  now_.wall_ms += back ? -jump : jump;
  if (!back) disk_.now_ns += jump * 1'000'000;
}

void World::destroy_something(Proxy& proxy) {
  const uint64_t die = random_.below(6);
  if (die < 2 && proxy.rotated() > 0) {
    if (calm_ && !proxy.rotated_are_saved()) return;
    say(proxy.input() + ": the oldest rotated file is removed");
    return proxy.drop_oldest();
  }
  if (calm_ && !proxy.log_is_saved()) return;
  if (die < 4) {
    say(proxy.input() + ": log is truncated");
    proxy.truncate();
  } else {
    say(proxy.input() + ": log is removed");
    proxy.remove();
    if (calm_) proxy.open();  // or what it goes on to write were lost with the agent
  }
}

void World::act_on_log(Proxy& proxy) {
  const uint64_t die = random_.below(20);
  if (proxy.reopen_due() && die < 10) {
    say(proxy.input() + ": proxy reopens its log");
    return proxy.open();
  }
  if (!agent_ && !rotates_while_down_) return;
  if (die == 0 && links_.count(&proxy) > 0) {
    // Nothing leads back to where a link has led only between two looks, or to what a store forgot.
    if (!has("release") || marked_ || !proxy.directory_is_known()) return;
    say(proxy.input() + ": the link of its log leads to another directory");
    return proxy.move_to("/" + proxy.input() + "-" + std::to_string(++releases_),
                         links_.at(&proxy));
  }
  if (die < 10 && !proxy.copies()) {
    if (!has("quick-rotation") && !looked_since_[&proxy]) return;
    looked_since_[&proxy] = false;
    say(proxy.input() + ": log is rotated");
    proxy.rename_rotate(one_in(2));
  } else if (die < 10) {
    if (!has("copy")) return;
    if (!has("unread-copy") && (!agent_ || !proxy.log_is_saved())) return;
    const bool between = !calm_ && one_in(2);
    say(proxy.input() + ": log is copied and truncated");
    proxy.copy_truncate(between);
  } else if (die < 16) {
    if (!has("gzip") || clock_goes_back_ || (!has("unread-gzip") && !proxy.rotated_are_saved()))
      return;
    say(proxy.input() + ": a rotated file is compressed");
    proxy.compress(calm_);
  } else if (has("destroy")) {
    destroy_something(proxy);
  }
  while (proxy.rotated() > kRotatedMax && (!calm_ || proxy.rotated_are_saved()))
    proxy.drop_oldest();
}

void World::act() {
  if (drops_table_ && later_.below(200) == 0) {
    say("the table of clients is made anew");
    store_.drop_table();
  }
  Proxy& proxy = *proxies_[random_.below(proxies_.size())];
  const uint64_t die = random_.below(100);
  if (die < 30) {
    proxy.write_piece();
  } else if (die < 40) {
    pass(static_cast<int64_t>(random_.below(die < 38 ? 100 : 3000)));
  } else if (die < 46) {
    act_on_log(proxy);
  } else if (die < 50) {
    act_on_store();
  } else if (die < 51 && one_in(3) && has("clock")) {
    jump_clock();
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
  say("everything is healed");
  store_.heal();
  disk_fails_ = false;
  for (const auto& proxy : proxies_) {
    proxy->finish_line();
    if (proxy->reopen_due()) proxy->open();
  }
  if (!agent_) start_agent();
  // A store that went back is noticed by the heartbeat, after 10 s.
  const int steps_least = marked_ ? 300 : 0;
  int quiet = 0;
  int turns = 0;
  for (int i = 0; i < 20'000 && (quiet < 100 || i < steps_least) && broken_.empty(); ++i) {
    pass(50);
    agent_->ingest(now_);
    agent_->flush(now_, 0);
    note_broken();
    print_log();
    quiet = agent_->idle(now_) ? quiet + 1 : 0;
    // A removed file may be written to for an hour; then another gets its descriptor.
    if (quiet == 100 && waits_for_descriptor() && ++turns < kTurnsMax) {
      pass(kRemovedFileHeldMs);
      quiet = 0;
    }
  }
  if (broken_.empty() && quiet < 100) broken_ = "the agent did not come to rest";
}

bool World::waits_for_descriptor() const {
  for (const InputSnapshot& input : agent_->snapshot(now_).inputs)
    for (const FileSnapshot& file : input.files)
      if (file.state == kWaitsForDescriptor) return true;
  return false;
}

}  // namespace

std::string unknown_kind(const std::string& without) {
  for (const std::string& name : split(without)) {
    const auto known = [&](const Kind& kind) { return name == kind.name; };
    if (name != "none" && !std::any_of(std::begin(kKinds), std::end(kKinds), known)) return name;
  }
  return "";
}

std::string run_world(const WorldOptions& options) {
  return World(options).run();
}

}  // namespace lastseen::sim
