#include "pipeline/flusher.h"

#include <gtest/gtest.h>

#include <string>

#include "fakes/recording_log.h"

namespace lastseen {
namespace {

using Action = Flusher::Action;

class FlusherTest : public testing::Test {
 protected:
  static Now at(int64_t ms) { return {ms, ms}; }

  void load(uint64_t epoch = 1, uint64_t batch = 0) {
    AgentState state;
    state.epoch = epoch;
    state.batch = batch;
    flusher_.loaded(state, at(0));
    ASSERT_TRUE(flusher_.take_reply().has_value());
  }
  void offer(const std::string& id = "A") {
    Batch batch;
    batch.inputs.resize(1);
    batch.entries.push_back({batch.ids.add(id), 1, 1, 1, 0, true});
    flusher_.offer(std::move(batch), false, at(0));
  }
  void fail(StoreTrouble trouble, int64_t ms, const std::string& message = "gone") {
    const StoreError error{trouble, "", message};
    switch (flusher_.step(at(ms)).action) {
      case Action::kLoad:
        return flusher_.loaded(error, at(ms));
      case Action::kProbe:
        return flusher_.probed(error, at(ms));
      default:
        return flusher_.committed(error, at(ms), at(ms));
    }
  }
  void answer(CommitOutcome outcome) {
    CommitResult result;
    result.outcome = outcome;
    flusher_.committed(result, at(0), at(3));
  }
  // The client that offer() names by itself is known to be in the table then.
  void commit_first() {
    load();
    offer();
    answer(CommitOutcome::kCommitted);
    flusher_.take_reply();
  }
  Action action(int64_t ms) { return flusher_.step(at(ms)).action; }
  // The first millisecond at which something is to be done again.
  int64_t next_try(int64_t from_ms) {
    return action(from_ms) == Action::kWait ? flusher_.step(at(from_ms)).until_mono_ms : from_ms;
  }

  int64_t now_ = 0;
  RecordingLog log_;
  Flusher flusher_{FlusherOptions{}, log_};
};

TEST_F(FlusherTest, StartsByLoadingPositionsAndTellsThem) {
  EXPECT_EQ(Action::kLoad, action(0));
  load(3, 17);
  EXPECT_EQ(Action::kWait, action(0));
  EXPECT_TRUE(flusher_.snapshot().positions_loaded);
}

TEST_F(FlusherTest, BatchFollowsTheNumberOfTheFence) {
  load(3, 17);
  offer();
  EXPECT_EQ(Action::kCommit, action(0));
  EXPECT_EQ(3u, flusher_.batch().epoch);
  EXPECT_EQ(18u, flusher_.batch().number);
}

TEST_F(FlusherTest, CommitIsMeasuredOnceHoweverOftenItWasTried) {
  load();
  Batch batch;
  batch.inputs.resize(1);
  batch.entries.push_back({batch.ids.add("A"), 1, 1, 5, 0, true});
  batch.reads = {{10, 3}, {90, 2}};
  flusher_.offer(std::move(batch), false, at(100));
  fail(StoreTrouble::kUnreachable, 100);
  CommitResult result;
  result.rows = 1;
  flusher_.committed(result, at(400), at(410));
  DurationHistogram took, waited;
  took.observe(10);
  waited.observe(400, 3);
  waited.observe(320, 2);
  CountHistogram rows;
  rows.observe(1);
  EXPECT_EQ(took, flusher_.snapshot().commit_ms);
  EXPECT_EQ(waited, flusher_.snapshot().read_to_commit_ms);
  EXPECT_EQ(rows, flusher_.snapshot().commit_rows);
}

TEST_F(FlusherTest, FailedCommitIsTriedAgainWithTheSameNumber) {
  load();
  offer();
  fail(StoreTrouble::kUnreachable, 0);
  const int64_t retry = next_try(0);
  EXPECT_EQ(Action::kCommit, action(retry));
  EXPECT_EQ(1u, flusher_.batch().number);
  answer(CommitOutcome::kCommitted);
  EXPECT_EQ(FlushReply::Kind::kCommitted, flusher_.take_reply()->kind);
  offer();
  EXPECT_EQ(2u, flusher_.batch().number);
}

TEST_F(FlusherTest, EachReplyTellsHowMuchIsWithheld) {
  FlusherOptions options;
  options.resolution_ms = 1000;
  flusher_.change(options);
  commit_first();
  for (const bool release : {false, true}) {
    Batch batch;
    batch.inputs.resize(1);
    batch.entries.push_back({batch.ids.add("A"), 2, 2, 1, 0, true});
    flusher_.offer(std::move(batch), release, at(0));
    answer(CommitOutcome::kCommitted);
    EXPECT_EQ(release ? 0u : 1u, flusher_.take_reply()->withheld);
  }
}

TEST_F(FlusherTest, EachFlushIsSaidForDebuggingAndTheFirstForEverybody) {
  load();
  for (int i = 0; i < 3; ++i) {
    offer();
    answer(CommitOutcome::kCommitted);
    flusher_.take_reply();
  }
  EXPECT_EQ(3u, log_.count("flushed"));
  EXPECT_EQ(1u, log_.count_at_least(LogLevel::kInfo));
}

TEST_F(FlusherTest, LostReplyIsACommitLikeAnyOther) {
  load();
  offer();
  fail(StoreTrouble::kUnreachable, 0);
  answer(CommitOutcome::kAlreadyCommitted);
  EXPECT_EQ(FlushReply::Kind::kCommitted, flusher_.take_reply()->kind);
  EXPECT_EQ(1u, flusher_.snapshot().batches);
}

TEST_F(FlusherTest, BackoffStaysBelowItsMaximumAndBelowTheDoublingCeiling) {
  load();
  offer();
  int64_t now = 0;
  for (int try_number = 0; try_number < 200; ++try_number) {
    fail(StoreTrouble::kUnreachable, now);
    const int64_t ceiling = try_number > 10 ? 5000 : std::min(5000, 200 << try_number);
    const int64_t wait = next_try(now) - now;
    EXPECT_LE(0, wait);
    EXPECT_GE(ceiling, wait);
    now += wait;
  }
  EXPECT_EQ(200u, flusher_.snapshot().retries);
}

TEST_F(FlusherTest, SerializationFailureIsTriedAgainAtOnceButOnlyOnce) {
  load();
  offer();
  fail(StoreTrouble::kRetryAtOnce, 100);
  EXPECT_EQ(Action::kCommit, action(100));
  int64_t waited = 0;
  for (int i = 0; i < 20; ++i) {
    fail(StoreTrouble::kRetryAtOnce, 100 + waited);
    waited = next_try(100 + waited) - 100;
  }
  EXPECT_LT(0, waited);
}

TEST_F(FlusherTest, HoldingKeepsTheBatchAndSaysWhyOnce) {
  load();
  offer();
  for (int i = 0; i < 5; ++i) fail(StoreTrouble::kHolding, i * 10'000, "permission denied");
  EXPECT_EQ(StoreState::kHolding, flusher_.snapshot().state);
  EXPECT_EQ("permission denied", flusher_.snapshot().last_error);
  EXPECT_EQ(1u, log_.count("permission denied"));
  EXPECT_EQ(Action::kProbe, action(100'000));
}

TEST_F(FlusherTest, AfterThreeFailuresInARowItIsProbedBeforeABatchIsSent) {
  load();
  offer();
  for (const Action expected :
       {Action::kCommit, Action::kCommit, Action::kCommit, Action::kProbe}) {
    EXPECT_EQ(expected, action(now_));
    fail(StoreTrouble::kUnreachable, now_);
    now_ += 10'000;
  }
  EXPECT_EQ(Action::kProbe, action(now_));
  EXPECT_EQ(4u, flusher_.snapshot().retries);
}

TEST_F(FlusherTest, ProbeThatSucceedsIsFollowedByTheCommitAtOnce) {
  load();
  offer();
  for (int i = 0; i < 5; ++i, now_ += 10'000) fail(StoreTrouble::kUnreachable, now_);
  flusher_.probed(std::nullopt, at(now_));
  EXPECT_EQ(Action::kCommit, action(now_));
  answer(CommitOutcome::kCommitted);
  EXPECT_EQ(StoreState::kOk, flusher_.snapshot().state);
  flusher_.take_reply();
  offer();
  fail(StoreTrouble::kUnreachable, now_);
  EXPECT_EQ(Action::kCommit, action(now_ + 10'000)) << "failures are counted anew";
}

TEST_F(FlusherTest, CommitThatFailsAfterAProbeIsProbedAgain) {
  load();
  offer();
  for (int i = 0; i < 5; ++i, now_ += 10'000) fail(StoreTrouble::kUnreachable, now_);
  flusher_.probed(std::nullopt, at(now_));
  fail(StoreTrouble::kHolding, now_);
  EXPECT_EQ(Action::kProbe, action(now_ + 10'000));
}

TEST_F(FlusherTest, LoadingIsProbedForToo) {
  for (int i = 0; i < 3; ++i, now_ += 10'000) fail(StoreTrouble::kUnreachable, now_);
  EXPECT_EQ(Action::kProbe, action(now_));
  flusher_.probed(std::nullopt, at(now_));
  EXPECT_EQ(Action::kLoad, action(now_));
}

TEST_F(FlusherTest, HoldingIsLookedAtEveryFiveSecondsWhateverTheMaximum) {
  FlusherOptions options;
  options.retry_max_ms = 3'600'000;
  Flusher patient(options, log_);
  const StoreError error{StoreTrouble::kHolding, "42501", "permission denied"};
  patient.loaded(error, at(0));
  for (int i = 0; i < 50; ++i) {
    EXPECT_GE(now_ + 5000, patient.step(at(now_)).until_mono_ms);
    now_ += 5000;
    patient.probed(error, at(now_));
  }
}

TEST_F(FlusherTest, HoldingSendsTheBatchWholeSinceTheTableMayBeAnother) {
  commit_first();
  offer();
  ASSERT_FALSE(flusher_.batch().entries[0].upsert);
  fail(StoreTrouble::kUnreachable, 0);
  EXPECT_FALSE(flusher_.batch().entries[0].upsert);
  fail(StoreTrouble::kHolding, 10'000);
  EXPECT_TRUE(flusher_.batch().entries[0].upsert);
}

TEST_F(FlusherTest, WhatATryThatWasDoneAfterAllMayHaveLeftOutIsSentAgain) {
  commit_first();
  offer();
  ASSERT_FALSE(flusher_.batch().entries[0].upsert);
  fail(StoreTrouble::kHolding, 0);  // only the reply was lost
  answer(CommitOutcome::kAlreadyCommitted);
  flusher_.take_reply();
  offer();
  EXPECT_TRUE(flusher_.batch().entries[0].upsert);
}

TEST_F(FlusherTest, AnotherTableIsSentEveryClientAgain) {
  commit_first();
  flusher_.change(FlusherOptions(), true);
  offer();
  EXPECT_TRUE(flusher_.batch().entries[0].upsert);
}

TEST_F(FlusherTest, TableMadeAnewGetsTheBatchAtOnceAndWhole) {
  commit_first();
  offer();
  answer(CommitOutcome::kTableChanged);
  EXPECT_FALSE(flusher_.take_reply().has_value()) << "nothing is committed";
  EXPECT_EQ(Action::kCommit, action(3));
  EXPECT_TRUE(flusher_.batch().entries[0].upsert);
  answer(CommitOutcome::kCommitted);
  EXPECT_EQ(FlushReply::Kind::kCommitted, flusher_.take_reply()->kind);
  EXPECT_EQ(2u, flusher_.snapshot().batches);
}

TEST_F(FlusherTest, StoreThatWentBackIsLoadedAgainAndTheBatchIsDropped) {
  load();
  offer();
  answer(CommitOutcome::kWentBack);
  EXPECT_EQ(Action::kLoad, action(10));
  load(2, 0);
  offer();
  EXPECT_EQ(2u, flusher_.batch().epoch);
  EXPECT_EQ(1u, flusher_.batch().number);
  EXPECT_EQ(1u, flusher_.snapshot().rewinds);
}

TEST_F(FlusherTest, AnotherInstanceEndsItForGood) {
  load();
  offer();
  answer(CommitOutcome::kTakenOver);
  EXPECT_EQ(Action::kStop, action(1'000'000));
  EXPECT_EQ(FlushReply::Kind::kTakenOver, flusher_.take_reply()->kind);
}

TEST_F(FlusherTest, EntriesLeaveInTheOrderOfIdBytesThenInput) {
  load();
  Batch batch;
  batch.inputs.resize(2);
  for (const char* id : {"b", "\xC3\xA9", "a", "B"})
    batch.entries.push_back({batch.ids.add(id), 1, 1, 1, 1, true});
  batch.entries.push_back({batch.ids.add("a"), 1, 1, 1, 0, true});
  flusher_.offer(std::move(batch), false, at(0));
  std::string order;
  for (const Entry& entry : flusher_.batch().entries)
    order += std::string(entry.client_id) + std::to_string(entry.input) + " ";
  EXPECT_EQ(
      "B1 a0 a1 b1 \xC3\xA9"
      "1 ",
      order);
}

}  // namespace
}  // namespace lastseen
