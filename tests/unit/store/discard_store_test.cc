#include "store/discard_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastseen {
namespace {

CommitResult commit(Store& store, uint64_t epoch, uint64_t number) {
  Batch batch;
  batch.epoch = epoch;
  batch.number = number;
  batch.inputs.resize(2);
  batch.entries = {{"a", 1, 2, 3, 0, true}, {"a", 1, 2, 3, 1, true}, {"b", 1, 2, 3, 0, false}};
  return std::get<CommitResult>(store.commit("web-1", batch));
}

TEST(DiscardStore, CountsRowsAndKeepsNothing) {
  DiscardStore store;
  EXPECT_EQ(1u, std::get<AgentState>(store.load("web-1")).epoch);
  const CommitResult result = commit(store, 1, 1);
  EXPECT_EQ(CommitOutcome::kCommitted, result.outcome);
  EXPECT_EQ(1u, result.rows);
  EXPECT_THAT(std::get<AgentState>(store.load("web-1")).inputs, ::testing::IsEmpty());
  EXPECT_EQ(StatusCode::kNotFound, store.clients({}).status().code());
}

TEST(DiscardStore, FenceWorks) {
  DiscardStore store;
  EXPECT_EQ(0u, std::get<AgentState>(store.load("web-1")).batch);
  commit(store, 1, 1);
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, commit(store, 1, 1).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(store, 1, 2).outcome);
  EXPECT_EQ(2u, std::get<AgentState>(store.load("web-1")).batch);
  EXPECT_EQ(CommitOutcome::kTakenOver, commit(store, 1, 3).outcome);
}

}  // namespace
}  // namespace lastseen
