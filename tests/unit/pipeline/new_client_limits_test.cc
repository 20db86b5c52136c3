// What a batch may add, by the time of its sightings.
#include "pipeline/new_client_limits.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;

class NewClientLimit : public ::testing::Test {
 protected:
  /// A batch whose sightings cover these times of the log, read at `wall_ms`. What it may add.
  uint64_t grant(int64_t oldest_ms, int64_t newest_ms, int64_t wall_ms) {
    batch_ = Batch();
    batch_.inputs.resize(1);
    batch_.inputs[0].name = "nginx";
    batch_.inputs[0].new_per_second_max = limit_;
    batch_.entries.push_back({"a", oldest_ms, newest_ms, 2, 0, true});
    limits_.grant(batch_, {0, wall_ms});
    return batch_.inputs[0].new_clients_max;
  }
  void add(uint64_t clients) {
    CommitResult result;
    result.added = {clients};
    limits_.committed(batch_, result);
  }

  std::optional<uint64_t> limit_ = 10;
  NewClientLimits limits_;
  Batch batch_;
};

TEST_F(NewClientLimit, NoLimitIsAnyNumberAndInsertFalseNone) {
  limit_ = std::nullopt;
  EXPECT_EQ(UINT64_MAX, grant(kStart, kStart, kStart));
  limit_ = 0;
  EXPECT_EQ(0u, grant(kStart, kStart + 5000, kStart + 5000));
}

TEST_F(NewClientLimit, SteadySecondsGrantTheLimitEach) {
  uint64_t added = 0;
  for (int64_t ms = kStart; ms < kStart + 100'000; ms += 1000) {
    const uint64_t granted = grant(ms, ms + 999, ms + 999);
    added += granted;
    add(granted);
  }
  EXPECT_GE(1010u, added);
  EXPECT_LE(990u, added);
}

TEST_F(NewClientLimit, QuietHourIsNoCreditForTheBurstAfterIt) {
  grant(kStart, kStart, kStart);
  EXPECT_EQ(10u, grant(kStart + 3'600'000, kStart + 3'600'500, kStart + 3'600'500));
}

TEST_F(NewClientLimit, WhatIsReadLateIsGrantedTheTimeItCovers) {
  EXPECT_EQ(6000u, grant(kStart, kStart + 600'000, kStart + 7'200'000));
  add(6000);
  EXPECT_EQ(3000u, grant(kStart + 600'000, kStart + 900'000, kStart + 7'200'000));
}

TEST_F(NewClientLimit, TimesOfTheFutureAndOfLongAgoGiveNothing) {
  grant(kStart, kStart, kStart);
  add(10);
  EXPECT_EQ(10u, grant(kStart, INT64_MAX, kStart + 1000));
  add(10);
  EXPECT_EQ(0u, grant(INT64_MIN, kStart + 1000, kStart + 1000));
}

TEST_F(NewClientLimit, ClockThatWasSetBackDoesNotStopItForLong) {
  grant(kStart, kStart + 3'600'000, kStart + 3'600'000);
  add(36'000);
  grant(kStart, kStart, kStart);
  EXPECT_EQ(10u, grant(kStart, kStart + 1000, kStart + 1000));
}

TEST_F(NewClientLimit, LostReplyCountsAllThatWasGranted) {
  grant(kStart, kStart, kStart);
  CommitResult result;
  result.outcome = CommitOutcome::kAlreadyCommitted;
  limits_.committed(batch_, result);
  EXPECT_EQ(0u, grant(kStart, kStart, kStart));
}

TEST_F(NewClientLimit, BatchThatTheStoreLostUsedNothing) {
  EXPECT_EQ(10u, grant(kStart, kStart, kStart));
  EXPECT_EQ(10u, grant(kStart, kStart, kStart));
}

}  // namespace
}  // namespace lastseen
