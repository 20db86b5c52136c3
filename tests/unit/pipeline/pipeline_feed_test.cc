// Feeds: read at any time, and nothing of them can be read again.
#include "unit/pipeline/pipeline_fixture.h"

namespace lastseen {
namespace {

TEST_F(PipelineFeedTest, RecordsAreLinesWhateverTheyHold) {
  build();
  feed().add_record("A 1\n");
  feed().add_record("B\nC 2");
  feed().add_record("");
  feed().add_record(std::string(65, 'x'));
  feed().add_record("D 3\r\n");
  load_known();
  const auto batch = step(0);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(3u, batch->entries.size());
  EXPECT_EQ("B\nC", batch->entries[1].client_id);
  const LedgerCounts& delta = batch->inputs[0].delta;
  EXPECT_EQ(5u, delta.lines_read);
  EXPECT_EQ(1u, delta.skipped[static_cast<size_t>(SkipReason::kMalformed)]);
  EXPECT_EQ(1u, delta.skipped[static_cast<size_t>(SkipReason::kLineTooLong)]);
  EXPECT_EQ(79u, delta.bytes_read);
  expect_balanced();
}

TEST_F(PipelineFeedTest, IsReadBeforePositionsAreKnownAndKeptWhenTheyAre) {
  build(PipelineOptions(), 2);
  feed().add_record("A 1");
  sources_[1]->bytes = "B 2\n";
  EXPECT_FALSE(step(0).has_value());
  EXPECT_EQ(1u, ledger(0).pending);
  EXPECT_EQ(0u, ledger(1).pending);
  load_known();
  const auto batch = step(0);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(2u, batch->entries.size());
  expect_balanced();
}

TEST_F(PipelineFeedTest, FillsTheBufferWhenFilesPauseAndCountsWhatItDrops) {
  PipelineOptions options;
  options.clients_max = 10;
  build(options, 2);
  load_known();
  sources_[1]->bytes = "f1 1\nf2 1\nf3 1\nf4 1\nf5 1\nf6 1\nf7 1\nf8 1\nf9 1\n";
  ASSERT_TRUE(step(0).has_value());
  EXPECT_EQ(8u, ledger(1).pending);  // 80 %
  for (const char* record : {"a 1", "b 1", "c 1", "a 9", "d 1", "b 9"}) feed().add_record(record);
  step(1);
  EXPECT_EQ(4u, ledger(0).pending);
  EXPECT_EQ(2u, ledger(0).totals.lost[static_cast<size_t>(LossReason::kBufferFull)]);
  expect_balanced();
  commit();
  const auto batch = step(5000);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(9, batch->entries[0].last_seen_ms);
  EXPECT_EQ(2u, batch->entries[0].count);
  expect_balanced();
}

TEST_F(PipelineFeedTest, StopTakesInWhatHadArrivedBeforeTheLastBatch) {
  build();
  load_known();
  pipeline_->stop();
  EXPECT_TRUE(feed().end_called);
  EXPECT_FALSE(step(0).has_value());  // it has not ended yet
  EXPECT_FALSE(pipeline_->finished());
  feed().add_record("A 1");
  feed().over = true;
  const Pipeline::Step last = pipeline_->step(at(1));
  ASSERT_TRUE(last.batch.has_value());
  EXPECT_TRUE(last.last);
  commit();
  step(2);
  EXPECT_TRUE(pipeline_->finished());
}

TEST_F(PipelineFeedTest, StopWithoutPositionsWaitsOnlyForWhatAFeedBrought) {
  build();
  pipeline_->stop();
  feed().over = true;
  step(0);
  EXPECT_TRUE(pipeline_->finished());
  build();
  feed().add_record("A 1");
  feed().over = true;
  step(0);
  pipeline_->stop();
  step(1);
  EXPECT_FALSE(pipeline_->finished());
}

TEST_F(PipelineFeedTest, FlushWaitsForWhatTheFeedHadReceived) {
  build();
  load_known();
  step(0);
  feed().has_looked = false;
  bool done = false;
  pipeline_->request_flush([&](Status) { done = true; });
  step(1);
  EXPECT_FALSE(done);
  feed().add_record("A 1");
  feed().has_looked = true;
  ASSERT_TRUE(step(2).has_value());
  commit();
  EXPECT_TRUE(done);
}

TEST_F(PipelineFeedTest, FlushDoesNotWaitForeverForAFeedThatNeverLooks) {
  build();
  load_known();
  feed().has_looked = false;
  bool done = false;
  pipeline_->request_flush([&](Status) { done = true; });
  for (int64_t ms = 1; ms < 200; ++ms) step(ms);
  EXPECT_TRUE(done);
}

TEST_F(PipelineFeedTest, EndOfEveryInputIsAStop) {
  build();
  load_known();
  feed().add_record("A 1");
  step(0);
  commit();
  EXPECT_FALSE(pipeline_->stopping());
  feed().over = true;
  step(1);
  EXPECT_TRUE(pipeline_->stopping());
}

}  // namespace
}  // namespace lastseen
