// One test per thing that happens to a log file while it is followed.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Where reading begins ----------------------------------------------------------------------

TEST_F(FileSourceTest, StartBeginReadsWhatIsThere) {
  append("a\nb\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourceTest, StartEndBeginsBehindTheLastNewline) {
  append("a\nb\nhal");
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("", f.news());
  append("f\nc\n");
  f.look();
  EXPECT_EQ("half c", f.news());
}

TEST_F(FileSourceTest, StartEndIsWhereTheFileEndedWhenItWasFirstSeen) {
  append("old\n");
  f.start = Start::kEnd;
  f.launch();
  append("written while the store was down\n");
  f.pass(5000);
  f.step();
  f.restore();
  f.source->begin();
  f.look();
  EXPECT_EQ("written while the store was down", f.news());
}

TEST_F(FileSourceTest, StartEndInsideAnEndlessLineDiscardsItsRest) {
  append(std::string(5000, 'x'));
  f.start = Start::kEnd;
  f.up();
  append("rest\nnext\n");
  f.look();
  EXPECT_EQ("next", f.news());
}

TEST_F(FileSourceTest, NothingIsReadBeforeBegin) {
  append("a\n");
  f.launch();
  f.read();
  f.restore();
  f.read();
  EXPECT_EQ("", f.news());
  EXPECT_EQ("held", (f.launch(), f.state_of(kLog)));
}

TEST_F(FileSourceTest, TheStartChoiceIsCollectedBeforeALineIsRead) {
  append("a\nb\n");
  f.start = Start::kEnd;
  f.launch();
  f.restore();
  f.commit();
  ASSERT_EQ(1u, f.store.size());
  EXPECT_EQ(4u, f.store.begin()->second.position);
  EXPECT_EQ(16u, f.store.begin()->first.size());
  EXPECT_EQ(4u, f.store.begin()->second.tail_bytes);
}

TEST_F(FileSourceTest, RestoreBeforeTheFirstStepLooksAround) {
  append("a\n");
  f.source = std::make_unique<FileSource>(f.settings, f.start, f.disk, f.watcher, f.log);
  f.restore();
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceTest, AFileThatAppearsLaterIsReadFromItsFirstByte) {
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("missing", f.state_of(kLog));
  append("a\n");
  f.run(1100);
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(1u, f.log.count("log is missing"));
}

TEST_F(FileSourceTest, AMissingDirectoryIsWaitedFor) {
  Follower g("/later/x.log");
  g.up();
  EXPECT_EQ("missing: no directory /later", g.state_of("/later/x.log"));
  g.disk.make_directory("/later");
  g.disk.append("/later/x.log", "a\n");
  g.run(1100);
  EXPECT_EQ("a", g.news());
  EXPECT_TRUE(g.watcher.watching("/later") || g.deadline <= g.now.mono_ms + 20);
}

TEST_F(FileSourceTest, AnUnreadableFileCountsAsExisting) {
  append("old\n");
  f.disk.chmod(kLog, false);
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("unreadable: Permission denied", f.state_of(kLog));
  EXPECT_FALSE(f.source->drained());
  append("new\n");
  f.run(5000);
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("new", f.news());
  EXPECT_EQ(1u, f.log.count("log cannot be read"));
}

TEST_F(FileSourceTest, WhereADirectoryStoodAtStartAFileIsNew) {
  f.start = Start::kEnd;
  f.disk.make_directory(kLog);
  f.up();
  EXPECT_EQ("unreadable: it is a directory", f.state_of(kLog));
  f.disk.hide_directory(kLog);
  append("a\n");
  f.run(1100);
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceTest, FilesInADirectoryThatCouldNotBeListedCountAsExisting) {
  Follower g("/log/*.log", Start::kEnd);
  g.disk.append("/log/a.log", "old\n");
  g.disk.fault = [](Call call, const std::string& path) {
    if (call != Call::kGlob && call != Call::kList) return Status::ok();
    return Status::retry("cannot list " + path + ": Permission denied");
  };
  g.up();
  EXPECT_EQ("unreadable: Permission denied", g.state_of("/log/*.log"));
  g.disk.fault = nullptr;
  g.run(1100);
  g.disk.append("/log/a.log", "new\n");
  g.disk.append("/log/b.log", "later\n");
  g.run(1100);
  EXPECT_EQ("new later", g.news());
}

TEST_F(FileSourceTest, AFileThatAppearsUnreadableIsReadFromItsFirstByte) {
  f.start = Start::kEnd;
  f.up();
  append("a\n");
  f.disk.chmod(kLog, false);
  f.run(3000);
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("a", f.news());
}

// --- Lines -------------------------------------------------------------------------------------

TEST_F(FileSourceTest, APartialLineIsReadWhenItIsWhole) {
  append("he");
  f.up();
  EXPECT_EQ("", f.news());
  EXPECT_TRUE(f.source->drained());
  append("llo\n");
  f.look();
  EXPECT_EQ("hello", f.news());
}

TEST_F(FileSourceTest, AnIdlePartialLineIsNotReadAgain) {
  append("par");
  f.up();
  f.run(2000);
  int before = f.disk.calls(Call::kPread);
  f.run(10'000);
  EXPECT_EQ(before, f.disk.calls(Call::kPread));
}

TEST_F(FileSourceTest, ALineLongerThanOneReadGrowsTheBuffer) {
  f.settings.line_bytes_max = 2 << 20;
  std::string line(1'900'000, 'y');
  append("a\n" + line + "\nb\n");
  f.up();
  ASSERT_EQ(3u, f.lines.size());
  EXPECT_EQ(line, f.lines[1]);
  EXPECT_LE(f.buffer.capacity(), size_t{2 << 20} + 16);
}

TEST_F(FileSourceTest, AnOverLongLineIsDiscardedAndReadingGoesOn) {
  append("a\n" + std::string(3'000'000, 'x') + "\nb\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.too_long);
}

TEST_F(FileSourceTest, ARestartInsideAnOverLongLineGoesOnDiscarding) {
  append("a\n" + std::string(5000, 'x'));
  f.up();
  restart();
  EXPECT_TRUE(f.store.begin()->second.discarding);
  f.up();
  append("xxx\nb\n");
  f.look();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.too_long);
}

TEST_F(FileSourceTest, LinesThatWereNotTakenAreGivenAgain) {
  append("a\nb\n");
  f.launch();
  f.restore();
  f.source->begin();
  f.look();
  append("c\nd\n");
  f.look();
  f.news();
  append("e\nf\n");
  f.pass(5000);
  f.step();
  std::optional<Chunk> chunk = f.source->read(f.buffer, f.now);
  ASSERT_TRUE(chunk);
  f.source->consume(*chunk, 2, false);  // the pipeline pauses after `e`
  f.read();
  EXPECT_EQ("f", f.news());
}

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
