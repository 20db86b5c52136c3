// More log files than descriptors.
#include "fakes/gzip_bytes.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr int kFiles = 10;
constexpr int kDescriptors = 3;

struct FileSourceDescriptors : testing::Test {
  Follower f{"/log/*.log"};

  FileSourceDescriptors() {
    f.options.descriptors = std::make_shared<DescriptorBudget>(kDescriptors);
    append_to_all("a");
  }
  void compress(const std::string& path) { f.disk.compress(path, gzip_bytes(f.disk.bytes(path))); }
  static std::string site(int i) { return "/log/" + std::to_string(i) + ".log"; }
  void append_to_all(const std::string& what) {
    for (int i = 0; i < kFiles; ++i) f.disk.append(site(i), what + std::to_string(i) + "\n");
  }
  std::vector<std::string> sorted_news() {
    std::vector<std::string> news(f.lines.begin() + static_cast<ptrdiff_t>(f.told), f.lines.end());
    f.told = f.lines.size();
    std::sort(news.begin(), news.end());
    return news;
  }
  static std::vector<std::string> of_all(const std::string& what) {
    std::vector<std::string> all;
    for (int i = 0; i < kFiles; ++i) all.push_back(what + std::to_string(i));
    return all;
  }
};

TEST_F(FileSourceDescriptors, TheyAreReadInTurns) {
  f.up();
  EXPECT_EQ(kDescriptors, f.disk.open_files());
  EXPECT_EQ("waiting: no descriptor is free", f.state_of(site(9)));
  EXPECT_FALSE(f.source->drained());
  f.run(3000);
  EXPECT_EQ(of_all("a"), sorted_news());
  EXPECT_TRUE(f.source->drained());
  append_to_all("b");
  f.run(5000);
  EXPECT_EQ(of_all("b"), sorted_news());
  EXPECT_EQ(kDescriptors, f.disk.open_files());
  EXPECT_EQ("idle, closed", f.state_of(site(0)));
  EXPECT_EQ(1u, f.log.count_at_least(LogLevel::kWarn));
  EXPECT_EQ(1u, f.log.count("LimitNOFILE="));
}

TEST_F(FileSourceDescriptors, AClosedFileOfWhichOnlyAHeaderWasReadHidesNoneThatBeginsLikeIt) {
  const std::string header(200, '#');
  f.disk.append(kLog, header + "\n");
  f.up();
  f.run(5000);
  f.news();
  f.commit();
  f.crash();
  for (const std::string number : {"1", "2", "3"}) {
    f.disk.append(kLog, number + "\n");
    f.disk.rename(kLog, kLog + ("-2026112" + number));
    f.disk.append(kLog, header + "\n");
  }
  f.pass(5000);
  f.up();
  f.run(10'000);
  EXPECT_EQ((std::vector{header, std::string("1"), std::string("2"), std::string("3")}),
            sorted_news());
}

TEST_F(FileSourceDescriptors, FilesThatNeverRestTakeTurns) {
  f.up();
  for (int i = 0; i < 300; ++i) {
    append_to_all("b");
    f.run(50);
  }
  f.run(5000);
  EXPECT_EQ(301u * kFiles, f.lines.size());
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourceDescriptors, TheStartChoiceIsForAllOfThem) {
  f.start = Start::kEnd;
  f.disk.append(site(9), "half");
  f.up();
  f.commit();
  f.crash();
  f.up();
  append_to_all("b");
  f.run(5000);
  auto expected = of_all("b");
  expected[9] = "halfb9";
  EXPECT_EQ(testing::PrintToString(expected), testing::PrintToString(sorted_news()));
}

TEST_F(FileSourceDescriptors, ARestartReadsOnInAllOfThem) {
  f.up();
  f.run(3000);
  sorted_news();
  f.commit();
  f.crash();
  append_to_all("b");
  f.up();
  f.run(5000);
  EXPECT_EQ(of_all("b"), sorted_news());
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
}

TEST_F(FileSourceDescriptors, AStoreThatWentBackIsReadAgain) {
  f.up();
  f.run(3000);
  f.commit();
  append_to_all("b");
  f.run(5000);
  sorted_news();
  f.restore();
  f.look();
  f.run(5000);
  EXPECT_EQ(of_all("b"), sorted_news());
  EXPECT_EQ(0u, f.lost(LossReason::kStoreWentBack));
}

TEST_F(FileSourceDescriptors, AClosedFileIsFollowedThroughRotation) {
  f.up();
  f.run(3000);
  sorted_news();
  ASSERT_EQ("idle, closed", f.state_of(site(0)));
  f.disk.append(site(0), "last\n");
  f.disk.rename(site(0), site(0) + ".1");
  f.disk.append(site(0), "first\n");
  f.run(5000);
  EXPECT_EQ((std::vector<std::string>{"first", "last"}), sorted_news());
}

TEST_F(FileSourceDescriptors, ADeletedClosedFileThatWasReadIsNoLoss) {
  f.up();
  f.run(3000);
  f.disk.remove(site(0));
  f.run(5000);
  EXPECT_EQ(0u, f.lost(LossReason::kDeleted));
  EXPECT_EQ("", f.state_of(site(0)));
}

TEST_F(FileSourceDescriptors, WhatWasWrittenToAClosedFileIsReadInItsArchive) {
  f.up();
  f.run(3000);
  sorted_news();
  ASSERT_EQ("idle, closed", f.state_of(site(0)));
  f.disk.append(site(0), "last\n");
  f.disk.rename(site(0), site(0) + ".1");
  compress(site(0) + ".1");
  f.disk.append(site(0), "first\n");
  f.run(5000);
  EXPECT_EQ((std::vector<std::string>{"first", "last"}), sorted_news());
}

TEST_F(FileSourceDescriptors, TheArchiveOfAClosedFileThatWasReadIsNoNews) {
  f.up();
  f.run(3000);
  f.disk.rename(site(0), site(0) + ".2");
  f.disk.append(site(0), "b\n");
  f.run(3000);
  f.disk.rename(site(0), site(0) + ".1");
  append_to_all("c");
  f.run(5000);
  sorted_news();
  ASSERT_EQ("rotated, read", f.state_of(site(0) + ".1"));
  compress(site(0) + ".1");
  f.run(3000);
  f.commit();
  f.crash();
  f.pass(3000);
  f.up();
  f.run(5000);
  EXPECT_EQ(std::vector<std::string>(), sorted_news());
}

TEST_F(FileSourceDescriptors, AFileThatWasRotatedBeforeItsTurnIsReadAfterAKill) {
  f.up();
  f.run(3000);
  sorted_news();
  f.disk.append("/log/new.log", "n\n");
  f.source->look_now();
  f.step();
  ASSERT_EQ("waiting: no descriptor is free", f.state_of("/log/new.log"));
  f.commit();
  f.crash();
  f.disk.rename("/log/new.log", "/log/new.log.1");
  compress("/log/new.log.1");
  f.up();
  f.run(5000);
  EXPECT_EQ(std::vector<std::string>{"n"}, sorted_news());
}

TEST_F(FileSourceDescriptors, ASecondInputGetsItsPart) {
  InputSettings other = f.settings;
  other.name = "other";
  other.path = "/other/*.log";
  f.disk.make_directory("/other");
  for (int i = 0; i < kFiles; ++i) f.disk.append("/other/" + std::to_string(i) + ".log", "x\n");
  f.up();
  FileSource second(other, f.start, f.disk, f.watcher, f.log, f.options);
  second.restore({}, f.now);
  second.begin();
  size_t read = 0;
  for (int i = 0; i < 100; ++i) {
    append_to_all("b");  // the first input always has something to do
    f.run(100);
    second.step(f.now);
    while (auto chunk = second.read(f.buffer, f.now)) {
      ++read;
      second.consume(*chunk, chunk->bytes.size(), false);
    }
  }
  EXPECT_EQ(static_cast<size_t>(kFiles), read);
  EXPECT_TRUE(second.drained());
}

TEST_F(FileSourceDescriptors, RotatedFilesAreNotHeldAtTheCostOfOthers) {
  for (int i = 0; i < 3; ++i) f.disk.append(site(0) + "." + std::to_string(i + 1), "old\n");
  f.launch();
  EXPECT_EQ(kDescriptors, f.disk.open_files());
  f.restore();
  f.commit();
  f.source->begin();
  f.run(5000);
  EXPECT_EQ(of_all("a"), sorted_news());
}

TEST_F(FileSourceDescriptors, DeletedFilesKeepTheOthersWaitingForAMinuteAtMost) {
  f.up();
  f.run(3000);
  ASSERT_EQ(of_all("a"), sorted_news());
  std::vector<std::string> others;
  for (int i = 0; i < kFiles; ++i) {
    if (f.state_of(site(i)) == "idle") {
      f.disk.remove(site(i));
    } else {
      f.disk.append(site(i), "b" + std::to_string(i) + "\n");
      others.push_back("b" + std::to_string(i));
    }
  }
  ASSERT_EQ(static_cast<size_t>(kFiles - kDescriptors), others.size());
  f.run(f.options.rotated_idle_ms / 2);
  EXPECT_EQ("", f.news());
  f.run(f.options.rotated_idle_ms);
  EXPECT_EQ(others, sorted_news());
}

TEST_F(FileSourceDescriptors, AfterTheStoreWentBackWhatCannotBeOpenedIsReadAfterAKillAndARotation) {
  f.up();
  f.run(3000);
  f.commit();
  ASSERT_EQ(of_all("a"), sorted_news());
  ASSERT_EQ("idle, closed", f.state_of(site(0)));
  f.disk.fault = [](Call call, const std::string& path) {
    return call == Call::kOpen && path == site(0) ? Status::retry("cannot open") : Status::ok();
  };
  f.go_back({});
  f.commit();
  f.disk.fault = nullptr;
  f.crash();
  f.disk.rename(site(0), site(0) + ".1");
  f.disk.append(site(0), "b0\n");
  f.up();
  f.run(5000);
  std::vector<std::string> expected = of_all("a");
  expected.push_back("b0");
  EXPECT_EQ(expected, sorted_news());
}

TEST_F(FileSourceDescriptors, AfterTheStoreWentBackWhatCouldNotBeOpenedIsStoredAsFarAsItWasRead) {
  f.up();
  f.run(3000);
  f.commit();
  f.disk.fault = [](Call call, const std::string& path) {
    return call == Call::kOpen && path == site(0) ? Status::retry("cannot open") : Status::ok();
  };
  f.go_back({});
  f.disk.fault = nullptr;
  f.run(5000);
  f.commit();
  for (const auto& [key, position] : f.store)
    EXPECT_TRUE(position.path != site(0) || position.position == 3) << position.position;
}

}  // namespace
}  // namespace lastseen
