// While calls of the disk fail nothing is known: nothing is taken for what it may not be, so that
// nothing is read twice, and nothing missed.
#include <climits>

#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr const char* kRotated = "/log/access.log.1";
constexpr const char* kPacked = "/log/access.log.1.gz";

struct FileSourceTrouble : FileSourceTest {
  // The rest of Follower::up() after launch().
  void go_on() {
    f.restore();
    f.commit();
    f.source->begin();
    f.look();
  }
  // What the store has of "a"; the log goes on, and is copied, truncated and read.
  std::map<std::string, Position> read_on_in_copy(bool packed) {
    append("a\n");
    f.up();
    f.commit();
    const auto before = f.store;
    append("b\n");
    f.disk.copy(kLog, kRotated);
    if (packed) compress(kRotated);
    f.disk.truncate(kLog);
    append("c\n");
    f.run(3000);
    return before;
  }
  void heal() {
    f.disk.fault = nullptr;
    f.run(3000);
  }
};

TEST_F(FileSourceTrouble, ACopyOfALogThatCannotBeAskedIsNoNewFile) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.copy(kLog, kRotated);
  compress(kRotated);
  f.disk.truncate(kLog);
  append("c\n");
  f.launch();
  fail(Call::kFstat, kLog, 2);  // when it is looked at, before and after its position is known
  go_on();
  heal();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTrouble, AfterTheStoreWentBackACopyThatCannotBeReadNowIsWaitedFor) {
  const auto before = read_on_in_copy(false);
  EXPECT_EQ("a b c", f.news());
  f.store = before;
  fail(Call::kPread, kRotated);
  go_on();
  heal();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTrouble, AfterTheStoreWentBackAPackedCopyHasOnePositionThoughItIsFoundLate) {
  f.options.descriptors = std::make_shared<DescriptorBudget>(2);
  f.settings.path = "/log/*.log";
  f.disk.append("/log/other.log", "o\n");
  const auto before = read_on_in_copy(true);
  EXPECT_EQ("a o b c", f.news());
  fail(Call::kPread, kLog);
  f.go_back(before);
  f.look();
  heal();
  EXPECT_EQ("b c", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceTrouble, AFileThatCouldNotBeOpenedWhenTheStoreWentBackIsReadAgain) {
  append("a\n");
  f.up();
  auto before = f.store;
  f.disk.rename(kLog, kRotated);
  append("b\n");
  f.run(3000);
  restart();
  f.disk.rename(kRotated, "/log/access.log.2");
  f.disk.rename(kLog, kRotated);
  compress(kRotated);
  f.up();
  f.run(3000);
  restart();
  f.disk.rename(kPacked, "/log/access.log.3.gz");
  append("c\n");
  fail(Call::kOpen, "/log/access.log.3.gz");
  f.launch();
  go_on();
  f.news();
  // It was read before this was stored, but committed later.
  for (auto& [key, position] : before) position.updated_ms = f.now.wall_ms;
  f.go_back(before);
  f.commit();
  heal();
  EXPECT_THAT(f.news(), testing::HasSubstr("b"));
}

TEST_F(FileSourceTrouble, APositionWhoseFileCannotBeLookedForIsWaitedForByWhatMayBeIt) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rename(kLog, kRotated);
  compress(kRotated);
  append("c\n");
  f.launch();
  fail(Call::kList, "/log");
  go_on();
  EXPECT_EQ("a c", f.news());
  heal();
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTrouble, ACompressedFileThatCannotBeReadNowMayBeTheOneThatIsLookedFor) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rename(kLog, kRotated);
  compress(kRotated);
  append("c\n");
  fail(Call::kPread, kPacked);
  f.launch();
  go_on();
  EXPECT_EQ("a c", f.news());
  heal();
  EXPECT_EQ("b", f.news());
  EXPECT_EQ(0u, f.log.count("is gone"));
}

TEST_F(FileSourceTrouble, WhatCameBehindARemovedLogIsLookedForAgainAfterAKill) {
  append("a\n");
  f.up();
  restart();
  f.disk.remove(kLog);
  f.launch();
  append("b\n");
  rotate();
  append("c\n");
  f.pass(5000);
  fail(Call::kOpen, kRotated, INT_MAX, 2);  // after it was seen to be no copy of the removed one
  go_on();
  EXPECT_EQ("a", f.news());
  restart();
  f.disk.fault = nullptr;
  f.up();
  EXPECT_EQ("b c", f.news());
  restart();
  EXPECT_EQ(2u, f.store.size());  // nothing is looked for any more
}

TEST_F(FileSourceTrouble, ANewLogThatCannotBeOpenedBeforeItIsRotatedIsRead) {
  f.up();
  f.run(5000);
  append("a\n");
  f.pass(100);
  fail(Call::kOpen, kLog);
  f.run(3000);
  f.disk.fault = nullptr;
  rotate();
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTrouble, WhatIsFoundAndCannotBeginYetIsFoundAgainAfterAKill) {
  f.disk.create(kLog);
  f.up();
  f.run(5000);
  restart();
  append("a\n");
  f.disk.copy(kLog, kRotated);
  f.disk.truncate(kLog);
  append("b\n");
  f.pass(5000);
  f.launch();
  fail(Call::kPread, kLog, INT_MAX, 2);  // when the copy is to begin: it may be one of the log
  go_on();
  EXPECT_EQ("", f.news());
  restart();
  f.disk.fault = nullptr;
  f.pass(5000);
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTrouble, HoweverLongNothingCanBeListedTheStoreIsToldOnce) {
  f.up();
  fail(Call::kList, "/log");
  f.run(30'000);
  f.commit();
  EXPECT_EQ(2u, f.store.size());
  heal();
  f.commit();
  EXPECT_EQ(1u, f.store.size());
  EXPECT_EQ(1u, f.store.count("anchor"));
}

TEST_F(FileSourceTrouble, ARenameTakesAlongWhatTheStoreHasThoughItIsOfNoUseAnyMore) {
  f.up();
  fail(Call::kList, "/log");
  f.run(30'000);
  f.commit();
  heal();
  const std::vector<std::string> keys = f.source->store_anew({});
  for (const auto& [key, position] : f.store) EXPECT_THAT(keys, testing::Contains(key));
  EXPECT_EQ(2u, f.store.size());
}

TEST_F(FileSourceTrouble, WhileACopyCannotBeReadWhatGzipMadeOfItIsNotTakenInItsPlace) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.copy(kLog, kRotated);
  f.disk.truncate(kLog);
  append("c\n");
  f.launch();
  compress(kRotated);
  f.run(2000);
  fail(Call::kPread, kRotated);
  go_on();
  heal();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceTrouble, WhatGzipMadeOfAFileDoesNotBeginBeforeIt) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  rotate();
  append("b\n");
  rotate();
  append("c\n");
  f.launch();
  compress(kRotated);
  f.run(2000);
  fail(Call::kPread, kRotated, 1);
  go_on();
  heal();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourceTrouble, ADamagedArchiveIsNotWaitedFor) {
  append("a\n");
  f.up();
  restart();
  f.disk.append(kPacked, "no gzip");
  f.disk.remove(kLog);
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.log.count("the file of a stored position is gone"));
}

TEST_F(FileSourceTrouble, AFileThatCouldNotBeReadWhenItWasFirstSeenIsKnownAgain) {
  append("a\n");
  f.pass(5000);
  fail(Call::kPread, kLog);
  f.launch();
  go_on();
  EXPECT_EQ("", f.news());
  restart();
  f.disk.fault = nullptr;
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTrouble, AnArchiveThatGotTheNumberOfARemovedFileIsFoundBehindIt) {
  append("a\n");
  f.up();
  restart();
  f.pass(1000);
  rename(kLog, "/log/access.log.2");
  append("b\n");
  rename(kLog, kRotated);
  compress(kRotated);
  append("c\n");
  fail(Call::kOpen, kPacked);
  f.up();
  rename("/log/access.log.2", "/log/access.log.3");
  rename(kPacked, "/log/access.log.2.gz");
  compress("/log/access.log.3");
  heal();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTrouble, AFileOfTheGlobThatCannotBeAskedAtFirstIsReadThoughItIsRemoved) {
  f.settings.path = "/log/access.log*";
  f.disk.append(kRotated, "a\n");
  append("b\n");
  fail(Call::kStat, kRotated, 1);
  f.launch();
  f.disk.remove(kRotated);
  go_on();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b"));
}

TEST_F(FileSourceTrouble, ARotatedFileThatIsRemovedDuringTheLookThatWouldFindItIsRead) {
  append("a\n");
  f.up();
  restart();
  rename(kLog, "/log/access.log.2");
  append("b\n");
  rename(kLog, kRotated);
  append("c\n");
  f.launch();
  f.disk.fault = [&](Call call, const std::string&) {
    if (call == Call::kList && f.disk.exists(kRotated)) f.disk.remove(kRotated);
    return Status::ok();
  };
  go_on();
  heal();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTrouble, WhileACopyCannotBeLookedForNothingThatIsHeldIsLetGo) {
  append("a\n");
  f.up();
  restart();
  f.pass(1000);
  append("b\n");
  f.disk.copy(kLog, "/log/access.log.2");
  f.disk.truncate(kLog);
  append("c\n");
  f.pass(1000);
  f.disk.copy(kLog, kRotated);
  f.disk.truncate(kLog);
  append("d\n");
  f.launch();
  f.disk.remove("/log/access.log.2");
  fail(Call::kPread, "/log/access.log.2");
  go_on();
  f.disk.remove(kRotated);
  heal();
  EXPECT_EQ("a b c d", f.news());
}

}  // namespace
}  // namespace lastseen
