// What became of a file between two looks, and while nobody looked: written anew, copied, removed.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

using testing::ElementsAre;

// More of it than is asked of first bytes that tell a file.
const std::string kHeaderLine(kHeadBytesProof + 10, '#');
const std::string kHeader = kHeaderLine + "\n";

struct FileSourceUnseen : FileSourceTest {};

TEST_F(FileSourceUnseen, ALogThatWasLastSeenEmptyIsReadInItsCopy) {
  f.disk.create(kLog);
  f.up();
  f.run(5000);
  append("a\n");
  copy();
  truncate();
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceUnseen, ALogThatWasStoredEmptyIsReadInItsCopies) {
  f.disk.create(kLog);
  f.up();
  f.run(5000);
  restart();
  append("a\n");
  copy("/log/access.log.2");
  truncate();
  append("b\n");
  copy();
  compress("/log/access.log.2");
  truncate();
  f.pass(5000);
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, WhatFollowedALostContentIsReadInItsCopy) {
  append("a\n");
  f.up();
  f.run(5000);
  append("lost\n");
  truncate();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceUnseen, CopiesFromBeforeTheLogWasSeenAreNoNews) {
  append("old\n");
  copy();
  truncate();
  f.pass(5000);
  f.up();
  f.run(5000);
  append("a\n");
  f.run(3000);
  truncate();
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, AnUnreadContentThatIsReplacedByALongerOneIsCountedAsLost) {
  append("a\n");
  f.up();
  truncate();
  f.source->look_now();
  f.step();
  for (int i = 0; i < 200; ++i) append("unread one\n");
  f.source->look_now();
  f.step();
  truncate();
  for (int i = 0; i < 300; ++i) append("second one\n");
  f.run(3000);
  EXPECT_EQ(301u, f.lines.size());
  EXPECT_EQ("second one", f.lines.back());
  EXPECT_EQ(200u * 11, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceUnseen, AFileThatIsReplacedWhileReadingPausesIsNotReadFromItsMiddle) {
  append("a\n");
  f.up();
  append("b\n");
  f.source->look_now();
  f.step();
  truncate();
  append("new\nnewer\n");
  f.run(3000);
  EXPECT_EQ("a new newer", f.news());
  EXPECT_EQ(2u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceUnseen, AFewFirstBytesDoNotProveThatALogIsWhatItWas) {
  append("{");
  f.up();
  f.run(5000);
  restart();
  append("a\n");
  copy();
  truncate();
  append("{b\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("{a {b", f.news());
}

TEST_F(FileSourceUnseen, AFewFirstBytesMakeNoCopyOfAnotherFile) {
  f.disk.append("/log/access.log.1", "{old\n");
  up_with("/log/access.log*");
  EXPECT_EQ("{old", f.news());
  f.run(2000);
  append("{");
  f.run(2000);
  restart();
  f.disk.remove(kLog);
  append("{new\n");
  f.up();
  EXPECT_EQ("{new", f.news());
}

TEST_F(FileSourceUnseen, AFileOfWhichOnlyAHeaderWasReadHidesNoOtherThatBeginsLikeIt) {
  append(kHeader);
  f.up();
  f.run(5000);
  restart();
  rotate();
  append(kHeader + "a\n");
  rotate();
  append(kHeader + "b\n");
  f.pass(5000);
  f.up();
  EXPECT_THAT(f.lines, ElementsAre(kHeaderLine, "a", kHeaderLine, "b"));
}

TEST_F(FileSourceUnseen, ACopyOfALogOfWhichOnlyAHeaderWasReadIsReadOnce) {
  append(kHeader);
  f.up();
  f.run(5000);
  restart();
  append("a\n");
  copy();
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, ElementsAre(kHeaderLine, "a"));
}

TEST_F(FileSourceUnseen, AKillBeforeTheCopiesAreFoundLosesNoneOfThem) {
  f.disk.create(kLog);
  f.up();
  append("a\n");
  copy();
  truncate();
  append("b\n");
  f.pass(20);
  f.step();  // looks at the hot file alone
  f.read();
  restart();
  f.up();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b"));
}

TEST_F(FileSourceUnseen, ARenameBehindALogThatWasFilledDoesNotReadItTwiceAfterAKill) {
  append("old\n");
  up_with("/log/access.log*");
  rotate();
  f.run(3000);
  append("a\n");
  f.run(3000);
  EXPECT_EQ("old a", f.news());
  f.disk.fault = [](Call call, const std::string&) {
    return call == Call::kList ? Status::retry("I/O error") : Status::ok();
  };
  f.disk.rename("/log/access.log.1", "/log/access.log.2");
  f.run(3000);  // what came after the renamed file cannot be looked for
  restart();
  f.disk.fault = nullptr;
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceUnseen, LinesThatEndAlikeDoNotHideThatTheFileIsAnother) {
  const std::string end = std::string(70, 'x') + "\n";
  append("1" + end);
  f.up();
  truncate();
  append("2" + end);
  append("3" + end);
  f.run(50);  // it stays hot
  ASSERT_EQ(3u, f.lines.size());
  EXPECT_EQ('2', f.lines[1][0]);
}

TEST_F(FileSourceUnseen, AFirstLogThatWasRotatedBetweenTwoLooksIsRead) {
  f.up();
  f.run(5000);
  append("a\n");
  f.pass(100);
  rotate();
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, ALogThatCameAndWasRotatedWhileDownIsRead) {
  f.disk.append("/log/new.log.3", "older than the first look\n");
  f.pass(1000);
  append("a\n");
  up_with("/log/*.log");
  f.run(5000);
  restart();
  f.pass(1000);
  f.disk.append("/log/new.log.2", "b\n");
  compress("/log/new.log.2");
  f.pass(1000);
  f.disk.append("/log/new.log.1", "c\n");
  f.pass(1000);
  f.disk.append("/log/new.log", "d\n");
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(FileSourceUnseen, ALogThatCameAndWasRotatedWhileDownNeedsNoSuccessor) {
  f.disk.append("/log/old.log.1", "older than the first look\n");
  f.pass(1000);
  append("a\n");
  up_with("/log/*.log");
  f.run(5000);
  restart();
  f.pass(1000);
  f.disk.append("/log/new.log.2", "b\n");
  compress("/log/new.log.2");
  f.pass(1000);
  f.disk.append("/log/new.log.1", "c\n");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceUnseen, LogsThatCameAndWereRotatedBetweenTwoLooksNeedNoSuccessor) {
  append("a\n");
  up_with("/log/*.log");
  f.disk.append("/log/job.log", "b\n");
  f.run(5000);
  f.disk.rename("/log/job.log", "/log/job.log-20261129");
  f.run(5000);
  f.disk.append("/log/job.log-20261130", "c\n");
  f.disk.append("/log/new.log.1", "d\n");
  f.run(5000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(FileSourceUnseen, ALogThatCameAndLeftBetweenTwoLooksIsRead) {
  f.up();
  f.run(5000);
  append("a\n");
  f.disk.rename(kLog, "/log/access.log.1");
  f.run(3000);
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, ALogThatCouldNotBeReadBeforeItWasPackedIsReadInItsArchive) {
  f.up();
  append("a\n");
  f.disk.fault = [](Call call, const std::string&) {
    return call == Call::kPread ? Status::retry("I/O error") : Status::ok();
  };
  f.run(3000);
  restart();
  f.disk.fault = nullptr;
  rotate();
  compress("/log/access.log.1");
  f.pass(3000);
  f.up();
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceUnseen, AFewFirstBytesThatAreFoundInARotatedFileAreNoLoss) {
  append("half");
  f.up();
  restart();
  append(" a\n");
  rotate();
  compress("/log/access.log.1");
  append("b\n");
  f.up();
  EXPECT_EQ("half a b", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceUnseen, AFewFirstBytesThatAreInNoRotatedFileAreCountedAsLost) {
  append("half");
  f.up();
  restart();
  f.disk.remove(kLog);
  append("other\n");
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("other b", f.news());
  EXPECT_EQ(4u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceUnseen, WithoutBirthTimesWhatWasRotatedBehindARemovedLogIsRead) {
  f.disk.has_birth_times = f.disk.reuse_inodes = false;
  append("old\n");
  f.disk.rename(kLog, "/log/access.log.9");
  f.disk.create(kLog);
  f.pass(5000);
  f.up();
  restart();
  f.disk.remove(kLog);
  f.pass(5000);
  append("a\n");
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, WithoutBirthTimesALogThatCameAndLeftWhileDownIsRead) {
  f.disk.has_birth_times = f.disk.reuse_inodes = false;
  f.up();
  restart();
  f.pass(5000);
  append("a\n");
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceUnseen, ACopyThatGotTheInodeOfAReadFileIsFound) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(70'000);  // the rotated file is read and let go
  EXPECT_EQ("a b", f.news());
  append("c\n");
  const uint64_t inode = f.disk.inode("/log/access.log.1");
  f.disk.remove("/log/access.log.1");
  copy();
  ASSERT_EQ(inode, f.disk.inode("/log/access.log.1"));
  truncate();
  append("d\n");
  f.run(3000);
  EXPECT_EQ("c d", f.news());
}

TEST_F(FileSourceUnseen, TheCopyOfALogThatWasRemovedIsReadFromThePosition) {
  append("a\n");
  up_with("/log/access.log*");
  restart();
  append("b\n");
  copy();
  f.disk.remove(kLog);
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceUnseen, TheCopyOfALogThatWasRemovedBeforePositionsWereKnownIsReadFromThePosition) {
  append("a\n");
  f.up();
  restart();
  f.launch();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.disk.remove(kLog);
  f.run(3000);
  f.restore();
  f.source->begin();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace lastseen
