#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "fakes/fake_source.h"

namespace lastseen {
namespace {

// "ID TIME" is a sighting; anything else is malformed.
class WordParser final : public Parser {
 public:
  ParseResult parse(std::string_view line) override {
    ParseResult result;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return result;
    result.sighted = result.has_time = true;
    result.client_id = line.substr(0, space);
    result.seen_at_ms = std::stoll(std::string(line.substr(space + 1)));
    return result;
  }
};

class PipelineTest : public testing::Test {
 protected:
  void build(PipelineOptions options, int inputs = 1) {
    std::vector<PipelineInput> parts;
    sources_.clear();
    for (int i = 0; i < inputs; ++i) {
      auto source = std::make_unique<FakeSource>();
      sources_.push_back(source.get());
      PipelineInput& input = parts.emplace_back();
      input.name = "input" + std::to_string(i);
      input.source = std::move(source);
      input.parser = std::make_unique<WordParser>();
      input.line_bytes_max = 64;
      input.urgent = input.feed = urgent_ && i == 0;
    }
    pipeline_.emplace(std::move(options), std::move(parts), at(0));
  }
  void build() { build(PipelineOptions()); }
  static Now at(int64_t ms) { return {ms, 1'000'000 + ms}; }

  // The store knows every input, and nothing of it.
  void load_known() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    for (size_t i = 0; i < sources_.size(); ++i)
      reply.state.inputs.push_back({"input" + std::to_string(i), {}, {}});
    pipeline_->deliver(std::move(reply), at(0));
  }
  void load_unknown() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    pipeline_->deliver(std::move(reply), at(0));
  }
  std::optional<Batch> step(int64_t ms) { return std::move(pipeline_->step(at(ms)).batch); }
  void commit(std::vector<uint64_t> quarantined = {}) {
    FlushReply reply;
    reply.result.quarantined = std::move(quarantined);
    pipeline_->deliver(std::move(reply), at(0));
  }
  InputSnapshot ledger(size_t input = 0) { return pipeline_->snapshot(at(0)).inputs[input]; }
  void expect_balanced() {
    for (size_t i = 0; i < sources_.size(); ++i)
      EXPECT_EQ(ledger(i).totals.lines_read, ledger(i).totals.settled() + ledger(i).pending);
  }

  bool urgent_ = false;  // the first input is a feed
  std::vector<FakeSource*> sources_;
  std::optional<Pipeline> pipeline_;
};

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
  pipeline_->request_flush([&](Status status) { done = status.is_ok(); });
  EXPECT_EQ(1, sources_[0]->looks);
  const auto batch = step(1);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(1u, batch->entries.size());
  EXPECT_FALSE(done);
  commit();
  EXPECT_TRUE(done);
}

TEST_F(PipelineTest, RequestedFlushWithNothingToCommitIsDoneAtOnce) {
  build();
  load_known();
  bool done = false;
  pipeline_->request_flush([&](Status status) { done = status.is_ok(); });
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

// --- feeds

class PipelineFeedTest : public PipelineTest {
 protected:
  PipelineFeedTest() { urgent_ = true; }
  FakeSource& feed() { return *sources_[0]; }
};

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

// --- feeds and the spill

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
    if (!file_.empty()) pipeline_->found_spill(*decode_spill("agent", file_));
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

TEST_F(PipelineSpillTest, TakenUpBeyondTheBufferIsCounted) {
  PipelineOptions options = named();
  build();
  for (int i = 0; i < 20; ++i) feed().add_record("client" + std::to_string(i) + " 1");
  spilling_step(2000);
  options.clients_max = 10;
  PipelineTest::build(options);
  pipeline_->found_spill(*decode_spill("agent", file_));
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
