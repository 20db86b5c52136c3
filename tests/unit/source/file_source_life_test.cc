// The life of the agent around the files: restarts, names, waking up, trouble.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Rows in the store ---------------------------------------------------------------------------

TEST_F(FileSourceTest, AFileThatCameAndWasRotatedBeforeItsFirstCommitIsFound) {
  f.disk.now_ns = f.now.wall_ms * 1'000'000;
  f.disk.append("/log/access.log.1", "older\n");
  f.pass(1000);
  f.up();
  f.commit();
  ASSERT_EQ(1u, f.store.size());
  f.pass(1000);
  f.disk.now_ns = f.now.wall_ms * 1'000'000;
  append("a\n");
  f.look();
  EXPECT_EQ("a", f.news());
  f.crash();
  f.disk.rename("/log/access.log.1", "/log/access.log.2");
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  restart();
  EXPECT_EQ(2u, f.store.size());
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceTest, AFileThatCameAndWasRotatedBetweenTwoLooksIsFound) {
  append("a\n");
  f.up();
  f.disk.rename(kLog, "/log/access.log-20261101");
  f.run(2000);
  append("b\n");
  f.disk.rename(kLog, "/log/access.log-20261102");
  append("c\n");
  f.run(3000);
  EXPECT_EQ(3u, f.lines.size());
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, BehindARotatedFileThatIsGoneTheNewerAreFound) {
  append("a\n");
  f.up();
  rotate();
  append("b\n");
  f.look();
  restart();
  std::erase_if(f.store, [](const auto& row) { return row.second.path == kLog; });
  f.disk.remove("/log/access.log.1");
  rotate();
  f.up();
  EXPECT_EQ("a b b", f.news());
}

TEST_F(FileSourceTest, AFileThatTheStoreLostIsReadFromItsFirstByteByALaterAgentToo) {
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  rotate();
  append("b\n");
  f.look();
  restart();
  f.up();
  append("c\n");
  f.look();
  EXPECT_EQ("a b c", f.news());
  f.go_back(before);
  f.look();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTest, RowsOfFilesThatAreGoneAreDeleted) {
  append("a\n");
  f.up();
  for (int i = 0; i < 5; ++i) {
    f.disk.remove(kLog);
    append("b\n");
    f.run(70'000);
  }
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceTest, OfManyRotatedFilesTheNewestKeepTheirRows) {
  append("a\n");
  f.up();
  for (int i = 0; i < 80; ++i) {
    f.disk.rename(kLog, "/log/access.log-" + std::to_string(20261122 + i));
    append("b\n");
    f.run(70'000);
  }
  f.commit();
  EXPECT_EQ(65u, f.store.size());
  f.news();
  restart();
  f.up();
  f.run(3000);
  EXPECT_EQ("", f.news());
}

// --- Restart -----------------------------------------------------------------------------------

TEST_F(FileSourceTest, ARestartGoesOnAtTheCommittedPosition) {
  append("a\nb\n");
  f.up();
  f.commit();
  append("c\n");
  f.look();
  f.crash();
  f.up();
  EXPECT_EQ("a b c", f.news());
  EXPECT_EQ(1u, f.log.count("resumed"));
}

TEST_F(FileSourceTest, AFileRenamedWhileDownIsReadFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rotate();
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, AFileRenamedTwiceWhileDownIsFoundByItsIdentity) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.rename(kLog, "/log/zzz-2026-11-22");
  append("c\n");
  f.up();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, SiblingsBornWhileDownAreReadOldestFirst) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  rotate();
  append("c\n");
  rotate();
  append("d\n");
  f.up();
  EXPECT_EQ("a b c d", f.news());
  restart();
  f.up();
  EXPECT_EQ("", f.news());
}

TEST_F(FileSourceTest, AFileIsNotBegunBeforeTheOlderOnesAreReadHoweverLongTheyAre) {
  append("a\n");
  f.up();
  restart();
  for (const std::string line : {"b\n", "c\n"}) {
    std::string much;
    while (much.size() < 2 * kReadBytes) much += line;
    append(much);
    rotate();
  }
  append("d\n");
  f.up();
  std::string news = f.news();
  std::erase(news, ' ');
  std::string order = news;  // each once
  order.erase(std::unique(order.begin(), order.end()), order.end());
  EXPECT_EQ("abcd", order);
}

TEST_F(FileSourceTest, SiblingsAreHeldWhileTheStoreIsDown) {
  append("a\n");
  f.up();
  restart();
  rotate();
  append("b\n");
  rotate();
  append("c\n");
  f.launch();
  f.disk.remove("/log/access.log.1");
  f.disk.remove("/log/access.log.2");
  f.restore();
  f.source->begin();
  f.look();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTest, OlderSiblingsAreNeverRead) {
  f.disk.append("/log/access.log.2", "ancient\n");
  f.disk.append("/log/access.log.1", "old\n");
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(1, f.disk.open_files());
  restart();
  f.disk.rename("/log/access.log.2", "/log/access.log.3");
  rotate();
  append("b\n");
  f.up();
  f.run(3000);
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTest, ACompressedOrRestoredSiblingIsNotReadAsANewFile) {
  append("a\n");
  f.up();
  restart();
  f.disk.rename(kLog, "/log/access.log.1");
  f.disk.append("/log/access.log.2.gz", "gz\n");
  f.disk.append("/log/access.log.bak", "copied\n");
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, ANewFileOfAKnownInputIsReadFromItsFirstByte) {
  append("old\n");
  f.start = Start::kEnd;
  f.up();
  restart();
  f.disk.remove(kLog);
  append("a\n");
  f.up();
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceTest, AnotherDeviceNumberIsTheSameFileIfTheContentsSaySo) {
  append(std::string(100, 'a') + "\n");
  f.up();
  restart();
  f.news();
  f.disk.device = 7;
  append("b\n");
  f.up();
  EXPECT_EQ("b", f.news());
  f.commit();
  EXPECT_EQ(7u, f.store.begin()->second.device);
}

TEST_F(FileSourceTest, AnotherDeviceAndOtherContentsAreAnotherFile) {
  f.disk.has_birth_times = false;
  append(std::string(100, 'a') + "\n");
  f.up();
  restart();
  f.news();
  f.disk.truncate(kLog);
  append(std::string(100, 'b') + "\nc\n");
  f.disk.device = 7;
  f.up();
  EXPECT_EQ(std::string(100, 'b') + " c", f.news());
}

TEST_F(FileSourceTest, AnUnreadableFileOfAStoredPositionResumesOnceItCanBeRead) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.chmod(kLog, false);
  f.up();
  f.run(20'000);
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackRewinds) {
  append("a\n");
  f.up();
  f.commit();
  append("b\n");
  f.look();
  f.news();
  f.restore();
  f.look();
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackReadsALetGoFileAgain) {
  append("a\n");
  f.up();
  f.commit();
  append("b\n");
  f.look();
  rotate();
  append("c\n");
  f.run(70'000);
  ASSERT_EQ(1, f.disk.open_files());
  f.news();
  f.restore();
  f.look();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTest, TheStoreWentBackAndTheFileIsGone) {
  append("a\n");
  f.up();
  f.commit();
  Position old = f.store.begin()->second;
  f.disk.remove(kLog);
  f.run(3'700'000);
  f.commit();
  EXPECT_EQ(f.store.size(), f.store.count("anchor"));
  old.size = 10;
  f.store[old.stream] = old;
  f.restore();
  EXPECT_EQ(8u, f.lost(LossReason::kStoreWentBack));
}

TEST_F(FileSourceTest, TheStoreForgotEverythingRereadsFromWhereWeBegan) {
  append("old\n");
  f.start = Start::kEnd;
  f.up();
  append("a\n");
  f.look();
  f.news();
  f.store.clear();
  f.input_known = false;
  f.restore();
  f.look();
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceTest, APathThatComesBackIsReadFromWhereItWasLeft) {
  append("a\n");
  f.up();
  f.commit();
  for (const bool committed : {false, true}) {
    for (const char* path : {"/log/typo.log", kLog}) {
      f.settings.path = path;
      f.source->change(f.settings, f.start, f.options.hot_ms, f.now);
      f.run(3000);
      if (committed) f.commit();
    }
    append("b\n");
    f.run(3000);
    restart();
    f.up();
  }
  EXPECT_EQ("a b b", f.news());
}

TEST_F(FileSourceTest, APathThatComesBackAfterTheStoreWentBackIsReadFromWhereTheStoreStands) {
  const auto change_to = [&](const char* path) {
    f.settings.path = path;
    f.source->change(f.settings, f.start, f.options.hot_ms, f.now);
    f.run(3000);
  };
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  change_to("/log/typo.log");
  f.commit();
  f.go_back(before);
  change_to(kLog);
  append("b\n");
  f.run(3000);
  restart();
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(0u, f.log.count("the file of a stored position is gone"));
}

}  // namespace
}  // namespace lastseen
