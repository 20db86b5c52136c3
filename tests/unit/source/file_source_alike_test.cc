// Logs of which each file begins with the same lines: what was counted of one may be no more than
// that, and then its contents do not tell it from the others.
#include <set>

#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

const std::string kFirstLine(200, '#');
const std::string kFirst = kFirstLine + "\n";

struct FileSourceAlike : FileSourceTest {
  // Nothing but the first line is counted.
  void begin() {
    append(kFirst);
    f.up();
    f.run(5000);
    EXPECT_EQ(kFirstLine, f.news());
  }
  void copy_truncate(const std::string& line) {
    append(line + "\n");
    if (f.disk.exists("/log/access.log.1")) f.disk.rename("/log/access.log.1", "/log/access.log.2");
    copy();
    truncate();
    f.pass(1000);
    append(kFirst);
  }
};

TEST_F(FileSourceAlike, ALogThatWasCopiedAndGrewPastThePositionBetweenTwoLooksIsReadInItsCopy) {
  begin();
  copy_truncate("a");
  append("b\n");
  f.run(5000);
  EXPECT_THAT(f.lines, UnorderedElementsAre(kFirstLine, "a", "b"));
}

TEST_F(FileSourceAlike, CopiesThatWereMadeWhileDownAreReadOnce) {
  begin();
  restart();
  copy_truncate("a");
  copy_truncate("b");
  append("c\n");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::IsSupersetOf({"a", "b", "c"}));
  EXPECT_EQ(3, std::count_if(f.lines.begin(), f.lines.end(),
                             [](const std::string& line) { return line != kFirstLine; }));
  f.news();
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceAlike, AnArchiveOfNoMoreThanTheFirstLineIsNotThatOfALogThatWasLonger) {
  begin();
  f.disk.append("/log/access.log.2", kFirst);
  f.pass(1000);
  append("a\n");
  for (int i = 0; i < 2; ++i) {
    f.source->look_now();
    f.step();
    f.pass(1000);
  }
  restart();
  f.disk.rename(kLog, "/log/access.log.1");
  compress("/log/access.log.2");
  compress("/log/access.log.1");
  append("b\n");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::IsSupersetOf({"a", "b"}));
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceAlike, TheOldestOfTheCopiesIsTheOneOfWhatWasReadLast) {
  begin();
  append("a\n");
  f.run(5000);
  EXPECT_EQ("a", f.news());
  restart();
  copy_truncate("b");
  copy_truncate("c");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_EQ("b", f.lines[2]);
  EXPECT_EQ(1, std::count(f.lines.begin(), f.lines.end(), "a"));
  EXPECT_EQ(1, std::count(f.lines.begin(), f.lines.end(), "c"));
}

TEST_F(FileSourceAlike, ACopyOfTheFirstLineIsNotTakenForTheCopyOfMore) {
  begin();
  f.disk.copy(kLog, "/log/access.log.1");
  truncate();
  append(kFirst + "a\n");
  f.run(5000);
  append("b\n");
  copy_truncate("c");
  f.run(5000);
  for (const char* line : {"a", "b", "c"})
    EXPECT_EQ(1, std::count(f.lines.begin(), f.lines.end(), line)) << line;
}

TEST_F(FileSourceAlike, WhatWasPackedWhileDownGoesOnWhereItStood) {
  begin();
  rotate();
  append(kFirst);
  f.run(5000);
  EXPECT_EQ(kFirstLine, f.news());
  restart();
  f.disk.append("/log/access.log.1", "a\n");
  f.pass(1000);
  append("b\n");
  rotate();
  compress("/log/access.log.1");
  compress("/log/access.log.2");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceAlike, WhereOneIsCountedFurtherThanTheOtherEachFindsItsArchive) {
  begin();
  rotate();
  append(kFirst + "b\n");
  f.run(5000);
  f.news();
  restart();
  f.disk.append("/log/access.log.1", "a\n");
  f.pass(1000);
  append("c\n");
  rotate();
  f.disk.remove("/log/access.log.2");  // the one of which only the first line is counted
  compress("/log/access.log.1");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_EQ("c", f.news());
}

TEST_F(FileSourceAlike, AReadArchiveThatIsRemovedTakesNoOther) {
  append(kFirst);
  up_with("/log/access.log*");
  f.run(5000);
  rotate();
  compress("/log/access.log.1");
  append(kFirst + "a\n");
  f.run(5000);
  f.news();
  restart();
  f.disk.remove("/log/access.log.1.gz");
  rotate();
  f.disk.rename("/log/access.log.1", "/log/access.log.2");
  compress("/log/access.log.2");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceAlike, AnArchiveThatHasNotBegunWaitsForTheFileThatItPacks) {
  begin();
  f.commit();
  rotate();
  append(kFirst + "a\n");
  f.run(5000);
  EXPECT_EQ(kFirstLine + " a", f.news());
  restart();
  f.pass(1000);
  append("b\n");
  rotate();
  compress("/log/access.log.1");
  append(kFirst + "c\n");
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, ElementsAre(kFirstLine, kFirstLine, "a", "b", kFirstLine, "c"));
}

TEST_F(FileSourceAlike, WhicheverReadsOfAnArchiveFailEachIsReadOnce) {
  for (const char* archive : {"/log/access.log.1.gz", "/log/access.log.2.gz"})
    for (int skipped = 0; skipped < 12; ++skipped) {
      Follower one;
      one.disk.append(kLog, kFirst);
      one.up();
      one.run(5000);
      one.commit();
      one.crash();
      one.disk.append(kLog, std::string(900, 'a') + "\n" + std::string(900, 'b') + "\n");
      one.disk.rename(kLog, "/log/access.log.2");
      one.pass(1000);
      one.disk.append(kLog, kFirst + "c\n" + std::string(900, 'd') + "\n");
      one.disk.rename(kLog, "/log/access.log.1");
      one.pass(1000);
      one.disk.append(kLog, kFirst + "e\n");
      for (const char* path : {"/log/access.log.1", "/log/access.log.2"})
        one.disk.compress(path, gzip_bytes(one.disk.bytes(path)));
      one.pass(5000);
      int left = skipped + 1;  // two fail, one after the other
      one.disk.fault = [&](Call call, const std::string& path) {
        const bool fails = call == Call::kPread && path == archive && (left-- & ~1) == 0;
        return fails ? Status::retry("I/O error") : Status::ok();
      };
      one.up();
      one.run(70'000);
      std::erase(one.lines, kFirstLine);
      EXPECT_EQ(5u, one.lines.size()) << archive << ", read " << skipped;
      EXPECT_EQ(5u, std::set(one.lines.begin(), one.lines.end()).size());
    }
}

TEST_F(FileSourceAlike, AnArchiveThatIsReadFromBehindTheFirstLineIsKnownByMore) {
  begin();
  restart();
  rotate();
  append(kFirst + std::string(900, 'a') + "\n" + std::string(900, 'b') + "\n");
  rotate();
  compress("/log/access.log.1");
  append(kFirst);
  f.pass(5000);
  f.up();
  f.run(5000);
  f.commit();
  ASSERT_EQ(3u, f.store.size());
  for (const auto& [key, position] : f.store)
    EXPECT_EQ(std::min<uint64_t>(kHeadBytesMax, position.position), position.head_bytes)
        << position.path;
}

TEST_F(FileSourceAlike, AShortLogThatGrowsIsNotLookedForInItsDirectoryEachTime) {
  begin();
  const int lists = f.disk.calls(Call::kList);
  for (int i = 0; i < 20; ++i) {
    append("a\n");
    f.run(40);
  }
  EXPECT_EQ(20u, f.lines.size() - 1);
  EXPECT_LE(f.disk.calls(Call::kList) - lists, 2);  // the slow poll
}

TEST_F(FileSourceAlike, AHeaderOfAnyLengthHidesNoneOfWhatIsBehindIt) {
  const std::string line(999, '#');
  const std::string header = line + "\n" + line + "\n";
  append(header);
  f.up();
  f.run(5000);
  f.news();
  restart();
  rotate();
  append(header + "a\n");
  rotate();
  append(header + "b\n");
  f.up();
  f.run(5000);
  EXPECT_EQ(1, std::count(f.lines.begin(), f.lines.end(), "a"));
  EXPECT_EQ(1, std::count(f.lines.begin(), f.lines.end(), "b"));
}

}  // namespace
}  // namespace lastseen
