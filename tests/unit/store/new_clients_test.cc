// Who may be added to the table, and where the lines of the others are counted.
#include "store/new_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Input 0 may add `first_max` clients, input 1 any number.
Batch batch_of(uint64_t first_max, std::vector<Entry> entries) {
  Batch batch;
  batch.inputs.resize(2);
  batch.inputs[0].name = "limited";
  batch.inputs[0].new_clients_max = first_max;
  batch.inputs[1].name = "free";
  batch.entries = std::move(entries);
  return batch;
}

Entry seen(std::string_view id, int64_t first_ms, uint64_t lines = 1, uint32_t input = 0,
           bool upsert = true) {
  return {id, first_ms, first_ms + 9, lines, input, upsert};
}

std::vector<std::string> ids_of(const std::vector<UpsertRow>& rows) {
  std::vector<std::string> ids;
  for (const UpsertRow& row : rows) ids.emplace_back(row.client_id);
  return ids;
}

TEST(NewClients, WithoutALimitTheTableIsNotAsked) {
  const Batch batch = batch_of(UINT64_MAX, {seen("a", 1), seen("b", 1)});
  EXPECT_FALSE(has_limits(batch));
  EXPECT_THAT(limited_rows(batch, merge_rows(batch.entries)), IsEmpty());
}

TEST(NewClients, ClientThatAFreeInputSendsTooIsNotLimited) {
  const Batch batch =
      batch_of(0, {seen("a", 1), seen("b", 1), seen("b", 1, 1, 1), seen("c", 1, 1, 1)});
  EXPECT_THAT(limited_rows(batch, merge_rows(batch.entries)), ElementsAre(0));
}

TEST(NewClients, WhoWasSeenFirstIsAddedWhateverItsId) {
  const Batch batch = batch_of(2, {seen("a", 40), seen("b", 10), seen("c", 30), seen("d", 20, 3)});
  auto rows = merge_rows(batch.entries);
  CommitResult result;
  leave_out(batch, rows, {0, 1, 2, 3}, &result);
  EXPECT_THAT(ids_of(rows), ElementsAre("b", "d"));
  EXPECT_THAT(result.added, ElementsAre(2, 0));
  EXPECT_THAT(result.not_allowed, ElementsAre(2, 0));
  EXPECT_THAT(result.left_out, ElementsAre(0, 2));
  EXPECT_EQ(2u, result.rows);
}

TEST(NewClients, ClientsThatTheTableHasTakeNothingOfTheLimit) {
  const Batch batch = batch_of(0, {seen("known", 1, 5), seen("new", 1, 7)});
  auto rows = merge_rows(batch.entries);
  CommitResult result;
  leave_out(batch, rows, {1}, &result);
  EXPECT_THAT(ids_of(rows), ElementsAre("known"));
  EXPECT_THAT(result.not_allowed, ElementsAre(7, 0));
}

TEST(NewClients, LinesThatWereSentBeforeStayCommitted) {
  const Batch batch = batch_of(0, {seen("a", 1, 5), seen("a", 1, 7, 1, false)});
  auto rows = merge_rows(batch.entries);
  CommitResult result;
  leave_out(batch, rows, {0}, &result);
  EXPECT_THAT(rows, IsEmpty());
  EXPECT_THAT(result.not_allowed, ElementsAre(5, 0));
  EXPECT_THAT(result.left_out, ElementsAre(0));
}

TEST(NewClients, LostReplyTellsByTheStoredTotal) {
  Batch batch = batch_of(0, {});
  batch.inputs[0].not_allowed_total = 10;
  batch.inputs[0].delta.committed = 6;
  CommitResult result;
  note_not_allowed(batch, "free", 0, &result);
  note_not_allowed(batch, "gone", 99, &result);
  EXPECT_THAT(result.not_allowed, IsEmpty());
  note_not_allowed(batch, "limited", 14, &result);
  EXPECT_THAT(result.not_allowed, ElementsAre(4, 0));
}

TEST(NewClients, TotalsThatWereTakenMeanwhileMoveNoMoreLinesThanTheBatchHas) {
  Batch batch = batch_of(0, {});
  batch.inputs[0].delta.committed = 6;
  CommitResult result;
  result.quarantined = {2, 0};
  note_not_allowed(batch, "limited", 1'000, &result);
  EXPECT_THAT(result.not_allowed, ElementsAre(4, 0));
}

}  // namespace
}  // namespace lastseen
