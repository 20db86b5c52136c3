// What gzip makes of a file: nothing is read twice, and nothing missed.
#include "fakes/gzip_bytes.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourcePacked : FileSourceTest {};

TEST_F(FileSourcePacked, AFileThatWasCompressedWhileDownIsReadFromThePosition) {
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

TEST_F(FileSourcePacked, ACompressedFileIsNotCutBecauseItIsNotUnpackedYet) {
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

TEST_F(FileSourcePacked, ACompressedFileIsNotCutBecauseItCouldNotBeUnpackedJustThen) {
  const std::string packed = "/log/access.log.1.gz";
  const std::string line(kHeadBytesProof, 'a');
  f.disk.create(kLog);
  f.up();
  append(line + "\n");
  f.source->look_now();
  f.step();
  restart();
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  f.launch();
  f.restore();
  restart();
  const auto stored = f.store;
  for (int fails = 1; fails <= 6; ++fails) {
    f.store = stored;
    fail(Call::kPread, packed, fails);
    f.up();
    f.disk.fault = nullptr;
    f.run(3000);
    EXPECT_EQ(0u, f.lost(LossReason::kTruncated)) << fails;
    EXPECT_EQ(line, f.news()) << fails;
    f.crash();
  }
}

TEST_F(FileSourcePacked, AFlushWaitsForAllThatACompressedFileHolds) {
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

TEST_F(FileSourcePacked, ACompressedFileIsFoundBehindOneThatWasRemoved) {
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

TEST_F(FileSourcePacked, ARemovedFileDoesNotHideThePackedOneThatGotItsName) {
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

TEST_F(FileSourcePacked, CompressedFilesOfWhileItWasDownAreReadOldestFirst) {
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

TEST_F(FileSourcePacked, CompressedFilesWithTheirNumberBeforeTheExtensionAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.pass(1000);
  rename(kLog, "/log/access.1.log");
  compress("/log/access.1.log");
  append("c\n");
  f.pass(1000);
  rename("/log/access.1.log.gz", "/log/access.2.log.gz");
  rename(kLog, "/log/access.1.log");
  compress("/log/access.1.log");
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
}

TEST_F(FileSourcePacked, CompressedFilesWhoseNamesDoNotOrderThemAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.pass(1000);
  rename(kLog, "/log/access.log-30112026");
  compress("/log/access.log-30112026");
  append("c\n");
  f.pass(1000);
  rename(kLog, "/log/access.log-01122026");
  compress("/log/access.log-01122026");
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
}

TEST_F(FileSourcePacked, APlainFileBehindOneThatWasPackedLaterIsRead) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.pass(1000);
  rename(kLog, "/log/access.log.1");
  append("c\n");
  f.pass(1000);
  rename("/log/access.log.1", "/log/access.log.2");
  rename(kLog, "/log/access.log.1");
  f.pass(1000);
  // gzip -c: the archive is as young as its packing.
  f.disk.append("/log/access.log.2.gz", gzip_bytes(f.disk.bytes("/log/access.log.2")));
  f.disk.remove("/log/access.log.2");
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
}

TEST_F(FileSourcePacked, LogsOfAnHourThatWerePackedBeforeTheyWereSeenAreRead) {
  f.disk.append("/log/access-2026112814.log", "a\n");
  up_with("/log/access-*.log");
  restart();
  f.disk.append("/log/access-2026112814.log", "b\n");
  f.pass(1000);
  f.disk.append("/log/access-2026112815.log", "c\n");
  f.pass(1000);
  compress("/log/access-2026112814.log");
  compress("/log/access-2026112815.log");
  f.disk.append("/log/access-2026112816.log", "d\n");
  f.up();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d"));
  restart();
  f.pass(1000);
  compress("/log/access-2026112816.log");
  f.up();
  EXPECT_EQ(4u, f.lines.size());
  restart();
  f.pass(1000);
  f.disk.append("/log/access-2026112817.log", "e\n");
  compress("/log/access-2026112817.log");
  f.up();
  EXPECT_EQ(5u, f.lines.size());
}

TEST_F(FileSourcePacked, AnArchiveWithTheNameOfAnotherRotatedFileIsRead) {
  append("a\n");
  f.up();
  restart();
  f.pass(1000);
  append("b\n");
  rotate();
  compress("/log/access.log.1");
  f.pass(1000);
  append("c\n");
  f.disk.rename(kLog, "/log/access.log.1");
  f.pass(1000);
  append("d\n");
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(FileSourcePacked, OlderCompressedFilesAreNeverRead) {
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

TEST_F(FileSourcePacked, AnEmptyFileThatWasFilledAndCompressedWhileDownIsRead) {
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

TEST_F(FileSourcePacked, AGlobOfCompressedFilesReadsThemToTheLastByte) {
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

TEST_F(FileSourcePacked, ALargeCompressedFileIsReadWhole) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
  f.disk.append("/log/a.gz", gzip_bytes(text));
  up_with("/log/*.gz");
  EXPECT_EQ(200'000u, f.lines.size());
  EXPECT_EQ("line 199999", f.lines.back());
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourcePacked, AFileThatTheGlobNamesIsNotReadAgainWhenItIsCompressed) {
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

TEST_F(FileSourcePacked, WhileGzipIsAtItNothingIsReadTwice) {
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

TEST_F(FileSourcePacked, APackedFileThatWasRemovedIsNoCopyOfTheOneThatGotItsName) {
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

TEST_F(FileSourcePacked, WhatOnlyItsNameMadeACopyIsReadWhenTheNamesPart) {
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

TEST_F(FileSourcePacked, ADamagedCompressedFileIsSaidOnce) {
  f.disk.append("/log/a.gz", "no gzip");
  up_with("/log/*.gz");
  f.run(5000);
  EXPECT_EQ("unreadable: not good gzip: incorrect header check", f.state_of("/log/a.gz"));
  EXPECT_EQ(1u, f.log.count("not good gzip"));
}

// What was there at the last look is taken for read, unless it was closed to us then.
TEST_F(FileSourceTest, ALogThatWasPackedBeforeItCouldBeOpenedIsRead) {
  append("a\n");
  f.up();
  f.run(2000);
  rotate();
  append("b\n");
  f.disk.chmod(kLog, false);
  f.disk.append("/log/access.log.1", "c\n");
  f.run(5000);
  EXPECT_EQ("a c", f.news());
  restart();
  f.disk.chmod(kLog, true);
  rotate();
  compress("/log/access.log.1");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b", f.news());
}

// logrotate dates an archive by the time at which it began to rotate.
TEST_F(FileSourcePacked, AnArchiveThatIsDatedBeforeItsLastLinesIsReadWhenTheLogWasEmpty) {
  f.disk.create(kLog);
  f.pass(5000);
  f.up();
  f.run(5000);
  restart();
  const int64_t dated_ns = f.disk.stat(kLog)->modified_ns;
  f.pass(5000);
  rotate();
  f.disk.append("/log/access.log.1", "late\n");
  compress("/log/access.log.1");
  f.disk.date("/log/access.log.1.gz", dated_ns);
  append("new\n");
  f.up();
  EXPECT_EQ("late new", f.news());
}

}  // namespace
}  // namespace lastseen
