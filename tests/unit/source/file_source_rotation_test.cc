// A log that is renamed, replaced, cut or deleted while it is followed, and while nobody looks.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Rotation ----------------------------------------------------------------------------------

TEST_F(FileSourceTest, RenameAndCreateReadsBothFiles) {
  append("a\n");
  f.up();
  auto old = f.disk.writer(kLog);
  rotate();
  old.append("b\n");
  append("c\n");
  old.append("d\n");
  f.look();
  EXPECT_EQ("a b d c", f.news());
  EXPECT_EQ("rotated", f.state_of("/log/access.log.1"));
}

TEST_F(FileSourceTest, RenameDuringPartialLineKeepsBothHalves) {
  append("a\nfirst ");
  f.up();
  auto old = f.disk.writer(kLog);
  rotate();
  f.run(3000);
  old.append("second\n");
  f.run(1100);
  EXPECT_EQ("a first second", f.news());
}

TEST_F(FileSourceTest, ARenamedFileIsLetGoAfterAMinuteOfQuiet) {
  append("a\n");
  f.up();
  auto old = f.disk.writer(kLog);
  rotate();
  f.run(120'000);
  EXPECT_EQ(2, f.disk.open_files());  // no successor with data: nginx may not have reopened
  append("b\n");
  f.run(50'000);
  old.append("c\n");
  f.run(50'000);
  EXPECT_EQ(2, f.disk.open_files());
  f.run(15'000);
  EXPECT_EQ(1, f.disk.open_files());
  EXPECT_EQ("rotated, read", f.state_of("/log/access.log.1"));
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, ARenamedFileWhoseLastLineHasNoEndIsNotSaidToBeRead) {
  append("a\nb");
  f.up();
  rotate();
  append("c\n");
  f.run(70'000);
  ASSERT_EQ(1, f.disk.open_files());
  EXPECT_EQ("closed, last line has no end yet", f.state_of("/log/access.log.1"));
  EXPECT_EQ(0u, f.log.count("rotated file is read, letting go"));
}

TEST_F(FileSourceTest, WhatIsRotatedWhileDownIsFoundByEachWayOfNaming) {
  for (const char* name :
       {"/log/access-2026-11-2%dT10-00-00.000.log", "/log/access-2026-11-2%dT10-00-00.000-size.log",
        "/log/access.log-2026112%dZ", "/log/access.log.2026w4%d"}) {
    append("a\n");
    f.up();
    f.news();
    restart();
    for (int day = 1; day <= 3; ++day) {
      char to[100];
      std::snprintf(to, sizeof to, name, day);
      append(std::to_string(day) + "\n");
      f.disk.rename(kLog, to);
      f.pass(1000);
    }
    append("b\n");
    f.up();
    f.run(3000);
    EXPECT_EQ("1 2 3 b", f.news()) << name;
  }
}

TEST(FileSource, BracketsInANameAreNoPattern) {
  for (const char* pattern : {"/log/*.log", "/log/app\\[1\\].log", "/sites/*/*.log"}) {
    const std::string log = pattern[1] == 's' ? "/sites/[prod]/a.log" : "/log/app[1].log";
    Follower follower(pattern);
    follower.disk.make_directory("/sites");
    follower.disk.make_directory("/sites/[prod]");
    follower.disk.append(log, "a\n");
    follower.up();
    follower.run(1000);
    follower.news();
    follower.commit();
    follower.crash();
    for (const char* rotated : {".2", ".1"}) {
      follower.disk.append(log, std::string(rotated) + "\n");
      follower.disk.rename(log, log + rotated);
      follower.pass(1000);
    }
    follower.disk.append(log, "b\n");
    follower.up();
    follower.run(3000);
    EXPECT_EQ(".2 .1 b", follower.news()) << pattern;
  }
}

TEST_F(FileSourceTest, AFileThatWasLetGoIsFoundAgainWhenItGrows) {
  append("a\n");
  f.up();
  auto old = f.disk.writer(kLog);
  rotate();
  append("b\n");
  f.run(70'000);
  ASSERT_EQ(1, f.disk.open_files());
  old.append("c\n");
  f.run(1100);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, ARenamedFileThatStillMatchesIsNotReadTwice) {
  Follower g("/log/access.log*");
  std::swap(g.disk, f.disk);
  Follower& h = g;
  h.disk.append(kLog, "a\n");
  h.up();
  h.disk.rename(kLog, "/log/access.log.1");
  h.disk.append(kLog, "b\n");
  h.run(90'000);
  h.disk.rename("/log/access.log.1", "/log/access.log.2");
  h.run(90'000);
  h.commit();
  h.crash();
  h.up();
  EXPECT_EQ("a b", h.news());
}

TEST_F(FileSourceTest, AClosedFileThatIsRemovedIsGoneOnce) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(70'000);
  f.commit();
  ASSERT_EQ(2u, f.store.size());
  f.disk.remove("/log/access.log.1");
  f.run(1100);
  f.commit();
  EXPECT_EQ(1u, f.store.size());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceTest, RotationWhileHotIsSeenWithoutEventsAndWithoutThePoll) {
  append("a\n");
  f.up();
  f.run(3000);
  append("b\n");
  f.look();
  auto old = f.disk.writer(kLog);
  rotate();
  append("c\n");
  f.run(45);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, InodeReuseIsANewFile) {
  append("a\nbb\nccc\n");
  f.up();
  uint64_t inode = f.disk.inode(kLog);
  restart();
  f.disk.remove(kLog);
  append("x\ny\nzzz\nmore\n");
  ASSERT_EQ(inode, f.disk.inode(kLog));
  f.up();
  EXPECT_EQ("a bb ccc x y zzz more", f.news());
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceTest, InodeReuseWithEqualContentsIsNoticedByTheBirthTime) {
  append("a\nb\n");
  f.up();
  restart();
  f.disk.remove(kLog);
  append("a\nb\nc\n");
  f.up();
  EXPECT_EQ("a b a b c", f.news());
}

TEST_F(FileSourceTest, ALetGoFileOnAnotherDeviceNumberIsNotReadAgain) {
  Follower g("/log/access.log*");
  const std::string line(100, 'x');
  g.disk.append(kLog, line + "\n");
  g.up();
  g.disk.rename(kLog, "/log/access.log.1");
  g.disk.append(kLog, "b\n");
  g.run(70'000);
  ASSERT_EQ(1, g.disk.open_files());
  g.disk.device = 7;
  g.run(3000);
  EXPECT_EQ(line + " b", g.news());
}

TEST_F(FileSourceTest, InodeReuseIsNoticedWithoutBirthTimes) {
  f.disk.has_birth_times = false;
  append("a\nbb\nccc\n");
  f.up();
  restart();
  f.disk.remove(kLog);
  append("x\ny\nzzz\nmore\n");
  f.up();
  EXPECT_EQ("a bb ccc x y zzz more", f.news());
  EXPECT_EQ(1u, f.log.count("reason=bytes before the position differ"));
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceTest, InodeOfAFileLetGoIsReusedWhileWeRun) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(70'000);
  uint64_t inode = f.disk.inode("/log/access.log.1");
  f.disk.remove("/log/access.log.1");
  f.disk.rename(kLog, "/log/access.log.1");
  append("c\n");
  ASSERT_EQ(inode, f.disk.inode(kLog));
  f.run(1100);
  EXPECT_EQ("a b c", f.news());
}

// --- Truncation --------------------------------------------------------------------------------

TEST_F(FileSourceTest, TruncationGoesOnAtZeroAndCountsWhatWasNotRead) {
  append("a\npartial");
  f.up();
  f.disk.truncate(kLog);
  f.look();
  append("b\n");
  f.look();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(7u, f.lost(LossReason::kTruncated));
  EXPECT_EQ(1u, f.log.count("first byte again input=web path=/log/access.log reason=truncated"));
}

TEST_F(FileSourceTest, TruncateAndRegrowPastThePositionIsNoticed) {
  append("a\nb\n");
  f.up();
  f.disk.truncate(kLog);
  append("c\nd\ne\nf\n");
  f.look();
  EXPECT_EQ("a b c d e f", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceTest, TruncateAndRegrowToTheSameSizeIsNoticed) {
  append("a\nb\n");
  f.up();
  f.run(2000);
  f.disk.truncate(kLog);
  append("c\nd\n");
  f.run(1100);
  EXPECT_EQ("a b c d", f.news());
}

TEST_F(FileSourceTest, TruncateAndRegrowBehindAnEqualTailIsNoticedByTheHead) {
  std::string same(100, 's');
  append("first\n" + same + "\n");
  f.up();
  f.run(2000);
  f.disk.truncate(kLog);
  append("other\n" + same + "\nnew\n");
  f.run(1100);
  EXPECT_EQ("first " + same + " other " + same + " new", f.news());
}

TEST_F(FileSourceTest, TruncationWhileDownIsCountedFromTheStoredSize) {
  append("a\nunread");
  f.up();
  restart();
  f.disk.truncate(kLog);
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(6u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceTest, AFileCutInsideItsPartialLineKeepsItsLines) {
  append("a\nb\npartial");
  f.up();
  f.disk.truncate(kLog, 7);
  append("X\nc\n");
  f.look();
  EXPECT_EQ("a b", f.news().substr(0, 3));
  EXPECT_EQ("c", f.lines.back());
}

// --- Deletion ----------------------------------------------------------------------------------

TEST_F(FileSourceTest, ADeletedFileIsReadThroughTheDescriptorToItsUnfinishedEnd) {
  append("a\n");
  f.up();
  auto old = f.disk.writer(kLog);
  f.disk.remove(kLog);
  old.append("b\ntail");
  f.run(2000);
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ("deleted", f.state_of(kLog));
  append("c\n");
  f.run(65'000);
  EXPECT_EQ("c tail", f.news());
  EXPECT_EQ(1, f.disk.open_files());
  f.commit();
  EXPECT_EQ(1u, f.store.size());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceTest, ADeletedFileWithoutASuccessorIsHeldLonger) {
  append("a\n");
  f.up();
  auto old = f.disk.writer(kLog);
  f.disk.remove(kLog);
  f.run(600'000);
  old.append("b\n");
  f.run(2000);
  EXPECT_EQ("a b", f.news());
  f.run(3'700'000);
  EXPECT_EQ(0, f.disk.open_files());
}

TEST_F(FileSourceTest, AFileDeletedWhileDownIsALossCountedOnce) {
  append("a\nunread");
  f.up();
  restart();
  f.disk.remove(kLog);
  f.up();
  EXPECT_EQ(6u, f.lost(LossReason::kDeleted));
  EXPECT_EQ(1u, f.log.count("bytes were lost"));
  restart();
  EXPECT_EQ(f.store.size(), f.store.count("anchor"));
  f.up();
  EXPECT_EQ(6u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceTest, AReadFileDeletedWhileDownIsNoKnownLoss) {
  append("a\n");
  f.up();
  restart();
  f.disk.remove(kLog);
  append("b\n");
  f.up();
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  EXPECT_EQ(1u, f.log.count("written to it later cannot be known"));
  EXPECT_EQ(0u, f.log.count_at_least(LogLevel::kWarn));
}

TEST_F(FileSourceTest, ADirectoryThatIsNotMountedYetIsNoLoss) {
  append("a\n");
  f.up();
  restart();
  f.disk.hide_directory("/log");
  f.up();
  f.run(5000);
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  f.disk.make_directory("/log");
  append("b\n");
  f.run(1100);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, ADirectoryThatVanishesAndReturnsWhileWeRunIsReadOn) {
  append("a\n");
  f.up();
  f.disk.hide_directory("/log");
  f.run(5000);
  f.commit();
  EXPECT_EQ(1u, f.store.size());
  f.disk.make_directory("/log");
  append("b\n");
  f.run(1100);
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceTest, OnceIsDoneThoughADirectoryOfStoredPositionsIsMissing) {
  f.settings.path = "/log/*/access.log";
  for (const char* site : {"/log/a", "/log/b"}) {
    f.disk.make_directory(site);
    f.disk.append(std::string(site) + "/access.log", "a\n");
  }
  f.up();
  restart();
  f.disk.hide_directory("/log/b");
  f.up();
  EXPECT_TRUE(f.source->drained());
  f.commit();
  EXPECT_EQ(2u, f.store.size());
}

TEST_F(FileSourceTest, APositionWhoseDirectoryIsMissingForAMonthIsForgotten) {
  append("a\n");
  f.up();
  restart();
  f.disk.hide_directory("/log");
  f.pass(int64_t{30} * 86'400'000 - 3'600'000);
  f.up();
  f.run(2 * 3'600'000);
  f.commit();
  EXPECT_EQ(0u, f.store.count("anchor"));
  f.pass(86'400'000);
  f.run(2000);
  f.commit();
  EXPECT_EQ(1u, f.store.count("anchor"));
  EXPECT_EQ(1u, f.store.size());
}

// Whatever begins with a header does, on every machine and in every file.
TEST_F(FileSourceTest, TwoLiveLogsWithEqualFirstLinesAreReadIndependently) {
  f.settings.path = "/log/*.log";
  const std::string header(200, '#');
  for (const char* log : {"/log/a.log", "/log/b.log"}) f.disk.append(log, header + "\n");
  f.up();
  f.news();
  f.disk.append("/log/a.log", "a1\n");
  f.disk.append("/log/b.log", "b1\n");
  f.look();
  EXPECT_EQ("a1 b1", f.news());
  restart();
  f.disk.append("/log/b.log", "b2\n");
  f.disk.append("/log/a.log", "a2\n");
  f.up();
  EXPECT_EQ("a2 b2", f.news());
  EXPECT_EQ(0u, f.log.count_at_least(LogLevel::kWarn));
}

}  // namespace
}  // namespace lastseen
