// What copytruncate and gzip make of a file: nothing is read twice, and nothing missed.
#include "fakes/gzip_bytes.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceCopies : FileSourceTest {
  // copytruncate, up to its two halves.
  void copy(const std::string& to = "/log/access.log.1") { f.disk.copy(kLog, to); }
  void truncate() { f.disk.truncate(kLog); }
  void compress(const std::string& path) { f.disk.compress(path, gzip_bytes(f.disk.bytes(path))); }
  void rename(const std::string& from, const std::string& to) { f.disk.rename(from, to); }
  void up_with(const std::string& glob) {
    f.settings.path = glob;
    f.up();
  }
};

// --- copytruncate ----------------------------------------------------------------------------

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
  f.store = before;
  f.restore();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "a2", "b", "c", "a2", "b", "c"));
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

// --- gzip ------------------------------------------------------------------------------------

TEST_F(FileSourceCopies, AFileThatWasCompressedWhileDownIsReadFromThePosition) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rename(kLog, "/log/access.log.1");
  append("c\n");
  compress("/log/access.log.1");
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  f.up();
  EXPECT_EQ("a b c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  restart();
  rename("/log/access.log.2.gz", "/log/access.log.3.gz");
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, ACompressedFileIsNotCutBecauseItIsNotUnpackedYet) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  append("a\n");
  f.up();
  append(text);
  f.source->look_now();
  f.step();  // its size is known, and nothing of it is read
  restart();
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  f.up();
  EXPECT_EQ(100'001u, f.lines.size());
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceCopies, AFlushWaitsForAllThatACompressedFileHolds) {
  append("a\n");
  f.up();
  restart();
  for (int i = 0; i < 200'000; ++i) append("line " + std::to_string(i) + "\n");
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  f.launch();
  f.restore();
  f.commit();
  f.source->begin();
  f.source->look_now();
  f.step();
  size_t chunks = 0;
  while (std::optional<Chunk> chunk = f.source->read(f.buffer, f.now)) {
    EXPECT_FALSE(f.source->caught_up()) << "before chunk " << chunks;
    f.take(*chunk);
    ++chunks;
  }
  EXPECT_GT(chunks, 4u);
  EXPECT_TRUE(f.source->caught_up());
  EXPECT_EQ(200'001u, f.lines.size());
}

TEST_F(FileSourceCopies, ACompressedFileIsFoundBehindOneThatWasRemoved) {
  append("a\n");
  f.up();
  rename(kLog, "/log/access.log.1");
  append("b\n");
  restart();
  f.pass(1000);
  f.launch();
  rename("/log/access.log.1", "/log/access.log.2");
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  f.disk.remove("/log/access.log.2");
  append("c\n");
  f.restore();
  f.source->begin();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceCopies, ARemovedFileDoesNotHideThePackedOneThatGotItsName) {
  append("a\n");
  f.up();
  restart();
  rename(kLog, "/log/access.log.3");
  append("b\n");
  rename(kLog, "/log/access.log.2");
  f.pass(1000);
  append("c\n");
  rename(kLog, "/log/access.log.1");
  append("d\n");
  f.launch();
  f.disk.remove("/log/access.log.2");
  f.disk.remove("/log/access.log.3");
  rename("/log/access.log.1", "/log/access.log.2");
  compress("/log/access.log.2");
  f.restore();
  f.source->begin();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(FileSourceCopies, CompressedFilesOfWhileItWasDownAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rename(kLog, "/log/access.log.3");
  append("c\n");
  rename(kLog, "/log/access.log.2");
  append("d\n");
  rename(kLog, "/log/access.log.1");
  append("e\n");
  compress("/log/access.log.2");
  compress("/log/access.log.3");
  f.up();
  EXPECT_EQ("a b c d e", f.news());
  restart();
  compress("/log/access.log.1");
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, OlderCompressedFilesAreNeverRead) {
  f.disk.append("/log/access.log.1", "old\n");
  compress("/log/access.log.1");
  append("a\n");
  f.up();
  restart();
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  rename(kLog, "/log/access.log.1");
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceCopies, AnEmptyFileThatWasFilledAndCompressedWhileDownIsRead) {
  f.disk.create(kLog);
  f.up();
  restart();
  append("a\n");
  f.pass(5000);
  f.disk.now_ns = f.now.wall_ms * 1'000'000;
  append("b\n");
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceCopies, AGlobOfCompressedFilesReadsThemToTheLastByte) {
  f.disk.append("/log/a.gz", gzip_bytes("a\n") + gzip_bytes("b"));
  f.disk.append("/log/b.gz", gzip_bytes(""));
  up_with("/log/*.gz");
  EXPECT_EQ("a b", f.news());
  EXPECT_TRUE(f.source->drained());
  f.run(3000);
  EXPECT_EQ(0, f.disk.open_files());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, ALargeCompressedFileIsReadWhole) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
  f.disk.append("/log/a.gz", gzip_bytes(text));
  up_with("/log/*.gz");
  EXPECT_EQ(200'000u, f.lines.size());
  EXPECT_EQ("line 199999", f.lines.back());
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourceCopies, AFileThatTheGlobNamesIsNotReadAgainWhenItIsCompressed) {
  append("a\n");
  up_with("/log/access.log*");
  rotate();
  append("b\n");
  f.run(3000);
  compress("/log/access.log.1");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  restart();
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, WhileGzipIsAtItNothingIsReadTwice) {
  append(std::string(200, 'a') + "\n");
  up_with("/log/access.log*");
  rotate();
  f.run(70'000);  // it is read and let go
  f.news();
  const std::string packed = gzip_bytes(f.disk.bytes("/log/access.log.1"));
  f.disk.append("/log/access.log.1.gz", packed.substr(0, 20));
  f.run(3000);
  f.disk.append("/log/access.log.1.gz", packed.substr(20));
  f.disk.remove("/log/access.log.1");
  f.run(3000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceCopies, APackedFileThatWasRemovedIsNoCopyOfTheOneThatGotItsName) {
  append("a\n");
  up_with("/log/access.log*");
  restart();
  rotate();
  append("b\n");
  rotate();
  append("c\n");
  compress("/log/access.log.1");
  f.launch();
  f.disk.remove("/log/access.log.1.gz");
  rotate();
  f.run(3000);
  f.restore();
  f.source->begin();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceCopies, WhatOnlyItsNameMadeACopyIsReadWhenTheNamesPart) {
  append("a\n");
  up_with("/log/access.log*");
  rotate();
  append("b\n");
  f.run(3000);
  f.disk.append("/log/access.log.1.gz", gzip_bytes("c\n"));
  f.run(3000);
  EXPECT_EQ("copy", f.state_of("/log/access.log.1.gz"));
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceCopies, ADamagedCompressedFileIsSaidOnce) {
  f.disk.append("/log/a.gz", "no gzip");
  up_with("/log/*.gz");
  f.run(5000);
  EXPECT_EQ("unreadable: not good gzip: incorrect header check", f.state_of("/log/a.gz"));
  EXPECT_EQ(1u, f.log.count("not good gzip"));
}

}  // namespace
}  // namespace lastseen
