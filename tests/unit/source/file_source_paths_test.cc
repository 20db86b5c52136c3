// The path of an input is changed, by a reload or while the agent is down, and may come back.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr const char* kOther = "/log/other.log";
constexpr int64_t kDayMs = 86'400'000;

struct FileSourcePaths : FileSourceTest {
  void change_to(const std::string& path) {
    f.settings.path = path;
    f.source->change(f.settings, f.start, f.options.hot_ms, f.now);
    f.run(3000);
  }
  void restart_with(const std::string& path, int64_t down_ms = 1000) {
    restart();
    f.pass(down_ms);
    f.settings.path = path;
    f.up();
    f.run(3000);
  }
  void append_to_both(const std::string& line) {
    append("old " + line + "\n");
    f.disk.append(kOther, "new " + line + "\n");
    f.run(3000);
  }
  bool store_has(const std::string& key) const {
    return std::any_of(f.store.begin(), f.store.end(),
                       [&](const auto& row) { return row.first.starts_with(key); });
  }
};

TEST_F(FileSourcePaths, APathThatChangedWhileDownIsTheOnlyOneThatIsFollowed) {
  append("a\n");
  f.disk.create(kOther);
  f.up();
  restart_with(kOther);
  EXPECT_EQ(1, f.log.count("the file is not followed any more"));
  for (int restarts = 0; restarts < 3; ++restarts) {
    append_to_both("x");
    EXPECT_EQ(restarts == 0 ? "a new x" : "new x", f.news());
    restart_with(kOther);
  }
  EXPECT_EQ(1, f.log.count("the file is not followed any more"));
}

TEST_F(FileSourcePaths, AKillBeforeTheCommitOfAReloadLeavesTheOldPathToNobody) {
  append("a\n");
  f.up();
  f.commit();
  change_to(kOther);
  f.crash();
  f.up();
  append_to_both("x");
  EXPECT_EQ("a new x", f.news());
}

TEST_F(FileSourcePaths, RotatedFilesOfAnotherPathAreLeftWithIt) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.run(3000);
  EXPECT_EQ("a b", f.news());
  restart_with(kOther);
  f.disk.append("/log/access.log.1", "c\n");
  rotate();
  append_to_both("x");
  EXPECT_EQ("new x", f.news());
}

TEST_F(FileSourcePaths, LogsThatANarrowerGlobDoesNotNameAreLeft) {
  append("a\n");
  f.disk.append(kOther, "b\n");
  up_with("/log/*.log");
  EXPECT_EQ(2u, f.lines.size());
  restart_with("/log/o*.log");
  f.news();
  append_to_both("x");
  EXPECT_EQ("new x", f.news());
}

TEST_F(FileSourcePaths, APathThatComesBackAfterRestartsIsReadFromWhereItWasLeft) {
  append("a\n");
  f.up();
  change_to(kOther);
  append_to_both("x");
  restart_with(kOther);
  append_to_both("y");
  EXPECT_EQ("a new x new y", f.news());
  change_to(kLog);
  EXPECT_EQ("old x old y", f.news());
  restart_with(kOther);
  append_to_both("z");
  EXPECT_EQ("new z", f.news());
  restart_with(kLog);
  EXPECT_EQ("old z", f.news());
  f.commit();
  EXPECT_EQ(2u, f.store.size());
}

TEST_F(FileSourcePaths, APathThatComesBackFindsWhatWasRotatedMeanwhile) {
  append("a\n");
  f.up();
  restart_with(kOther);
  append("b\n");
  rotate();
  f.pass(1000);
  append("c\n");
  rotate();
  f.pass(1000);
  append("d\n");
  restart_with(kLog);
  EXPECT_EQ("a b c d", f.news());
}

// By logrotate's `delaycompress`: what was plain when it was left, and one that came after it, are
// archives by now.
struct FileSourcePathsPacked : FileSourcePaths, testing::WithParamInterface<const char*> {
  void rotate_thrice() {
    append("b\n");
    rotate();
    f.run(3000);
    append("c\n");
    rename("/log/access.log.1", "/log/access.log.2");
    rotate();
    compress("/log/access.log.2");
    f.run(3000);
    append("d\n");
    rename("/log/access.log.2.gz", "/log/access.log.3.gz");
    rename("/log/access.log.1", "/log/access.log.2");
    rotate();
    compress("/log/access.log.2");
    f.run(3000);
    append("e\n");
    f.run(3000);
  }
};

TEST_P(FileSourcePathsPacked, APathThatComesBackFindsWhatWasPackedMeanwhile) {
  append("a\n");
  f.disk.create(kOther);
  f.up();
  change_to(kOther);
  rotate_thrice();
  change_to(GetParam());
  EXPECT_EQ("a b c d e", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_P(FileSourcePathsPacked, APathThatWasLeftByARestartFindsWhatWasPackedMeanwhile) {
  append("a\n");
  f.disk.append(kOther, "x\n");
  f.up();
  restart_with(kOther);
  f.disk.append(kOther, "y\n");
  rotate_thrice();
  restart_with(GetParam());
  EXPECT_EQ("a x y b c d e", f.news());
}

INSTANTIATE_TEST_SUITE_P(Back, FileSourcePathsPacked, testing::Values(kLog, "/log/a*.log"));

TEST_F(FileSourcePaths, ALogThatCameAndWasRotatedWhileItsGlobWasLeftIsFound) {
  append("a\n");
  up_with("/log/a*.log");
  change_to(kOther);
  f.disk.append("/log/ab.log", "b\n");
  f.pass(1000);
  rename("/log/ab.log", "/log/ab.log.1");
  f.run(3000);
  change_to("/log/a*.log");
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourcePaths, AKillBeforeAPathThatCameBackIsCommittedForgetsNothing) {
  append("a\n");
  f.up();
  change_to(kOther);
  f.commit();
  change_to(kLog);
  append("b\n");
  f.run(3000);
  f.crash();
  f.up();
  f.run(3000);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourcePaths, ALogThatIsRenamedTogetherWithItsPathGoesOn) {
  append("a\n");
  f.up();
  restart();
  rename(kLog, kOther);
  append("b\n");
  f.settings.path = kOther;
  f.up();
  f.disk.append(kOther, "c\n");
  f.run(3000);
  EXPECT_EQ("a c", f.news());
}

TEST_F(FileSourcePaths, AnOddNameIsReadToItsEndAfterARestart) {
  append("a\n");
  f.up();
  rename(kLog, "/log/kept");
  f.run(3000);
  f.commit();
  EXPECT_TRUE(store_has("path"));
  f.disk.append("/log/kept", "b\n");
  restart_with(kLog);
  f.disk.append("/log/kept", "c\n");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourcePaths, AnOddNameOfALogThatTheNewPathNamesTooIsReadToItsEnd) {
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
  f.disk.rename(kLog, "/log/kept.old");
  append("b\n");
  f.run(3000);
  EXPECT_EQ("b", f.news());
  f.disk.append("/log/kept.old", "c\n");
  restart_with("/log/*.log");
  EXPECT_EQ("c", f.news());
  restart_with("/log/*.log");
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourcePaths, AnOddNameOfAnotherPathIsLeft) {
  append("a\n");
  f.up();
  rename(kLog, "/log/kept");
  f.run(3000);
  restart_with(kOther);
  f.disk.append("/log/kept", "b\n");
  append_to_both("x");
  EXPECT_EQ("a new x", f.news());
  f.commit();
  EXPECT_FALSE(store_has("path"));
}

TEST_F(FileSourcePaths, WhatALinkLedToIsReadToItsEndThoughTheLinkIsALogByNow) {
  f.disk.make_directory("/data");
  f.disk.append("/data/web", "a\n");
  f.disk.symlink("/data/web", kLog);
  f.up();
  restart();
  f.disk.append("/data/web", "b\n");
  f.disk.remove(kLog);
  append("c\n");
  f.up();
  f.run(3000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(FileSourcePaths, APathThatIsALinkByNowLeavesWhatAnotherPathNamed) {
  append("a\n");
  f.up();
  restart();
  f.disk.make_directory("/data");
  f.disk.create("/data/web");
  f.disk.symlink("/data/web", kOther);
  f.settings.path = kOther;
  f.up();
  append("b\n");
  f.disk.append("/data/web", "c\n");
  f.run(3000);
  EXPECT_EQ("a c", f.news());
}

TEST_F(FileSourcePaths, WhatWasRotatedOfAPathWithoutALogIsNotOfAnotherPath) {
  f.up();
  f.run(3000);
  restart();
  f.pass(1000);
  append("a\n");
  rename(kLog, "/log/access.log.1");
  f.settings.path = kOther;
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
  f.commit();
  ASSERT_EQ(1u, f.store.count("anchor"));
  EXPECT_EQ(kOther, f.store["anchor"].path);
}

TEST_F(FileSourcePaths, APathThatDoesNotComeBackIsForgottenAfterAMonth) {
  append("a\n");
  f.up();
  change_to(kOther);
  f.commit();
  EXPECT_TRUE(store_has("left"));
  f.pass(31 * kDayMs);
  f.run(3000);
  f.commit();
  EXPECT_FALSE(store_has("left"));
  change_to(kLog);
  EXPECT_EQ("a a", f.news());
}

TEST_F(FileSourcePaths, AQuietPathThatIsChangedBackSoonGoesOn) {
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
  f.commit();
  restart_with(kOther, 40 * kDayMs);
  append_to_both("x");
  EXPECT_EQ("new x", f.news());
  restart_with(kLog);
  EXPECT_EQ("old x", f.news());
}

TEST_F(FileSourcePaths, AnInputThatIsRenamedTakesAlongWhatItLeft) {
  append("a\n");
  f.up();
  change_to(kOther);
  f.commit();
  for (const std::string& key : f.source->store_anew({})) EXPECT_EQ(1u, f.store.erase(key)) << key;
  EXPECT_TRUE(f.store.empty());
  f.commit();
  restart_with(kOther);
  append("b\n");
  restart_with(kLog);
  EXPECT_EQ("a b", f.news());
}

}  // namespace
}  // namespace lastseen
