// What is known of a file stays known: when gzip makes another of it, when the store goes back,
// when calls of the disk fail.
#include "fakes/gzip_bytes.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceRemembered : FileSourceTest {
  bool store_knows(const std::string& path) const {
    return std::any_of(f.store.begin(), f.store.end(),
                       [&](const auto& row) { return row.second.path == path; });
  }
  void heal() { f.disk.fault = nullptr; }
};

TEST_F(FileSourceRemembered, ThePositionOfAReadFileGoesOnInItsArchive) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(130'000);  // it is let go
  f.pass(1000);
  compress("/log/access.log.1");
  f.run(3000);
  f.commit();
  EXPECT_TRUE(store_knows("/log/access.log.1.gz"));
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  f.run(3000);
  f.commit();
  EXPECT_TRUE(store_knows("/log/access.log.2.gz"));
  f.disk.remove("/log/access.log.2.gz");
  f.run(3000);
  f.commit();
  EXPECT_EQ(1u, f.store.size());
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceRemembered, AnArchiveThatWasReadIsNotUnpackedAtTheStart) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(130'000);
  compress("/log/access.log.1");
  f.run(3000);
  restart();
  f.disk.truncate("/log/access.log.1.gz", 12);  // who unpacks it would notice
  f.up();
  f.run(3000);
  EXPECT_EQ("rotated, read", f.state_of("/log/access.log.1.gz"));
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceRemembered, AnArchiveInTheFreedInodeGoesOnWhereItsFileStood) {
  const std::string line(1200, 'a');
  f.settings.line_bytes_max = 4096;
  append(line + "\n");
  f.up();
  copy();
  append("b\n");
  f.run(3000);
  f.news();
  restart();
  f.disk.remove(kLog);
  compress("/log/access.log.1");
  ASSERT_EQ(f.store.begin()->second.inode, f.disk.inode("/log/access.log.1.gz"));
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceRemembered, WhatTheStoreLostIsReadAgainFromItsArchive) {
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  rotate();
  const std::string line(100, 'b');
  append(line + "\n");
  f.look();
  rotate();
  append("c\n");
  f.run(130'000);
  f.commit();
  f.news();
  compress("/log/access.log.1");
  f.go_back(before);
  f.commit();
  f.run(3000);
  EXPECT_THAT(f.news(), testing::HasSubstr(line));
  EXPECT_EQ(0u, f.lost(LossReason::kStoreWentBack));
}

TEST_F(FileSourceRemembered, AStoredPositionIsLookedForOnceWhenTheStoreWentBack) {
  f.options.descriptors = std::make_shared<DescriptorBudget>(1);
  append(std::string(100, 'a') + "\n");
  up_with("/log/*.log");
  rotate();
  append("b\n");
  f.disk.append("/log/other.log", "c\n");
  f.run(130'000);
  f.commit();
  const auto before = f.store;
  append("d\n");
  f.run(3000);
  f.commit();
  compress("/log/access.log.1");
  f.go_back(before);
  f.commit();
  f.run(3000);
  f.commit();
  for (const auto& [key, position] : before) EXPECT_EQ(1u, f.store.count(key)) << position.path;
}

TEST_F(FileSourceRemembered, ACopyThatWaitsForADescriptorIsFoundWhenTheStoreWentBack) {
  f.options.descriptors = std::make_shared<DescriptorBudget>(1);
  f.disk.create("/log/other.log");
  const std::string line(100, 'a');
  append(line + "\n");
  up_with("/log/*.log");
  f.commit();
  const auto before = f.store;
  append("b\n");
  copy();
  truncate();
  append("c\n");
  f.run(120'000);
  f.disk.append("/log/other.log", "other\n");
  f.run(10'000);
  f.commit();
  EXPECT_EQ(line + " b c other", f.news());
  f.lines.clear();
  f.go_back(before);
  f.commit();
  f.run(60'000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("b", "c", "other"));
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceRemembered, RotatedFilesThatWaitForADescriptorAreNotForgotten) {
  constexpr int kRotations = 80;
  append("0\n");
  f.up();
  restart();
  for (int i = 1; i <= kRotations; ++i) {
    f.pass(1000);
    f.disk.rename(kLog, "/log/access.log-" + std::to_string(20260100 + i));
    append(std::to_string(i) + "\n");
  }
  f.options.descriptors = std::make_shared<DescriptorBudget>(2);
  f.up();
  f.run(3'000'000);
  EXPECT_EQ(size_t{kRotations} + 1, f.lines.size());
}

TEST_F(FileSourceRemembered, AnArchiveThatCouldNotBeComparedIsReadAfterTheNextStart) {
  append(std::string(100, 'a') + "\n");
  f.up();
  f.commit();
  const auto before = f.store;
  rotate();
  append("b\n");
  f.look();
  rotate();
  append("c\n");
  f.run(130'000);
  compress("/log/access.log.1");
  f.run(3000);
  f.pass(1000);
  fail(Call::kPread, "/log/access.log.2");
  f.go_back(before);
  f.commit();
  f.crash();
  heal();
  f.news();
  f.up();
  f.run(3000);
  EXPECT_THAT(f.news(), testing::HasSubstr("b"));
}

TEST_F(FileSourceRemembered, AChainWhoseFileIsRotatedOnceMoreGoesOnFromThere) {
  append("a\n");
  f.up();
  restart();
  rename(kLog, "/log/access.log.2");
  append("b\n");
  rename(kLog, "/log/access.log.1");
  compress("/log/access.log.1");
  append("c\n");
  f.pass(1000);
  fail(Call::kStat, "/log/access.log.1.gz");
  f.up();
  f.run(3000);
  heal();
  rename("/log/access.log.2", "/log/access.log.3");
  rename("/log/access.log.1.gz", "/log/access.log.2.gz");
  rename(kLog, "/log/access.log.1");
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceRemembered, ALogThatCameAndWentWhileNoneWasThereIsReadBeforeTheNextComes) {
  append("a\n");
  f.up();
  rename(kLog, "/log/access.log-20261101");
  f.run(3000);
  append("b\n");
  rename(kLog, "/log/access.log-20261102");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceRemembered, ALogThatCouldNotBeReadBeforeItWasCopiedAndTruncatedIsReadInItsCopy) {
  append("a\n");
  fail(Call::kPread, kLog);
  f.up();
  copy();
  truncate();
  heal();
  f.run(3000);
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceRemembered, AnArchiveThatCannotBeOpenedForAMomentIsNoLoss) {
  for (int failing = 0; failing < 6; ++failing) {
    Follower g;
    g.disk.append(kLog, "half");
    g.up();
    g.commit();
    g.crash();
    g.disk.append(kLog, " a\n");
    g.disk.rename(kLog, "/log/access.log.1");
    g.disk.compress("/log/access.log.1", gzip_bytes("half a\n"));
    int opened = 0;
    g.disk.fault = [&](Call call, const std::string& path) {
      if (call != Call::kOpen || !path.ends_with(".gz")) return Status::ok();
      return opened++ == failing ? Status::retry("simulated") : Status::ok();
    };
    g.up();
    g.run(3000);
    EXPECT_EQ("half a", g.news()) << failing;
    EXPECT_EQ(0u, g.lost(LossReason::kDeleted)) << failing;
  }
}

TEST_F(FileSourceRemembered, AHeldFileThatWasRemovedKeepsItsDescriptorUntilPositionsAreKnown) {
  f.options.descriptors = std::make_shared<DescriptorBudget>(4);
  append("a\n");
  up_with("/log/*.log");
  restart();
  rotate();
  append("b\n");
  rotate();
  append("c\n");
  f.launch();
  for (char i = '0'; i < '6'; ++i) f.disk.append(std::string("/log/") + i + ".log", "x\n");
  f.pass(1000);
  f.step();
  f.disk.remove("/log/access.log.1");
  f.restore();
  f.commit();
  f.source->begin();
  f.run(10'000);
  EXPECT_THAT(f.lines, testing::Contains("b"));
}

TEST_F(FileSourceRemembered, AnArchiveThatBeginsLikeAClosedLogIsNoCopyOfIt) {
  f.options.descriptors = std::make_shared<DescriptorBudget>(1);
  append("old\n");
  f.up();
  f.commit();
  f.crash();
  f.pass(1000);
  rotate();
  append("{\"msec\":1795,1}\n");
  f.pass(1000);
  rotate();
  f.pass(1000);
  compress("/log/access.log.1");
  append("{\"msec\":1795");
  f.up();
  f.run(20'000);
  append(",2}\n");
  f.run(20'000);
  EXPECT_THAT(f.lines, testing::Contains("{\"msec\":1795,1}"));
  EXPECT_THAT(f.lines, testing::Contains("{\"msec\":1795,2}"));
}

// Only so many of the files that are read stay known; an older one that is still written to is.
TEST_F(FileSourceTest, AFileThatIsNotRememberedIsNoNewsBehindAnOlderOne) {
  up_with("/log/*.log");
  append("1\n");
  f.run(2000);
  auto old = f.disk.writer(kLog);
  for (const char* line : {"2\n", "3\n"}) {
    rotate();
    append(line);
    f.run(2000);
  }
  for (int i = 0; i < 70; ++i) {
    const std::string log = "/log/site" + std::to_string(i) + "x.log";
    f.disk.append(log, "a\n");
    f.run(100);
    f.disk.rename(log, log + ".1");
    f.disk.append(log, "b\n");
    f.run(100);
  }
  for (int minute = 0; minute < 3; ++minute) {
    old.append("more\n");
    f.run(50'000);
  }
  f.news();
  restart();
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

}  // namespace
}  // namespace lastseen
