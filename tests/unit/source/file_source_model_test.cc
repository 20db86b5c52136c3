// The source against a model, under a seeded order of everything that logrotate, the proxy, the
// clock and a kill can do. LASTSEEN_SEED=n replays one seed; LASTSEEN_SEEDS=n runs that many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr uint64_t kSeeds = 1500;
constexpr int kActions = 120;

/// Writes numbered lines as a proxy does, through a descriptor that outlives renames, and keeps
/// account of which lines must arrive and which may not.
class World {
 public:
  World(uint64_t seed, bool destructive)
      : random_(seed),
        destructive_(destructive),
        f_(chance(2) ? "/log/access.log" : "/log/access.log*") {
    f_.buffer.stretch_bytes = chance(2) ? 30 : 0;
    f_.disk.has_birth_times = !chance(4);
    f_.disk.reuse_inodes = !chance(4);
    f_.disk.create(kLog);
    writer_ = f_.disk.writer(kLog);
    f_.up();
    f_.commit();
  }

  void act() {
    switch (pick(destructive_ ? 14 : 12)) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
        return write_part();
      case 4:
        return f_.run(pick(300));
      case 5:
        return f_.run(pick(3000));
      case 6:
        return f_.look();
      case 7:
        return f_.commit();
      case 8:
        return rotate();
      case 9:
        return reopen();
      case 10:
        return kill();
      case 11:
        if (chance(4)) f_.run(70'000);
        return;
      case 12:
        return truncate();
      case 13:
        return remove();
    }
  }

  void finish() {
    end_line();
    reopen();
    write();
    f_.run(5000);
    f_.commit();
    std::multiset<std::string> delivered(f_.lines.begin(), f_.lines.end());
    for (const std::string& line : delivered) {
      ASSERT_EQ(1u, delivered.count(line)) << "twice: " << line;
      // The middle of a line that a truncation cut in two is no line that was written.
      ASSERT_TRUE(destroyed_ || written_.count(line) == 1) << "never written: " << line;
    }
    const uint64_t lost = f_.lost(LossReason::kTruncated) + f_.lost(LossReason::kDeleted);
    // A loss is a lower bound: nothing that was delivered, or never existed, is counted in it.
    ASSERT_LE(f_.bytes_taken + lost, bytes_written_);
    if (!destroyed_) {
      for (const std::string& line : written_)
        ASSERT_EQ(1u, delivered.count(line)) << "missing: " << line;
      ASSERT_EQ(0u, lost);
    }
    f_.crash();
    ASSERT_EQ(0, f_.disk.open_files());
  }
  std::string log() const { return f_.log.text(); }

 private:
  uint64_t pick(uint64_t n) { return random_() % n; }
  bool chance(uint64_t one_in) { return pick(one_in) == 0; }

  void put(const std::string& bytes) {
    writer_.append(bytes);
    bytes_written_ += bytes.size();
    if (f_.watcher.watching("/log") && chance(2)) f_.watcher.fire("/log", "access.log");
  }
  // Lengths differ, so that positions of different generations rarely fall on like places. Two
  // pieces of lines that a truncation joins never look like a line that was written.
  void begin_line() { line_ = "<" + std::to_string(++number_) + std::string(pick(40), '.') + ">"; }
  void write() {
    end_line();
    std::string bytes;
    for (uint64_t n = 1 + pick(5); n > 0; --n) {
      begin_line();
      written_.insert(line_);
      bytes += line_ + "\n";
    }
    line_.clear();
    put(bytes);
  }
  void write_part() {
    if (!line_.empty()) return end_line();
    begin_line();
    size_t half = pick(line_.size());
    put(line_.substr(0, half));
    rest_ = line_.substr(half);
  }
  void end_line() {
    if (line_.empty()) return;
    put(rest_ + "\n");
    written_.insert(line_);
    line_.clear();
  }

  // logrotate with `create`; .3 is thrown away, but only when it has been read, unless we destroy.
  void rotate() {
    if (f_.disk.exists("/log/access.log.3")) {
      if (!destructive_) {
        f_.run(3000);
        f_.commit();
      } else {
        destroyed_ = true;
      }
      end_line();
      reopen();
      if (!destructive_) {
        f_.run(3000);
        f_.commit();
      }
    }
    for (int i = 3; i > 0; --i) {
      std::string from = i == 1 ? kLog : "/log/access.log." + std::to_string(i - 1);
      if (f_.disk.exists(from)) f_.disk.rename(from, "/log/access.log." + std::to_string(i));
    }
    f_.disk.create(kLog);
  }
  // USR1: the proxy goes on with the file that has the name now.
  void reopen() {
    end_line();
    if (!f_.disk.exists(kLog)) f_.disk.create(kLog);
    writer_ = f_.disk.writer(kLog);
  }
  // Rotated files that nobody saw under their first name are found behind those that were seen.
  void kill() {
    f_.crash();
    for (uint64_t n = pick(6); n > 0; --n) {
      switch (pick(4)) {
        case 0:
          write();
          break;
        case 1:
          if (!f_.disk.exists("/log/access.log.3")) rotate();
          break;
        case 2:
          reopen();
          break;
        case 3:
          write_part();
      }
    }
    f_.up();
  }
  void truncate() {
    if (!f_.disk.exists(kLog)) return;
    destroyed_ = true;
    line_.clear();
    f_.disk.truncate(kLog);
    if (chance(2)) write();
  }
  void remove() {
    destroyed_ = true;
    f_.disk.remove(kLog);
    if (chance(2)) {
      line_.clear();
      reopen();
    }
  }

  std::mt19937_64 random_;
  const bool destructive_;
  Follower f_;
  FakeFileSystem::Writer writer_;
  std::set<std::string> written_;  // whole lines
  std::string line_;               // the line that is half written; empty: none
  std::string rest_;
  uint64_t number_ = 0;
  uint64_t bytes_written_ = 0;
  bool destroyed_ = false;  // bytes may be gone that nobody could read
};

uint64_t environment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

void run_seed(uint64_t seed, bool destructive) {
  SCOPED_TRACE("replay: LASTSEEN_SEED=" + std::to_string(seed));
  World world(seed, destructive);
  for (int i = 0; i < kActions; ++i) world.act();
  world.finish();
  if (testing::Test::HasFatalFailure()) std::fputs(world.log().c_str(), stderr);
}

void run_seeds(bool destructive) {
  if (uint64_t seed = environment("LASTSEEN_SEED", 0)) return run_seed(seed, destructive);
  for (uint64_t seed = 1; seed <= environment("LASTSEEN_SEEDS", kSeeds); ++seed) {
    run_seed(seed, destructive);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(FileSourceModel, RotationAndKillsDeliverEveryLineOnce) {
  run_seeds(false);
}
TEST(FileSourceModel, TruncationAndDeletionDeliverNothingTwiceAndCountTheLoss) {
  run_seeds(true);
}

}  // namespace
}  // namespace lastseen
