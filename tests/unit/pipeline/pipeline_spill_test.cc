// Feeds and the spill: what a late commit, a stop or a kill leaves behind.
#include "unit/pipeline/pipeline_fixture.h"

namespace lastseen {
namespace {

class PipelineSpillTest : public PipelineFeedTest {
 protected:
  void known(uint64_t batch, LedgerCounts totals = {}) {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    reply.state.batch = batch;
    reply.state.inputs.push_back({"input0", {}, totals});
    pipeline_->deliver(std::move(reply), at(0));
  }
  // A step that carries the spill out; its batch.
  std::optional<Batch> spilling_step(int64_t ms) {
    Pipeline::Step step = pipeline_->step(at(ms));
    if (step.spill) {
      file_ = step.spill->bytes.value_or("");
      pipeline_->spilled(SpillResult::kDone, at(ms));
    }
    return std::move(step.batch);
  }
  // The agent is gone, and another one starts with what is on the disk.
  void restart() {
    build();
    if (!file_.empty()) pipeline_->found_spill(*decode_spill({"agent"}, file_));
  }
  PipelineOptions named() {
    PipelineOptions options;
    options.agent_id = "agent";
    return options;
  }
  void build() { PipelineTest::build(named()); }

  std::string file_;
};

TEST_F(PipelineSpillTest, WhatALateCommitHeldIsTakenUpByTheNextRun) {
  build();
  known(40);
  feed().add_record("A 5");
  feed().add_record("rubbish");
  ASSERT_TRUE(spilling_step(0).has_value());
  feed().add_record("A 7");
  feed().add_record("B 6");
  spilling_step(1500);
  ASSERT_FALSE(file_.empty());
  restart();
  known(40);
  EXPECT_EQ(3u, ledger().pending);
  const auto batch = spilling_step(5000);
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(2u, batch->entries.size());
  EXPECT_EQ(5, batch->entries[0].first_seen_ms);
  EXPECT_EQ(7, batch->entries[0].last_seen_ms);
  EXPECT_EQ(2u, batch->entries[0].count);
  EXPECT_EQ(4u, batch->inputs[0].delta.lines_read);
  EXPECT_EQ(1u, batch->inputs[0].delta.skipped_sum());
  expect_balanced();
  commit();
  spilling_step(5001);
  EXPECT_EQ("", file_);
}

TEST_F(PipelineSpillTest, WhatWasCommittedAfterAllIsNotCountedTwice) {
  build();
  known(40);
  feed().add_record("A 5");
  ASSERT_TRUE(spilling_step(0).has_value());
  feed().add_record("B 6");
  spilling_step(1500);
  restart();
  LedgerCounts totals;
  totals.lines_read = totals.committed = 1;
  known(41, totals);
  const auto batch = spilling_step(5000);
  ASSERT_EQ(1u, batch->entries.size());
  EXPECT_EQ("B", batch->entries[0].client_id);
  EXPECT_EQ(2u, ledger().totals.lines_read);
  expect_balanced();
}

TEST_F(PipelineSpillTest, CrashAfterTheNextRunsCommitCountsNothingTwice) {
  build();
  feed().add_record("A 5");
  spilling_step(2000);  // no positions yet: the file names no batch
  restart();
  known(40);
  ASSERT_TRUE(spilling_step(5000).has_value());
  restart();  // batch 41 was committed, and the file is still there
  known(41);
  EXPECT_EQ(0u, ledger().pending);
  spilling_step(5001);
  EXPECT_EQ("", file_);
}

TEST_F(PipelineSpillTest, StoreThatWentBackCostsAFeedOnlyWhatTheStoreForgot) {
  build();
  known(40);
  for (const char* record : {"A 1", "A 2", "rubbish"}) feed().add_record(record);
  ASSERT_TRUE(spilling_step(0).has_value());
  commit();
  feed().add_record("B 3");
  ASSERT_TRUE(spilling_step(5000).has_value());
  feed().add_record("C 4");
  spilling_step(5001);
  known(39);  // the store forgot batch 41, and 42 is void
  EXPECT_EQ(2u, ledger().pending);
  EXPECT_EQ(5u, ledger().totals.lines_read);
  EXPECT_EQ(2u, ledger().totals.lost[static_cast<size_t>(LossReason::kStoreWentBack)]);
  EXPECT_EQ(1u, ledger().totals.skipped_sum());
  expect_balanced();
  EXPECT_EQ(2u, spilling_step(10'000)->entries.size());
}

TEST_F(PipelineSpillTest, WhatWasReplayedFromTheQuarantineIsNotForgotten) {
  build();
  known(40);
  for (const char* record : {"A 1", "B 2", "C 3"}) feed().add_record(record);
  ASSERT_TRUE(spilling_step(0).has_value());
  commit({1});
  LedgerCounts replayed = ledger().totals;
  replayed.committed += std::exchange(replayed.quarantined, 0);
  known(42, replayed);  // somebody set a position
  EXPECT_EQ(3u, ledger().totals.lines_read);
  EXPECT_EQ(0u, ledger().totals.lost_sum());
  expect_balanced();
}

TEST_F(PipelineSpillTest, TakenUpBeyondTheBufferIsCounted) {
  PipelineOptions options = named();
  build();
  for (int i = 0; i < 20; ++i) feed().add_record("client" + std::to_string(i) + " 1");
  spilling_step(2000);
  options.clients_max = 10;
  PipelineTest::build(options);
  pipeline_->found_spill(*decode_spill({"agent"}, file_));
  known(40);
  EXPECT_EQ(10u, ledger().pending);
  EXPECT_EQ(10u, ledger().totals.lost[static_cast<size_t>(LossReason::kBufferFull)]);
  expect_balanced();
}

TEST_F(PipelineSpillTest, StopIsSavedOnceEverythingIsTakenIn) {
  build();
  feed().add_record("A 1");
  spilling_step(0);
  pipeline_->stop();
  pipeline_->save_feeds();
  spilling_step(1);
  EXPECT_EQ("", file_);
  EXPECT_FALSE(pipeline_->snapshot(at(1)).feeds_saved);
  feed().over = true;
  spilling_step(2);
  EXPECT_NE("", file_);
  EXPECT_TRUE(pipeline_->snapshot(at(2)).feeds_saved);
}

}  // namespace
}  // namespace lastseen
