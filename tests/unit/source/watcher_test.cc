// The real thing: libuv, inotify and the real disk, in a directory of the test's own.
#include "source/watcher.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "fakes/recording_log.h"
#include "source/file_source.h"

namespace lastseen {
namespace {

constexpr int64_t kLongMs = 10'000;  // never waited out when things work

struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lastseen-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
  std::string path;
};

void append(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::app) << bytes;
}

struct Ears final : Watcher::Listener {
  void directory_changed(const std::string& directory, const std::string& name) override {
    heard.push_back(directory + "|" + name);
  }
  bool wait(Watcher& watcher, const std::string& what) {
    SystemClock clock;
    for (int64_t end = clock.now().mono_ms + kLongMs; clock.now().mono_ms < end;) {
      if (std::find(heard.begin(), heard.end(), what) != heard.end()) return true;
      watcher.wait(kLongMs);
    }
    return false;
  }
  void events_dropped() override { ++dropped; }
  std::vector<std::string> heard;
  int dropped = 0;
};

TEST(UvWatcher, TellsOfAppendCreateAndRename) {
  TemporaryDirectory directory;
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  Ears ears;
  ASSERT_TRUE(watcher->watch(directory.path, &ears));
  append(directory / "a", "x");
  EXPECT_TRUE(ears.wait(*watcher, directory.path + "|a"));
  std::filesystem::rename(directory / "a", directory / "b");
  EXPECT_TRUE(ears.wait(*watcher, directory.path + "|b"));
}

TEST(UvWatcher, TheLastUnwatchEndsIt) {
  TemporaryDirectory directory;
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  Ears ears;
  ASSERT_TRUE(watcher->watch(directory.path, &ears));
  ASSERT_TRUE(watcher->watch(directory.path, &ears));
  watcher->unwatch(directory.path, &ears);
  append(directory / "a", "x");
  EXPECT_TRUE(ears.wait(*watcher, directory.path + "|a"));
  watcher->unwatch(directory.path, &ears);
  ears.heard.clear();
  append(directory / "a", "x");
  watcher->wait(1);
  watcher->wait(1);
  EXPECT_TRUE(ears.heard.empty());
  ASSERT_TRUE(watcher->watch(directory.path, &ears));
  append(directory / "a", "x");
  EXPECT_TRUE(ears.wait(*watcher, directory.path + "|a"));
}

TEST(UvWatcher, AnOverflowIsTold) {
  long limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  if (limit == 0 || limit > 100'000) GTEST_SKIP() << "too many events to make";
  TemporaryDirectory directory;
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  Ears ears;
  ASSERT_TRUE(watcher->watch(directory.path, &ears));
  std::ofstream a(directory / "a");
  std::ofstream b(directory / "b");
  for (long i = 0; i < limit; ++i) (i % 2 ? a : b) << 'x' << std::flush;
  watcher->wait(kLongMs);
  EXPECT_EQ(1, ears.dropped);
}

TEST(UvWatcher, TwoNamesOfADirectoryAreToldBoth) {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "real");
  std::filesystem::create_symlink(directory / "real", directory / "link");
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  Ears ears;
  ASSERT_TRUE(watcher->watch(directory / "real", &ears));
  ASSERT_TRUE(watcher->watch(directory / "link", &ears));
  append(directory / "real/a", "x");
  EXPECT_TRUE(ears.wait(*watcher, directory / "link|a"));
  watcher->unwatch(directory / "link", &ears);
  append(directory / "real/b", "x");
  EXPECT_TRUE(ears.wait(*watcher, directory / "real|b"));
}

TEST(UvWatcher, AMissingDirectoryIsRefused) {
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  Ears ears;
  Status status = watcher->watch("/nowhere/at/all", &ears);
  EXPECT_FALSE(status);
  EXPECT_EQ("cannot watch /nowhere/at/all: No such file or directory", status.message());
}

TEST(UvWatcher, WakeEndsAWaitOfAnotherThread) {
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  SystemClock clock;
  int64_t before = clock.now().mono_ms;
  std::thread other([&] { watcher->wake(); });
  watcher->wait(kLongMs);
  other.join();
  watcher->wake();
  watcher->wait(-1);  // a wake() before the wait() counts
  EXPECT_LT(clock.now().mono_ms - before, kLongMs);
}

TEST(UvWatcher, AWaitEndsInTime) {
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  SystemClock clock;
  int64_t before = clock.now().mono_ms;
  watcher->wait(20);
  EXPECT_GE(clock.now().mono_ms - before, 19);
  watcher->wait(0);
}

// libuv looked at its timer, and then waited without one, when the millisecond changed in between:
// about one wait of 1 ms in 20,000.
TEST(UvWatcher, ManyShortWaitsAllEnd) {
  constexpr int kThreads = 100;
  constexpr int kWaits = 1000;
  std::vector<std::unique_ptr<Watcher>> watchers;
  std::vector<std::thread> threads;
  std::atomic<bool> given_up{false};
  std::atomic<int> ended{0};
  std::promise<void> all_ended;
  for (int i = 0; i < kThreads; ++i) watchers.push_back(make_uv_watcher());
  for (auto& watcher : watchers)
    threads.emplace_back([&] {
      for (int wait = 0; wait < kWaits && !given_up; ++wait) watcher->wait(1);
      if (++ended == kThreads) all_ended.set_value();
    });
  const auto over = all_ended.get_future().wait_for(std::chrono::milliseconds(kLongMs));
  given_up = true;
  for (auto& watcher : watchers) watcher->wake();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::future_status::ready, over);
}

// Source, watcher and disk together: what is written is read through an event, not the poll.
struct RealFollower {
  explicit RealFollower(const std::string& path) {
    settings.name = "web";
    settings.path = path;
    options.poll_ms = kLongMs;
    source = std::make_unique<FileSource>(settings, Start::kBegin, *files, *watcher, log, options);
    source->restore({}, clock.now());
    source->begin();
  }
  // Runs until so many lines have come.
  std::string lines(int count) {
    std::string all;
    int64_t end = clock.now().mono_ms + kLongMs / 2;
    while (count > 0 && clock.now().mono_ms < end) {
      int64_t deadline = source->step(clock.now());
      while (std::optional<Chunk> chunk = source->read(buffer, clock.now())) {
        size_t whole = chunk->bytes.rfind('\n') + 1;
        all += chunk->bytes.substr(0, whole);
        count -= static_cast<int>(std::count(chunk->bytes.begin(), chunk->bytes.end(), '\n'));
        source->consume(*chunk, whole, false);
      }
      if (count > 0) watcher->wait(std::max<int64_t>(deadline - clock.now().mono_ms, 0));
    }
    return all;
  }
  // Until nothing is hot, so that only an event can wake it.
  void idle() {
    while (source->step(clock.now()) < clock.now().mono_ms + 1000) watcher->wait(options.hot_ms);
  }

  SystemClock clock;
  std::unique_ptr<FileSystem> files = make_posix_file_system();
  std::unique_ptr<Watcher> watcher = make_uv_watcher();
  RecordingLog log;
  InputSettings settings;
  FileSourceOptions options;
  ReadBuffer buffer{kReadBytes};
  std::unique_ptr<FileSource> source;
};

TEST(FileSourceOnDisk, AppendRotateTruncateAndDeleteArriveByEvents) {
  TemporaryDirectory directory;
  const std::string path = directory / "access.log";
  append(path, "a\n");
  RealFollower f(path);
  EXPECT_EQ("a\n", f.lines(1));
  f.idle();
  append(path, "b\n");
  EXPECT_EQ("b\n", f.lines(1));
  f.idle();
  std::ofstream old(path, std::ios::app);
  std::filesystem::rename(path, directory / "access.log.1");
  old << "c\n" << std::flush;
  append(path, "d\n");
  EXPECT_EQ("c\nd\n", f.lines(2));
  f.idle();
  std::filesystem::resize_file(path, 0);
  append(path, "e\nf\n");
  EXPECT_EQ("e\nf\n", f.lines(2));
  f.idle();
  std::filesystem::remove(path);
  append(path, "g\n");
  EXPECT_EQ("g\n", f.lines(1));
}

TEST(FileSourceOnDisk, AFileThatAppearsArrivesByAnEvent) {
  TemporaryDirectory directory;
  RealFollower f(directory / "*.log");
  f.idle();
  append(directory / "x.log", "a\n");
  EXPECT_EQ("a\n", f.lines(1));
}

}  // namespace
}  // namespace lastseen
