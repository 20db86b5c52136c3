// The life of the agent around the files: restarts, names, waking up, trouble.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Rows in the store ---------------------------------------------------------------------------

TEST_F(FileSourceTest, AFileThatCameAndWasRotatedBeforeItsFirstCommitIsFound) {
  f.disk.now_ns = f.now.wall_ms * 1'000'000;
  f.disk.append("/log/access.log.1", "older\n");
  f.pass(1000);
  f.up();
  f.commit();
  ASSERT_EQ(1u, f.store.size());
  f.pass(1000);
  f.disk.now_ns = f.now.wall_ms * 1'000'000;
  append("a\n");
  f.look();
  EXPECT_EQ("a", f.news());
  f.crash();
  f.disk.rename("/log/access.log.1", "/log/access.log.2");
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  restart();
  EXPECT_EQ(2u, f.store.size());
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceTest, AFileThatCameAndWasRotatedBetweenTwoLooksIsFound) {
  append("a\n");
  f.up();
  f.disk.rename(kLog, "/log/access.log-20261101");
  f.run(2000);
  append("b\n");
  f.disk.rename(kLog, "/log/access.log-20261102");
  append("c\n");
  f.run(3000);
  EXPECT_EQ(3u, f.lines.size());
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, BehindARotatedFileThatIsGoneTheNewerAreFound) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.look();
  restart();
  std::erase_if(f.store, [](const auto& row) { return row.second.path == kLog; });
  f.disk.remove("/log/access.log.1");
  rotate();
  f.up();
  EXPECT_EQ("a b b", f.news());
}

TEST_F(FileSourceTest, AFileThatTheStoreLostIsReadFromItsFirstByteByALaterAgentToo) {
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  rotate();
  append("b\n");
  f.look();
  restart();
  f.up();
  append("c\n");
  f.look();
  EXPECT_EQ("a b c", f.news());
  f.store = before;
  f.restore();
  f.look();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTest, RowsOfFilesThatAreGoneAreDeleted) {
  append("a\n");
  f.up();
  for (int i = 0; i < 5; ++i) {
    f.disk.remove(kLog);
    append("b\n");
    f.run(70'000);
  }
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceTest, OfManyRotatedFilesTheNewestKeepTheirRows) {
  append("a\n");
  f.up();
  for (int i = 0; i < 80; ++i) {
    f.disk.rename(kLog, "/log/access.log-" + std::to_string(20261122 + i));
    append("b\n");
    f.run(70'000);
  }
  f.commit();
  EXPECT_EQ(65u, f.store.size());
  f.news();
  restart();
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

// --- Restart -----------------------------------------------------------------------------------

TEST_F(FileSourceTest, ARestartGoesOnAtTheCommittedPosition) {
  append("a\nb\n");
  f.up();
  f.commit();
  append("c\n");
  f.look();
  f.crash();
  f.up();
  EXPECT_EQ("a b c", f.news());
  EXPECT_EQ(1u, f.log.count("resumed"));
}

TEST_F(FileSourceTest, AFileRenamedWhileDownIsReadFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rotate();
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, AFileRenamedTwiceWhileDownIsFoundByItsIdentity) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.rename(kLog, "/log/zzz-2026-11-22");
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, SiblingsBornWhileDownAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rotate();
  append("c\n");
  rotate();
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceTest, AFileIsNotBegunBeforeTheOlderOnesAreReadHoweverLongTheyAre) {
  append("a\n");
  f.up();
  restart();
  for (const std::string line : {"b\n", "c\n"}) {
    std::string much;
    while (much.size() < 2 * kReadBytes) much += line;
    append(much);
    rotate();
  }
  append("d\n");
  f.up();
  std::string news = f.news();
  std::erase(news, ' ');
  std::string order = news;  // each once
  order.erase(std::unique(order.begin(), order.end()), order.end());
  EXPECT_EQ("abcd", order);
}

TEST_F(FileSourceTest, SiblingsAreHeldWhileTheStoreIsDown) {
  append("a\n");
  f.up();
  restart();
  rotate();
  append("b\n");
  rotate();
  append("c\n");
  f.launch();
  f.disk.remove("/log/access.log.1");
  f.disk.remove("/log/access.log.2");
  f.restore();
  f.source->begin();
  f.look();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, OlderSiblingsAreNeverRead) {
  f.disk.append("/log/access.log.2", "ancient\n");
  f.disk.append("/log/access.log.1", "old\n");
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(1, f.disk.open_files());
  restart();
  f.disk.rename("/log/access.log.2", "/log/access.log.3");
  rotate();
  append("b\n");
  f.up();
  f.run(3000);
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTest, ACompressedOrRestoredSiblingIsNotReadAsANewFile) {
  append("a\n");
  f.up();
  restart();
  f.disk.rename(kLog, "/log/access.log.1");
  f.disk.append("/log/access.log.2.gz", "gz\n");
  f.disk.append("/log/access.log.bak", "copied\n");
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, ANewFileOfAKnownInputIsReadFromItsFirstByte) {
  append("old\n");
  f.start = Start::kEnd;
  f.up();
  restart();
  f.disk.remove(kLog);
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceTest, AnotherDeviceNumberIsTheSameFileIfTheContentsSaySo) {
  append(std::string(100, 'a') + "\n");
  f.up();
  restart();
  f.news();
  f.disk.device = 7;
  append("b\n");
  f.up();
  EXPECT_EQ("b", f.news());
  f.commit();
  EXPECT_EQ(7u, f.store.begin()->second.device);
}

TEST_F(FileSourceTest, AnotherDeviceAndOtherContentsAreAnotherFile) {
  f.disk.has_birth_times = false;
  append(std::string(100, 'a') + "\n");
  f.up();
  restart();
  f.news();
  f.disk.truncate(kLog);
  append(std::string(100, 'b') + "\nc\n");
  f.disk.device = 7;
  f.up();
  EXPECT_EQ(std::string(100, 'b') + " c", f.news());
}

TEST_F(FileSourceTest, AnUnreadableFileOfAStoredPositionResumesOnceItCanBeRead) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.chmod(kLog, false);
  f.up();
  f.run(20'000);
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackRewinds) {
  append("a\n");
  f.up();
  f.commit();
  append("b\n");
  f.look();
  f.news();
  f.restore();
  f.look();
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackReadsALetGoFileAgain) {
  append("a\n");
  f.up();
  f.commit();
  append("b\n");
  f.look();
  rotate();
  append("c\n");
  f.run(70'000);
  ASSERT_EQ(1, f.disk.open_files());
  f.news();
  f.restore();
  f.look();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackAndTheFileIsGone) {
  append("a\n");
  f.up();
  f.commit();
  Position old = f.store.begin()->second;
  f.disk.remove(kLog);
  f.run(3'700'000);
  f.commit();
  EXPECT_EQ(f.store.size(), f.store.count("anchor"));
  old.size = 10;
  f.store[old.stream] = old;
  f.restore();
  EXPECT_EQ(8u, f.lost(LossReason::kStoreWentBack));
}

TEST_F(FileSourceTest, TheStoreForgotEverythingRereadsFromWhereWeBegan) {
  append("old\n");
  f.start = Start::kEnd;
  f.up();
  append("a\n");
  f.look();
  f.news();
  f.store.clear();
  f.input_known = false;
  f.restore();
  f.look();
  EXPECT_EQ("a", f.news());
}

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
