#include "store/upsert_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kTime = 1'700'000'000'000;

Entry entry(std::string_view id, int64_t first_ms, int64_t last_ms, uint32_t input = 0,
            bool upsert = true, uint64_t count = 1) {
  return {id, first_ms, last_ms, count, input, upsert};
}

TEST(MergeRows, OneRowAClientWithNewestLastAndOldestFirst) {
  const auto rows = merge_rows({entry("a", 10, 20, 0), entry("a", 5, 30, 1), entry("b", 1, 2)});
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ("a", rows[0].client_id);
  EXPECT_EQ(30, rows[0].last_seen_ms);
  EXPECT_EQ(5, rows[0].created_ms);
  EXPECT_EQ(0u, rows[0].entries_begin);
  EXPECT_EQ(2u, rows[0].entries_end);
  EXPECT_EQ("b", rows[1].client_id);
}

TEST(MergeRows, EntryNotToUpsertGivesNoRowAndNoLastSeen) {
  EXPECT_THAT(merge_rows({entry("a", 1, 2, 0, false)}), IsEmpty());
  const auto rows = merge_rows({entry("a", 1, 99, 0, false), entry("a", 5, 7, 1)});
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(7, rows[0].last_seen_ms);
  EXPECT_EQ(1, rows[0].created_ms) << "the batch's oldest sighting all the same";
}

TEST(MergeRows, TimesBeyondTextAreBounded) {
  const auto rows = merge_rows({entry("a", INT64_MIN, INT64_MAX)});
  EXPECT_EQ(kTimeMinMs, rows[0].created_ms);
  EXPECT_EQ(kTimeMaxMs, rows[0].last_seen_ms);
}

TEST(ClampRows, FutureMovesToTheBorderAndIsCounted) {
  auto rows = merge_rows({entry("a", kTime, kTime + 1000), entry("b", kTime + 2000, kTime + 3000),
                          entry("c", kTime, kTime + 1001)});
  EXPECT_EQ(2u, clamp_rows(rows, kTime, 1000));
  EXPECT_EQ(kTime + 1000, rows[0].last_seen_ms);
  EXPECT_EQ(kTime + 1000, rows[1].last_seen_ms);
  EXPECT_EQ(kTime + 1000, rows[1].created_ms);
  EXPECT_EQ(kTime, rows[2].created_ms);
}

TEST(ClampRows, EndlessFutureMaxDoesNotOverflow) {
  auto rows = merge_rows({entry("a", 0, INT64_MAX)});
  EXPECT_EQ(0u, clamp_rows(rows, kTime, INT64_MAX));
  EXPECT_EQ(kTimeMaxMs, rows[0].last_seen_ms);
}

TEST(Quarantine, RefusedRowIsBookedToItsInputs) {
  Batch batch;
  batch.inputs.resize(3);
  batch.entries = {entry("a", 1, 2, 0, true, 4), entry("b", 1, 2, 0, false, 10),
                   entry("b", 1, 2, 1, true, 5), entry("b", 1, 2, 2, true, 6)};
  const auto rows = merge_rows(batch.entries);
  const std::vector<Refusal> refusals = {{1, "22001", "too long"}};
  const auto refused = refused_entries(batch, rows, refusals);
  EXPECT_THAT(refused, SizeIs(2)) << "what was not sent was not refused";
  EXPECT_THAT(lines_quarantined(batch, refused), ElementsAre(0, 5, 6));
  EXPECT_THAT(lines_quarantined(batch, {}), IsEmpty());
}

TEST(Quarantine, StoredDeltaStillBalances) {
  Batch batch;
  batch.inputs.push_back({"other", {}, {}});
  LedgerCounts& delta = batch.inputs.emplace_back().delta;
  delta.lines_read = 10;
  delta.committed = 8;
  delta.skip(SkipReason::kMalformed);
  delta.skip(SkipReason::kNotAllowed);
  CommitResult result;
  EXPECT_EQ(delta, stored_delta(batch, 1, result));
  result.quarantined = {0, 3};
  result.not_allowed = {0, 1};
  const LedgerCounts stored = stored_delta(batch, 1, result);
  EXPECT_EQ(4u, stored.committed);
  EXPECT_EQ(3u, stored.quarantined);
  EXPECT_EQ(2u, stored.skipped[static_cast<size_t>(SkipReason::kNotAllowed)]);
  EXPECT_EQ(stored.lines_read, stored.settled());
}

TEST(LedgerJson, IsAFlatObjectOfCountersThatAreNotZero) {
  LedgerCounts delta;
  EXPECT_EQ("{}", ledger_json(delta));
  delta.lines_read = UINT64_MAX;
  delta.skip(SkipReason::kNoClientId);
  EXPECT_EQ(R"({"lines_read":18446744073709551615,"skipped.no_client_id":1})", ledger_json(delta));
}

TEST(ClassifyFence, SaysWhyABatchDidNotPass) {
  Batch batch;
  batch.epoch = 5;
  batch.number = 10;
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, classify_fence(batch, 5, 10));
  EXPECT_EQ(CommitOutcome::kTakenOver, classify_fence(batch, 6, 10));
  EXPECT_EQ(CommitOutcome::kTakenOver, classify_fence(batch, 6, 1));
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 4, 10));
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 5, 8));
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 5, 11));
}

TEST(ClassifyFence, ChangeByHandHidesNoCommitAndMakesNone) {
  Batch batch;
  batch.epoch = 5;
  batch.number = kChangedByHand + 10;
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, classify_fence(batch, 5, 3 * kChangedByHand + 10));
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 5, 3 * kChangedByHand + 9));
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 5, 10)) << "from before that change";
  EXPECT_EQ(CommitOutcome::kWentBack, classify_fence(batch, 4, 3 * kChangedByHand + 10));
}

}  // namespace
}  // namespace lastseen
