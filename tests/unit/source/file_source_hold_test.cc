// What is held though no name leads to it, and how the source is woken.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceHold : FileSourceTest {
  FileSourceHold() { limit(1000, 60'000); }

  void limit(uint64_t bytes, int64_t age_ms) {
    f.options.hold = std::make_shared<HoldBudget>(bytes, age_ms);
  }
  // Time passes and nothing is read, as while the store is down.
  void wait(int64_t ms) {
    for (int64_t at = 0; at < ms; at += 500) {
      f.pass(500);
      f.step();
    }
  }
  void replace_by(std::string_view bytes) {
    f.disk.remove(kLog);
    append(bytes);
  }
};

TEST_F(FileSourceHold, ADeletedFileIsHeldUntilItIsRead) {
  append("a\n");
  f.up();
  append("b\n");
  wait(1000);
  replace_by("c\n");
  wait(59'000);
  f.read();
  EXPECT_EQ("a b c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHold, ADeletedFileIsLetGoAtItsAge) {
  append("a\n");
  f.up();
  append("b\n");
  wait(1000);
  replace_by("c\n");
  wait(62'000);
  EXPECT_EQ(1, f.disk.open_files());
  f.read();
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(2u, f.lost(LossReason::kHold));
  EXPECT_EQ(1u, f.log.count("longer than hold.age"));
  restart();
  f.up();
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceHold, BeyondTheBytesTheOldestIsLetGo) {
  append(std::string(600, 'a') + "\n");
  f.up();
  f.news();
  append("a\n");
  wait(1000);
  replace_by(std::string(600, 'b') + "\n");
  wait(1000);
  replace_by("c\n");
  wait(1000);
  f.read();
  EXPECT_EQ(std::string(600, 'b') + " c", f.news());
  EXPECT_EQ(2u, f.lost(LossReason::kHold));
  EXPECT_EQ(1u, f.log.count("hold.bytes"));
}

TEST_F(FileSourceHold, ARotatedFileWithANameIsNotLimited) {
  limit(0, 0);
  append("a\n");
  f.up();
  append("b\n");
  wait(1000);
  rotate();
  wait(5000);
  f.read();
  EXPECT_EQ("a b", f.news());
}

TEST_F(FileSourceHold, AFileThatIsReadIsNoLoss) {
  limit(0, 0);
  append("a\n");
  f.up();
  replace_by("c\n");
  wait(5000);
  f.read();
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHold, TheBudgetIsSharedByInputs) {
  append("a\n");
  f.up();
  append("b\n");
  wait(1000);
  f.options.hold->add(999);  // another input's
  replace_by("c\n");
  wait(1000);
  EXPECT_EQ(2u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHold, WhatIsLetGoBeforePositionsAreKnownIsCountedFromThePosition) {
  append("a\n");
  f.up();
  restart();
  append("bb\n");
  f.launch();
  wait(1000);
  f.disk.remove(kLog);
  wait(62'000);
  EXPECT_EQ(0, f.disk.open_files());
  append("c\n");
  f.restore();
  f.source->begin();
  f.look();
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(3u, f.lost(LossReason::kHold));
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceHold, ANewFileThatIsLetGoBeforePositionsAreKnownIsCountedWhole) {
  f.up();
  restart();
  append("a\n");
  f.launch();
  f.disk.remove(kLog);
  wait(62'000);
  f.restore();
  EXPECT_EQ(2u, f.lost(LossReason::kHold));
}

// The store cannot be reached until the file is let go.
struct FileSourceHoldSibling : FileSourceHold {
  void store() {
    append("a\n");
    f.up();
    f.run(3000);
    restart();
    f.pass(1000);
  }
  // What came between is in no position.
  void store_and_rotate_twice() {
    store();
    rotate();
    append(std::string(2000, 'b') + "\n");
    f.pass(1000);
    rotate();
    append("c\n");
  }
  void launch_and_remove(const std::string& path, bool packed = false) {
    f.launch();
    wait(1000);
    packed ? compress(path) : f.disk.remove(path);
    wait(62'000);
    f.restore();
    f.source->begin();
    f.run(5000);
  }
};

TEST_F(FileSourceHoldSibling, ThatCameAfterTheStoredFileIsCountedWhole) {
  store_and_rotate_twice();
  launch_and_remove("/log/access.log.1");
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(2001u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHoldSibling, OfAStoredPositionIsCountedFromThereAndWhatIsBehindItIsRead) {
  store();
  append("bb\n");
  rotate();
  append("c\n");
  f.pass(1000);
  rotate();
  append("d\n");
  launch_and_remove("/log/access.log.2");
  EXPECT_EQ("a c d", f.news());
  EXPECT_EQ(3u, f.lost(LossReason::kHold));
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceHoldSibling, OfAStoredPositionIsReadInItsArchive) {
  store();
  append("bb\n");
  rotate();
  append("c\n");
  launch_and_remove("/log/access.log.1", true);
  EXPECT_EQ("a bb c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHoldSibling, ThatIsOlderThanTheStoredFileWasNeverOurs) {
  f.disk.append("/log/access.log.1", "old\n");
  f.pass(1000);
  store();
  rotate();
  append("c\n");
  launch_and_remove("/log/access.log.2");
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHoldSibling, ThatIsACopyOfWhatWasReadIsNoLoss) {
  store();
  copy();
  truncate();
  append("c\n");
  launch_and_remove("/log/access.log.1");
  EXPECT_EQ("a c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHoldSibling, ThatIsReadInItsArchiveIsNoLoss) {
  store_and_rotate_twice();
  launch_and_remove("/log/access.log.1", true);
  EXPECT_EQ(3u, f.lines.size());
  EXPECT_EQ(0u, f.lost(LossReason::kHold));
}

TEST_F(FileSourceHold, DroppedEventsAreAnsweredByALookAndSaidOnce) {
  append("a\n");
  f.up();
  f.run(500);
  append("b\n");
  f.watcher.drop_events();
  f.run(25);
  EXPECT_EQ("a b", f.news());
  f.run(500);
  f.watcher.drop_events();
  EXPECT_EQ(1u, f.log.count("dropped events"));
}

TEST_F(FileSourceHold, WithoutWatchesItPollsAndSaysSo) {
  f.watcher.refuse = Status::retry("cannot watch /log: No space left on device");
  append("a\n");
  f.up();
  f.run(3000);
  EXPECT_EQ("polling", f.source->watching());
  append("b\n");
  f.run(2000);
  EXPECT_EQ("a b", f.news());
  f.watcher.refuse = Status::ok();
  f.run(2000);
  EXPECT_EQ("inotify", f.source->watching());
}

}  // namespace
}  // namespace lastseen
