// Several names of one file, turns of several, when the source wakes, and trouble with the disk.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Several names -----------------------------------------------------------------------------

TEST_F(FileSourceTest, OneInodeUnderSeveralNamesIsOneStream) {
  Follower g("/log/*.log");
  g.disk.append(kLog, "a\n");
  g.disk.hard_link(kLog, "/log/hard.log");
  g.disk.symlink(kLog, "/log/soft.log");
  g.disk.make_directory("/log/directory.log");
  g.up();
  g.run(2000);
  EXPECT_EQ("a", g.news());
  EXPECT_EQ(1, g.disk.open_files());
}

TEST_F(FileSourceTest, FilesTakeTurns) {
  Follower g("/log/*.log");
  std::string much;
  for (int i = 0; i < 100'000; ++i) much += "a......\n";
  g.disk.append("/log/a.log", much);
  g.disk.append("/log/b.log", "b\n");
  g.up();
  size_t place = std::find(g.lines.begin(), g.lines.end(), "b") - g.lines.begin();
  EXPECT_LT(place, 40'000u);
  EXPECT_EQ(100'001u, g.lines.size());
}

// --- Waking up ---------------------------------------------------------------------------------

TEST_F(FileSourceTest, IdleWakesOnceASecond) {
  append("a\n");
  f.up();
  f.run(2000);
  f.wakeups = 0;
  f.run(60'000);
  EXPECT_LE(f.wakeups, 61);
}

TEST_F(FileSourceTest, AnEventWakesAnIdleSource) {
  append("a\n");
  f.up();
  f.run(3000);
  f.news();
  ASSERT_TRUE(f.watcher.watching("/log"));
  f.pass(100);
  append("b\n");
  f.watcher.fire("/log", "access.log");
  f.step();
  f.read();
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTest, AHotFileIsNotWatchedAndThenWatchedAgain) {
  append("a\n");
  f.up();
  f.run(3000);
  append("b\n");
  f.look();
  EXPECT_FALSE(f.watcher.watching("/log"));
  f.wakeups = 0;
  for (int i = 0; i < 100; ++i) {
    append("c\n");
    f.run(10);
  }
  EXPECT_LE(f.wakeups, 110);  // 50 timer reads, and our own 100 calls
  EXPECT_EQ(102u, f.lines.size());
  f.run(200);
  EXPECT_TRUE(f.watcher.watching("/log"));
}

TEST_F(FileSourceTest, WhatHappensBetweenTheLastReadAndTheWatchIsSeen) {
  append("a\n");
  f.up();
  f.run(85);
  ASSERT_FALSE(f.watcher.watching("/log"));
  while (!f.watcher.watching("/log")) {
    f.pass(1);
    f.step();
  }
  append("b\n");  // after the last look, and no event is fired
  f.run(25);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, NeighboursDoNotWakeUs) {
  append("a\n");
  f.up();
  f.run(3000);
  f.watcher.fire("/log", "syslog");
  EXPECT_GT(f.step(), f.now.mono_ms + 20);
}

TEST_F(FileSourceTest, WithoutWatchesThePollFindsEverything) {
  f.watcher.refuse = Status::retry("cannot watch /log: no space left");
  append("a\n");
  f.up();
  f.run(3000);
  EXPECT_EQ("idle, polled", f.state_of(kLog));
  append("b\n");
  f.run(1100);
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.log.count("polled instead"));
}

// --- Trouble -----------------------------------------------------------------------------------

TEST_F(FileSourceTest, AReadErrorIsSaidOnceAndTriedAgain) {
  append("a\n");
  f.up();
  f.run(3000);
  f.disk.fault = [](Call call, const std::string& path) {
    return call == Call::kPread ? Status::retry("cannot read " + path + ": Input/output error")
                                : Status::ok();
  };
  append("b\n");
  f.run(5000);
  EXPECT_EQ("unreadable: Input/output error", f.state_of(kLog));
  EXPECT_EQ(1u, f.log.count("Input/output error"));
  EXPECT_FALSE(f.source->drained());
  f.disk.fault = nullptr;
  f.run(1100);
  EXPECT_EQ("a b", f.news());
}

// Every call to the disk fails once, for N = 0, 1, 2 … until a run passes without reaching it.
TEST_F(FileSourceTest, AnyCallMayFailOnce) {
  int64_t n = 0;
  for (bool failed = true; failed; ++n) {
    Follower g("/log/access.log*");
    g.disk.append(kLog, std::string(80, 'x') + "\na\n");
    g.up();
    g.disk.fail_nth(n, Status::retry("cannot do it: Input/output error"));
    g.disk.append(kLog, "b\n");
    g.run(2000);
    auto old = g.disk.writer(kLog);
    g.disk.rename(kLog, "/log/access.log.1");
    old.append("c\n");
    g.disk.append(kLog, "d\n");
    g.run(2500);
    g.commit();
    g.crash();
    g.disk.append(kLog, "e\n");
    g.up();
    g.run(3000);
    failed = g.disk.nth_failed();
    std::vector<std::string> lines = g.lines;
    std::sort(lines.begin(), lines.end());
    ASSERT_THAT(lines, testing::ElementsAre("a", "b", "c", "d", "e", testing::_))
        << "n=" << n << "\n"
        << g.log.text();
  }
  EXPECT_GT(n, 30);
}

}  // namespace
}  // namespace lastseen
