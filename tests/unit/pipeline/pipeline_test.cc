#include "unit/pipeline/pipeline_fixture.h"

namespace lastseen {
namespace {

TEST_F(PipelineTest, ReadsNothingBeforePositionsAreKnown) {
  build();
  sources_[0]->bytes = "A 1\n";
  EXPECT_FALSE(step(0).has_value());
  EXPECT_EQ(0u, sources_[0]->position);
  EXPECT_EQ("starting", pipeline_->snapshot(at(0)).state);
}

TEST_F(PipelineTest, StartChoiceIsCommittedBeforeALineIsRead) {
  build();
  sources_[0]->bytes = "A 1\n";
  load_unknown();
  const auto first = step(0);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(0u, first->entries.size());
  EXPECT_EQ(1u, first->inputs[0].positions.size());
  EXPECT_FALSE(sources_[0]->begun);
  commit();
  EXPECT_TRUE(sources_[0]->begun);
  EXPECT_EQ(1u, step(5000)->entries.size());
}

TEST_F(PipelineTest, AnInputThatIsHeldBackMakesNoStartChoiceAndOthersGoOn) {
  build(PipelineOptions(), 2);
  sources_[0]->bytes = "A 1\n";
  sources_[1]->bytes = "B 1\n";
  sources_[0]->holds_back = true;
  load_unknown();
  const auto first = step(0);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->inputs[0].held_back);
  EXPECT_EQ(0u, first->inputs[0].positions.size());
  EXPECT_EQ(1u, first->inputs[1].positions.size());
  commit();
  EXPECT_FALSE(sources_[0]->begun);
  EXPECT_EQ(1u, step(1000)->entries.size());
  commit();
  EXPECT_EQ(0u, ledger(0).totals.lines_read);
  EXPECT_EQ(1u, ledger(1).totals.lines_read);
  ASSERT_TRUE(step(2000).has_value()) << "it asks the store more often while it waits";
}

TEST_F(PipelineTest, AnInputThatWasHeldBackBeginsWhenTheStoreKnowsIt) {
  build();
  sources_[0]->bytes = "A 1\nB 2\n";
  sources_[0]->holds_back = true;
  load_unknown();
  ASSERT_TRUE(step(0).has_value());
  commit();
  sources_[0]->losses.lost_bytes[0] = 7;
  EXPECT_FALSE(step(500).has_value()) << "what waits is no reason for a batch";
  FlushReply reply;
  reply.kind = FlushReply::Kind::kPositions;
  reply.state.inputs.push_back({"input0", {}, {}});
  reply.state.inputs[0].positions.emplace_back().position = 4;
  pipeline_->deliver(std::move(reply), at(1000));
  const auto batch = step(1000);
  ASSERT_TRUE(batch.has_value());
  EXPECT_FALSE(batch->inputs[0].held_back);
  EXPECT_EQ(1u, batch->inputs[0].delta.lines_read);
  EXPECT_EQ(7u, batch->inputs[0].delta.lost_bytes[0]);
}

TEST_F(PipelineTest, BatchTellsWhenItsLinesWereRead) {
  build();
  sources_[0]->bytes = "Z 1\n";
  load_known();
  ASSERT_EQ(1u, step(0)->reads.size());
  commit();
  sources_[0]->bytes += "A 10\nrubbish\nB 20\n";
  EXPECT_FALSE(step(100).has_value());
  sources_[0]->bytes += "A 30\n";
  const auto batch = step(5000);
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(2u, batch->reads.size());
  EXPECT_EQ(100, batch->reads[0].mono_ms);
  EXPECT_EQ(2u, batch->reads[0].lines);
  EXPECT_EQ(5000, batch->reads[1].mono_ms);
  EXPECT_EQ(1u, batch->reads[1].lines);
}

TEST_F(PipelineTest, BatchHoldsMergedSightingsPositionAndLedger) {
  build();
  sources_[0]->bytes = "A 10\nB 20\nA 30\nrubbish\nC 4";
  load_known();
  const auto batch = step(0);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(2u, batch->entries.size());
  const LedgerCounts& delta = batch->inputs[0].delta;
  EXPECT_EQ(4u, delta.lines_read);
  EXPECT_EQ(3u, delta.committed);
  EXPECT_EQ(1u, delta.skipped_sum());
  EXPECT_EQ(23u, batch->inputs[0].positions[0].position);
  EXPECT_EQ(3u, ledger().pending);
  expect_balanced();
  commit();
  EXPECT_EQ(3u, ledger().totals.committed);
  EXPECT_EQ(0u, ledger().pending);
  expect_balanced();
}

TEST_F(PipelineTest, QuarantinedLinesAreBookedToTheirInput) {
  build(PipelineOptions(), 2);
  sources_[0]->bytes = "A 1\nA 2\n";
  sources_[1]->bytes = "A 3\n";
  load_known();
  ASSERT_TRUE(step(0).has_value());
  commit({2, 0});
  EXPECT_EQ(2u, ledger(0).totals.quarantined);
  EXPECT_EQ(0u, ledger(0).totals.committed);
  EXPECT_EQ(1u, ledger(1).totals.committed);
  expect_balanced();
}

TEST_F(PipelineTest, NoSecondBatchWhileOneIsOut) {
  build();
  sources_[0]->bytes = "A 1\n";
  load_known();
  ASSERT_TRUE(step(0).has_value());
  sources_[0]->bytes += "B 2\n";
  EXPECT_FALSE(step(60'000).has_value());
  EXPECT_EQ(2u, ledger().pending);
  commit();
  EXPECT_TRUE(step(60'001).has_value());
}

TEST_F(PipelineTest, FlushIntervalPassesBetweenTwoBatches) {
  build();
  load_known();
  sources_[0]->bytes = "A 1\n";
  ASSERT_TRUE(step(100).has_value());
  commit();
  sources_[0]->bytes += "A 2\n";
  EXPECT_FALSE(step(1099).has_value());
  EXPECT_TRUE(step(1100).has_value());
}

TEST_F(PipelineTest, ManyNewClientsMakeAFlushComeEarlier) {
  PipelineOptions options;
  options.flush_clients = 3;
  build(options);
  load_known();
  sources_[0]->bytes = "A 1\n";
  ASSERT_TRUE(step(0).has_value());
  commit();
  sources_[0]->bytes += "A 2\nB 2\n";
  EXPECT_FALSE(step(10).has_value());
  sources_[0]->bytes += "C 2\n";
  EXPECT_TRUE(step(20).has_value());
}

TEST_F(PipelineTest, FullBufferPausesReadingAndNoLineIsLost) {
  PipelineOptions options;
  options.clients_max = 5;  // 4 for files
  build(options);
  for (char id = 'A'; id <= 'J'; ++id) sources_[0]->bytes += std::string(1, id) + " 1\n";
  load_known();
  uint64_t clients = 0;
  for (int64_t ms = 0; ms < 100; ++ms) {
    const auto batch = step(ms);
    EXPECT_GE(5u, pipeline_->snapshot(at(ms)).buffer_clients);
    if (!batch) continue;
    clients += batch->entries.size();
    commit();
  }
  EXPECT_EQ(10u, clients);
  EXPECT_EQ(10u, ledger().totals.lines_read);
  EXPECT_EQ(10u, ledger().totals.committed);
}

TEST_F(PipelineTest, IdleAgentSendsAnEmptyBatchNowAndThen) {
  build();
  load_known();
  EXPECT_FALSE(step(0).has_value());
  EXPECT_FALSE(step(8'999).has_value());
  const auto heartbeat = step(10'000);
  ASSERT_TRUE(heartbeat.has_value());
  EXPECT_TRUE(heartbeat->entries.empty());
}

TEST_F(PipelineTest, StoreThatWentBackMakesSourcesRewindAndTheLedgerFollowsTheStore) {
  build();
  sources_[0]->bytes = "A 1\nB 2\nC 3\n";
  load_known();
  ASSERT_TRUE(step(0).has_value());
  FlushReply reply;
  reply.kind = FlushReply::Kind::kPositions;
  AgentState::Input known;
  known.name = "input0";
  known.positions.resize(1);
  known.positions[0].position = 4;
  known.totals.lines_read = known.totals.committed = 1;
  reply.state.inputs.push_back(known);
  pipeline_->deliver(std::move(reply), at(0));
  EXPECT_EQ(0u, ledger().pending);
  const auto batch = step(5000);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(2u, batch->entries.size());
  commit();
  EXPECT_EQ(3u, ledger().totals.lines_read);
  expect_balanced();
}

TEST_F(PipelineTest, RequestedFlushReadsWhatIsWrittenAndReturnsWhenItIsCommitted) {
  build();
  load_known();
  sources_[0]->bytes = "A 1\n";
  ASSERT_TRUE(step(0).has_value());
  commit();
  sources_[0]->bytes += "B 2\n";
  bool done = false;
  pipeline_->request_flush([&](const Status& status) { done = status.is_ok(); });
  EXPECT_EQ(1, sources_[0]->looks);
  const auto batch = step(1);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(1u, batch->entries.size());
  EXPECT_FALSE(done);
  commit();
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, RequestedFlushWaitsForAllThatStoodThereAndNotForWhatCame) {
  build();
  load_known();
  sources_[0]->chunk_bytes = 4;  // a turn reads some of them
  for (int line = 0; line < 10'000; ++line) sources_[0]->bytes += "A 1\n";
  sources_[0]->bytes += "L 1\n";
  ASSERT_TRUE(step(0).has_value());
  commit();
  bool done = false;
  pipeline_->request_flush([&](Status) { done = true; });
  bool last_seen = false;
  for (int64_t ms = 1; !done && ms < 3000; ++ms) {
    for (int line = 0; line < 20; ++line) sources_[0]->bytes += "B 1\n";  // faster than it is read
    const auto batch = step(ms);
    if (!batch) continue;
    for (const Entry& entry : batch->entries) last_seen |= entry.client_id == "L";
    commit();
    EXPECT_TRUE(!done || last_seen);
  }
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, RequestedFlushWithNothingToCommitIsDoneAtOnce) {
  build();
  load_known();
  bool done = false;
  pipeline_->request_flush([&](const Status& status) { done = status.is_ok(); });
  EXPECT_FALSE(step(1).has_value());
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, RequestedFlushWaitsForTheBatchThatIsOutAndThenForItsOwn) {
  build();
  load_known();
  sources_[0]->bytes = "A 1\n";
  ASSERT_TRUE(step(0).has_value());
  sources_[0]->bytes += "B 2\n";
  bool done = false;
  pipeline_->request_flush([&](Status) { done = true; });
  EXPECT_FALSE(step(1).has_value());
  commit();
  EXPECT_FALSE(done);
  ASSERT_TRUE(step(2).has_value());
  commit();
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, RequestedFlushIsNotDoneWithTheStartChoiceAlone) {
  build();
  sources_[0]->bytes = "A 1\n";
  load_unknown();
  bool done = false;
  pipeline_->request_flush([&](Status) { done = true; });
  ASSERT_TRUE(step(0).has_value());
  commit();
  EXPECT_FALSE(done);
  const auto batch = step(1);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(1u, batch->entries.size());
  commit();
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, StopCommitsWhatWasReadAndReadsNoMore) {
  build();
  load_known();
  sources_[0]->bytes = "A 1\n";
  ASSERT_TRUE(step(0).has_value());
  sources_[0]->bytes += "B 2\n";
  step(1);
  sources_[0]->bytes += "C 3\n";
  pipeline_->stop();
  EXPECT_FALSE(pipeline_->finished());
  commit();
  const auto last = step(2);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(1u, last->entries.size());
  commit();
  step(3);
  EXPECT_TRUE(pipeline_->finished());
  EXPECT_EQ(2u, ledger().totals.committed);
}

TEST_F(PipelineTest, StopBeforePositionsAreKnownEndsAtOnce) {
  build();
  pipeline_->stop();
  step(0);
  EXPECT_TRUE(pipeline_->finished());
}

TEST_F(PipelineTest, OnceEndsByItselfWhenEverythingIsReadAndCommitted) {
  PipelineOptions options;
  options.once = true;
  build(options);
  sources_[0]->bytes = "A 1\nhalf a li";
  load_unknown();
  ASSERT_TRUE(step(0).has_value());
  commit();
  ASSERT_TRUE(step(1).has_value());
  commit();
  step(2);
  EXPECT_TRUE(pipeline_->finished());
  EXPECT_EQ(1u, ledger().totals.lines_read);
}

TEST_F(PipelineTest, OverLongLineIsOneSkipAndTheNextLineIsRead) {
  build();
  sources_[0]->chunk_bytes = 100;
  sources_[0]->bytes = std::string(1000, 'x') + "\nA 1\n";
  load_known();
  ASSERT_TRUE(step(0).has_value());
  commit();
  EXPECT_EQ(2u, ledger().totals.lines_read);
  EXPECT_EQ(1u, ledger().totals.skipped[static_cast<size_t>(SkipReason::kLineTooLong)]);
  EXPECT_EQ(1u, ledger().totals.committed);
  EXPECT_EQ(sources_[0]->bytes.size(), ledger().totals.bytes_read);
}

TEST_F(PipelineTest, BusyInputDoesNotStarveAnother) {
  build(PipelineOptions(), 2);
  sources_[0]->chunk_bytes = 8;
  for (int i = 0; i < 10'000; ++i) sources_[0]->bytes += "A 1\n";
  sources_[1]->bytes = "B 2\n";
  load_known();
  step(0);
  EXPECT_EQ(1u, ledger(1).totals.lines_read);
}

}  // namespace
}  // namespace lastseen
