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
    look();
  }
  void look() {
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

// What a stop is to tell: bytes that the next start skips if the store does not know the input.
struct FileSourceUnsettled : FileSourceStoreAway {
  uint64_t unsettled() {
    f.source->end();  // looks once more
    f.step();
    std::vector<FileSnapshot> files;
    f.source->describe(files);
    uint64_t bytes = 0;
    for (const FileSnapshot& file : files) bytes += file.unsettled;
    return bytes;
  }
};

TEST_F(FileSourceUnsettled, ByStartEndItIsWhatCameSinceTheStart) {
  f.start = Start::kEnd;
  append("old\n");
  f.launch();
  EXPECT_EQ(0u, unsettled());
  append("a\n");
  EXPECT_EQ(2u, unsettled());
  rotate();
  append("bb\n");
  EXPECT_EQ(5u, unsettled());
  f.restore();
  EXPECT_EQ(5u, unsettled());
  f.commit();
  f.source->begin();
  EXPECT_EQ(0u, unsettled());
}

TEST_F(FileSourceUnsettled, ByStartEndItIsWhatCameBeforeATruncationToo) {
  f.start = Start::kEnd;
  append("old\n");
  f.launch();
  see("a\n");
  truncate();
  EXPECT_EQ(2u, unsettled());
  append("b\n");
  EXPECT_EQ(4u, unsettled());
}

TEST_F(FileSourceUnsettled, ByStartBeginItIsWhatThePathDoesNotName) {
  append("old\n");
  f.launch();
  append("a\n");
  EXPECT_EQ(0u, unsettled());
  rotate();
  EXPECT_EQ(6u, unsettled());
}

TEST_F(FileSourceUnsettled, NothingOfAnInputThatTheStoreKnows) {
  f.start = Start::kEnd;
  store_empty_log();
  f.launch();
  append("a\n");
  f.restore();
  EXPECT_EQ(0u, unsettled());
}

// What was written before the first look is counted only by `start: begin`.
struct FileSourceFirstStart : FileSourceStoreAway,
                              testing::WithParamInterface<std::tuple<const char*, bool, Start>> {
  void rotate_while_away(bool packed) {
    for (const char* line : {"b", "c", "d"}) {
      see(line + std::string(70, '.') + "\n");
      f.pass(1000);
      for (const char* end : {"", ".gz"}) {
        for (int i = 2; i >= 1; --i) {
          const std::string from = "/log/access.log." + std::to_string(i) + end;
          if (f.disk.exists(from)) rename(from, "/log/access.log." + std::to_string(i + 1) + end);
        }
      }
      copy();
      truncate();
      if (packed) compress("/log/access.log.1");
      f.pass(100);
      see("");
    }
    see("e\n");
  }
};

TEST_P(FileSourceFirstStart, WhatWasCopiedAndTruncatedIsReadInItsCopies) {
  const auto& [path, packed, start] = GetParam();
  f.settings.path = path;
  f.start = start;
  append("a\n");
  f.pass(5000);
  f.launch();
  rotate_while_away(packed);
  begin();
  std::string begins;
  for (const std::string& line : f.lines) begins += line.substr(0, 1);
  std::sort(begins.begin(), begins.end());
  EXPECT_EQ(start == Start::kBegin ? "abcde" : "bcde", begins);
  EXPECT_EQ(0u, f.lost(LossReason::kTruncated));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, FileSourceFirstStart,
    testing::Combine(testing::Values("/log/access.log", "/log/*", "/log/*.log"), testing::Bool(),
                     testing::Values(Start::kBegin, Start::kEnd)));

// A log is empty at each look, or holds what came last.
TEST_P(FileSourceFirstStart, WhatWasCopiedAndTruncatedBetweenTwoLooksIsReadInItsCopies) {
  const auto& [path, packed, start] = GetParam();
  f.settings.path = path;
  f.start = start;
  f.disk.append("/log/access.log-20261120", "old\n");
  f.disk.create(kLog);
  f.pass(5000);
  f.launch();
  for (const char line : {'a', 'b', 'c'}) {
    f.pass(1000);
    append(line + std::string(70, '.') + "\n");
    const std::string to = kLog + std::string("-2026-11-2") + std::to_string(line - 'a');
    copy(to);
    truncate();
    if (packed) compress(to);
    f.pass(100);
    look();
  }
  append("d\n");
  begin();
  std::string begins;
  for (const std::string& line : f.lines) begins += line.substr(0, 1);
  std::sort(begins.begin(), begins.end());
  const bool names_old = path == std::string_view("/log/*") && start == Start::kBegin;
  EXPECT_EQ(names_old ? "abcdo" : "abcd", begins);
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
