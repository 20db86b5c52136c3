// What copytruncate makes of a file: nothing is read twice, and nothing missed.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceCopies : FileSourceTest {
  // So many that no two files of a log begin with them.
  static std::string many_lines() {
    std::string lines;
    for (int i = 1000; i < 1100; ++i) lines += "line-" + std::to_string(i) + "-0123456789\n";
    return lines;
  }
  void read_many_lines() {
    append(many_lines());
    f.up();
    f.run(3000);
    f.news();
  }
  void up_later() {
    f.pass(3000);
    f.up();
    f.run(3000);
  }
};

TEST_F(FileSourceCopies, UnreadBytesOfATruncatedFileAreReadInItsCopy) {
  append("a\n");
  f.up();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, ACopyMadeWhileDownIsReadFromThePosition) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, CopiesMadeWhileDownAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  rename("/log/access.log.1", "/log/access.log.2");
  copy();
  truncate();
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
}

TEST_F(FileSourceCopies, ACompressedCopyIsReadToo) {
  append("a\n");
  f.up();
  append("b\n");
  copy();
  compress("/log/access.log.1");
  truncate();
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceCopies, WhatIsInNoCopyIsCountedAsLost) {
  append("a\n");
  f.up();
  append("b\nhalf");
  f.source->look_now();
  f.step();
  copy("/log/elsewhere");
  truncate();
  f.run(3000);
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(6u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, WhatWasWrittenBetweenCopyAndTruncationIsCountedAsLost) {
  append("a\n");
  f.up();
  append("b\n");
  copy();
  append("half");
  f.source->look_now();
  f.step();
  truncate();
  f.run(3000);
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(4u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, ACopyThatTheGlobNamesIsNotReadTwice) {
  append("a\n");
  up_with("/log/access.log*");
  append("b\n");
  copy();
  f.run(5000);
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ("copy", f.state_of("/log/access.log.1"));
  truncate();
  append("c\n");
  f.run(3000);
  EXPECT_EQ("c", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, AFileThatBeganAsTheLogAndGoesOnOtherwiseIsNoCopy) {
  append("same a\n");
  up_with("/log/access.log*");
  f.disk.append("/log/access.log.1", "same");
  f.run(3000);
  EXPECT_EQ("copy", f.state_of("/log/access.log.1"));
  f.disk.append("/log/access.log.1", " b\n");
  f.run(3000);
  EXPECT_EQ("same a same b", f.news());
}

TEST_F(FileSourceCopies, APlainFileIsNoCopyOfACompressedOne) {
  append("a\nb\n");
  f.disk.rename(kLog, "/log/access.log.2");
  compress("/log/access.log.2");
  up_with("/log/access.log*");
  f.disk.append("/log/access.log.1", "a\n");
  f.run(3000);
  EXPECT_EQ("a b a", f.news());
}

TEST_F(FileSourceCopies, ACopyThatIsFoundJustBeforeItsFileIsReadComesFirst) {
  append("a\n");
  f.up();
  append("b\n");
  f.source->look_now();
  f.step();
  f.step();  // reading had paused
  copy();
  truncate();
  append("c\n");
  f.read();
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceCopies, ACopyThatTheGlobNamesIsReadForWhatIsNew) {
  append("a\n");
  up_with("/log/access.log*");
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceCopies, ACopyThatGrowsSlowlyIsNotReadTwice) {
  const std::string line(300, 'x');
  for (int i = 0; i < 9; ++i) append(std::to_string(i) + line + "\n");
  up_with("/log/access.log*");
  f.news();
  const std::string bytes = f.disk.bytes(kLog);
  f.disk.create("/log/access.log.1");
  for (size_t at = 0; at < bytes.size(); at += 500) {
    f.run(700);
    f.disk.append("/log/access.log.1", bytes.substr(at, 500));
  }
  f.run(3000);
  EXPECT_EQ("", f.news());
  truncate();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, ACopyThatEndsBeforeThePositionIsNotReadAfterAKill) {
  for (int i = 0; i < 50; ++i) append("line " + std::to_string(i) + std::string(50, '.') + "\n");
  up_with("/log/access.log*");
  copy();
  append("late\n");
  f.run(2000);
  f.news();
  restart();
  truncate();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, ACopyThatEndsBeforeThePositionOfARemovedLogIsNotReadAgain) {
  for (int i = 0; i < 20; ++i) append(std::string(99, 'a') + "\n");
  f.up();
  copy();
  append("b\n");
  f.look();
  restart();
  f.disk.remove(kLog);
  append("c\n");
  f.up();
  EXPECT_EQ(22u, f.lines.size());
}

TEST_F(FileSourceCopies, AfterTheStoreWentBackAPositionIsOfTheContentsThatItWasStoredFor) {
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  append("a2\n");
  copy("/log/access.log.2");
  truncate();
  append("b\n");
  f.run(3000);
  restart();
  copy();
  f.disk.remove(kLog);
  append("c\n");
  f.up();
  EXPECT_EQ("a a2 b c", f.news());
  f.go_back(before);
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "a2", "b", "c", "a2", "b", "c"));
}

TEST_F(FileSourceCopies, AfterTheStoreWentBackAClosedCopyThatMovedIsReadFromTheStoredPosition) {
  read_many_lines();
  f.commit();
  const auto before = f.store;
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.run(130'000);
  f.commit();
  EXPECT_EQ("b c", f.news());
  rename("/log/access.log.1", "/log/access.log.2");
  append("d\n");
  copy();
  truncate();
  f.go_back(before);
  f.run(3000);
  EXPECT_EQ("b c d", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kStoreWentBack));
}

TEST_F(FileSourceCopies, AfterTheStoreWentBackWhatCopiesTheLogNowIsNoCopyOfWhatWasThere) {
  append("a\n");
  up_with("/log/access.log*");
  f.commit();
  const auto before = f.store;
  truncate();
  append("b\nlonger\n");
  f.run(3000);
  copy();
  f.run(3000);
  EXPECT_EQ("a b longer", f.news());
  f.go_back(before);
  f.run(3000);
  EXPECT_EQ("b longer", f.news());
}

TEST_F(FileSourceCopies, ACopyWhoseDirectoryCannotBeListedIsLookedForAgain) {
  append("a\n");
  f.up();
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.disk.fault = [](Call call, const std::string&) {
    return call == Call::kList ? Status::retry("cannot list /log: too many") : Status::ok();
  };
  f.run(3000);
  EXPECT_EQ("a", f.news());
  f.disk.fault = nullptr;
  f.run(3000);
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceCopies, AnotherFileWithEqualFirstLinesIsNoCopy) {
  append("head\na\n");
  f.disk.append("/log/access.log.1", "head\nold\nolder\n");
  f.up();
  f.run(1000);
  f.news();
  append("bb\n");
  f.source->look_now();
  f.step();
  truncate();
  f.run(3000);
  EXPECT_EQ("", f.news());
  EXPECT_EQ(3u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, OfABackupAndTheCopyThatWasTruncatedTheLongerIsReadAndBothOnce) {
  read_many_lines();
  restart();
  append("b\n");
  copy("/log/access.log.20261129");
  append("c\n");
  copy("/log/access.log.1");
  truncate();
  append("d\n");
  up_later();
  EXPECT_EQ("b c d", f.news());
  restart();
  up_later();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, ABackupIsNoNewsWhenItsLogIsRotatedLater) {
  read_many_lines();
  copy("/log/access.log.20261129");
  f.run(3000);
  append("b\n");
  f.run(3000);
  rotate();
  append("c\n");
  f.run(3000);
  EXPECT_EQ("b c", f.news());
  restart();
  rotate();
  append("d\n");
  up_later();
  EXPECT_EQ("d", f.news());
}

TEST_F(FileSourceCopies, ALogThatWasCopiedTruncatedAndThenRenamedWhileDownIsReadInItsCopy) {
  read_many_lines();
  restart();
  append("b\n");
  copy("/log/access.log.2");
  truncate();
  append("c\n");
  rename(kLog, "/log/access.log.1");
  append("d\n");
  up_later();
  EXPECT_EQ("b d c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, TheCopyOfALogThatEndsInANumberIsNotReadTwice) {
  struct Case {
    const char* pattern;
    const char* log;
    const char* copy;
  };
  for (const auto& [pattern, log, copy] : {
           Case{"/log/worker-1.log", "/log/worker-1.log", "/log/worker-1.log.1"},
           Case{"/log/worker-?.log", "/log/worker-1.log", "/log/worker-1.log.1"},
           Case{"/log/*.log", "/log/worker-1.log", "/log/worker-1.log.1"},
           Case{"/log/*.log", "/log/app.1.log", "/log/app.1.log.1"},
           Case{"/log/*.log", "/log/access-2026-11-22.log", "/log/access-2026-11-22.log.1"},
           // The copy is named by the glob, too.
           Case{"/log/*.log", "/log/access.log", "/log/access.0.log"},
           Case{"/log/*.log", "/log/worker-1.log", "/log/worker-1.1.log"},
           Case{"/log/*.log", "/log/site.8080.log", "/log/site.8080-20261122.log"},
           Case{"/log/*.log", "/log/app.1.log", "/log/app.1.1.log"},
       }) {
    for (const bool down : {false, true}) {
      Follower numbered{pattern};
      numbered.disk.append(log, many_lines());
      numbered.up();
      numbered.run(3000);
      numbered.news();
      numbered.commit();
      if (down) numbered.crash();
      numbered.disk.append(log, "a\n");
      numbered.disk.copy(log, copy);
      numbered.disk.truncate(log);
      numbered.disk.append(log, "b\n");
      if (down) numbered.up();
      numbered.run(5000);
      EXPECT_EQ("a b", numbered.news()) << pattern << " " << copy << (down ? " while down" : "");
    }
  }
}

TEST(FileSource, ALogThatIsTruncatedWhileItIsLookedAtIsReadOnInItsCopy) {
  for (int calls = 1;; ++calls) {
    Follower follower;
    FakeFileSystem& disk = follower.disk;
    disk.append(kLog, std::string(kHeadBytesProof, 'a') + "\n");
    follower.up();
    follower.run(1000);
    follower.news();
    disk.append(kLog, "b\n");
    int left = calls;
    disk.fault = [&](Call call, const std::string& path) {
      if (call == Call::kPread && path == kLog && --left == 0) {
        disk.copy(kLog, "/log/access.log.1");
        disk.truncate(kLog);
      }
      return Status::ok();
    };
    follower.run(5000);
    if (left > 0) {
      EXPECT_GT(calls, 3);
      break;
    }
    EXPECT_EQ("b", follower.news()) << "truncated before read " << calls;
    EXPECT_EQ(0u, follower.lost(LossReason::kTruncated)) << "truncated before read " << calls;
  }
}

}  // namespace
}  // namespace lastseen
