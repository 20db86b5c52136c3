#include "base/ledger.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

LedgerCounts sample() {
  LedgerCounts counts;
  counts.lines_read = 10;
  counts.bytes_read = 1000;
  counts.committed = 6;
  counts.quarantined = 1;
  counts.skip(SkipReason::kTooLong);
  counts.skip(SkipReason::kNoClientId);
  counts.lost[static_cast<size_t>(LossReason::kQueueFull)] = 1;
  counts.lost_bytes[static_cast<size_t>(LossReason::kTruncated)] = 77;
  return counts;
}

TEST(Ledger, SettledCountsLinesAndNeverBytes) {
  EXPECT_EQ(10u, sample().settled());
}

TEST(Ledger, AddingSumsEveryCounter) {
  LedgerCounts every;
  uint64_t next = 1;
  for (const auto& reason : kSkipReasonNames) every.set("skipped." + std::string(reason), next++);
  for (const auto& reason : kLossReasonNames) every.set("lost." + std::string(reason), next++);
  for (const auto& reason : kLossReasonNames)
    every.set("lost_bytes." + std::string(reason), next++);
  for (const char* name : {"lines_read", "bytes_read", "committed", "quarantined"})
    ASSERT_TRUE(every.set(name, next++));
  LedgerCounts twice = every;
  twice.add(every);
  ASSERT_EQ(next - 1, twice.to_pairs().size());
  for (size_t i = 0; i < twice.to_pairs().size(); ++i)
    EXPECT_EQ(2 * every.to_pairs()[i].second, twice.to_pairs()[i].second);
}

TEST(Ledger, PairsNameEveryCounterThatIsNotZeroAndBringItBack) {
  LedgerCounts back;
  for (const auto& [name, value] : sample().to_pairs()) EXPECT_TRUE(back.set(name, value));
  EXPECT_EQ(sample(), back);
  EXPECT_EQ(8u, sample().to_pairs().size());
  EXPECT_TRUE(LedgerCounts().to_pairs().empty());
}

TEST(Ledger, CounterOfALaterVersionIsLeftAlone) {
  LedgerCounts counts = sample();
  EXPECT_FALSE(counts.set("skipped.a_reason_of_tomorrow", 3));
  EXPECT_EQ(sample(), counts);
}

}  // namespace
}  // namespace lastseen
