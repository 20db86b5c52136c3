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

TEST_F(FileSourceTest, ASwappedSymlinkIsANewFileAndTheOldOneIsReadOn) {
  f.disk.make_directory("/data");
  f.disk.append("/data/1", "a\n");
  f.disk.symlink("/data/1", kLog);
  f.up();
  f.disk.append("/data/2", "c\n");
  f.disk.append("/data/1", "b\n");
  f.disk.symlink("/data/2", kLog);
  f.run(2000);
  EXPECT_THAT(f.news(), testing::AnyOf("a b c"));
  f.disk.symlink("/data/1", kLog);
  f.disk.append("/data/1", "d\n");
  f.run(2000);
  EXPECT_EQ("d", f.news());
}

struct FileSourceLink : FileSourceTest {
  const std::string real = "/data/web.log";
  FileSourceLink() {
    f.disk.make_directory("/data");
    f.disk.append(real, "a\n");
    f.disk.symlink(real, kLog);
    f.up();
    f.run(2000);
    EXPECT_EQ("a", f.news());
    restart();
  }
  void rotate_real() {
    if (f.disk.exists(real + ".1")) f.disk.rename(real + ".1", real + ".2");
    f.disk.rename(real, real + ".1");
    f.disk.create(real);
  }
};

TEST_F(FileSourceLink, WhatWasRotatedTwiceBehindALinkWhileDownIsReadOldestFirst) {
  f.disk.append(real, "b\n");
  rotate_real();
  f.disk.append(real, "c\n");
  rotate_real();
  f.disk.append(real, "d\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceLink, ALinkThatWasSwappedWhileDownHidesNothingOfWhatItLedTo) {
  f.disk.append(real, "b\n");
  f.disk.make_directory("/data/today");
  f.disk.append("/data/today/web.log", "c\n");
  f.disk.symlink("/data/today/web.log", kLog);
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c", f.news());
  f.run(10'000'000);
  EXPECT_EQ(1, f.disk.open_files());
}

TEST_F(FileSourceLink, ACopyBehindALinkIsReadFromWhereTheLogWasLeft) {
  f.disk.append(real, "b\n");
  f.disk.copy(real, real + ".1");
  f.disk.truncate(real);
  f.disk.append(real, "c\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceLink, AReloadThatNamesTheLogItselfGoesOn) {
  f.up();
  f.settings.path = real;
  f.source->change(f.settings, f.start, 20, f.now);
  f.disk.append(real, "b\n");
  f.run(2000);
  rotate_real();
  f.disk.append(real, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceLink, AReloadThatNamesALinkToTheLogGoesOn) {
  f.settings.path = real;
  f.up();
  f.settings.path = kLog;
  f.source->change(f.settings, f.start, 20, f.now);
  f.disk.append(real, "b\n");
  f.run(2000);
  rotate_real();
  f.disk.append(real, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
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
