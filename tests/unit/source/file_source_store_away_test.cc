// Logs that are truncated while the store cannot be asked yet; nothing of them had been counted.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceStoreAway : FileSourceTest {
  void store_empty_log() {
    f.disk.create(kLog);
    f.up();
    f.run(5000);
    restart();
  }
  void see(const std::string& bytes) {
    append(bytes);
    f.source->look_now();
    f.step();
  }
  void begin() {
    f.restore();
    f.commit();
    f.source->begin();
    f.run(3000);
  }
};

TEST_F(FileSourceStoreAway, WhatIsReadInACopyIsNoLoss) {
  f.launch();
  see(std::string(100, 'a') + "\n");
  copy();
  truncate();
  see("b\n");
  begin();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre(std::string(100, 'a'), "b"));
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceStoreAway, WhatIsReadInACopyOfALogThatWasStoredEmptyIsNoLoss) {
  store_empty_log();
  append("a\n");
  copy("/log/access.log.2");
  compress("/log/access.log.2");
  truncate();
  f.launch();
  see("bbbbb\n");
  copy();
  truncate();
  see("c\n");
  begin();
  EXPECT_EQ("a bbbbb c", f.news());
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceStoreAway, ACopyThatIsGoneIsHeldUntilItsLogCanBeLookedAt) {
  store_empty_log();
  append("a\n");
  copy();
  truncate();
  append("b\n");
  f.launch();
  f.disk.remove("/log/access.log.1");
  fail(Call::kPread, kLog, 2);
  begin();
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b"));
}

TEST_F(FileSourceStoreAway, WhatIsInNoCopyIsCountedAsLost) {
  store_empty_log();
  f.launch();
  see("lost\n");
  truncate();
  see("longer than that\n");
  copy();
  begin();
  EXPECT_EQ("longer than that", f.news());
  EXPECT_EQ(5u, f.lost(LossReason::kTruncated));
}

TEST_F(FileSourceStoreAway, WhatIsInNoCopyIsCountedAsLostAfterAKillToo) {
  store_empty_log();
  f.launch();
  see(std::string(kHeadBytesProof, 'a') + "\n");
  truncate();
  fail(Call::kList, "/log");  // a copy cannot be looked for
  f.restore();
  f.step();
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
  restart();
  f.disk.fault = nullptr;
  f.up();
  f.run(3000);
  f.commit();
  EXPECT_EQ(kHeadBytesProof + 1, f.lost(LossReason::kDeleted));
}

}  // namespace
}  // namespace lastseen
