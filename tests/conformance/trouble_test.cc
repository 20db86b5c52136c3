// Calls that block, and what another thread can do about it.
#include <atomic>
#include <chrono>
#include <thread>

#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kForeverMs = 120'000;  // far beyond what a test waits

class TroubleCase : public StoreCase {
 protected:
  // Interrupts until the call of the other thread has ended; a single one could come too early.
  template <typename Call>
  StoreResult<CommitResult> interrupted(Call call) {
    std::atomic<bool> ended = false;
    StoreResult<CommitResult> answer;
    std::thread thread([&] {
      answer = call();
      ended = true;
    });
    while (!ended) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      store_->interrupt();
    }
    thread.join();
    return answer;
  }
};
EVERY_STORE(TroubleCase);

TEST_P(TroubleCase, LockHeldTooLongIsRetriedAtOnce) {
  settings_.timeout_lock = 200;
  store_ = open(settings_);
  start();
  auto lock = lab_->lock_out();
  const StoreError error = commit_error(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_EQ(StoreTrouble::kRetryAtOnce, error.trouble);
  EXPECT_EQ("55P03", error.sqlstate);
  lock.reset();
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(1, 1)).outcome);
}

TEST_P(TroubleCase, InterruptEndsACallBlockedOnALock) {
  settings_.timeout_lock = settings_.timeout_statement = kForeverMs;
  store_ = open(settings_);
  start();
  auto lock = lab_->lock_out();
  const Batch batch = BatchBuilder().seen("a", kTime).take(1, 1);
  const auto started = std::chrono::steady_clock::now();
  const auto answer = interrupted([&] { return store_->commit(kAgent, batch); });
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
  ASSERT_TRUE(std::holds_alternative<StoreError>(answer));
  EXPECT_EQ(StoreTrouble::kUnreachable, std::get<StoreError>(answer).trouble);
  lock.reset();
  const CommitOutcome outcome = commit(batch).outcome;
  EXPECT_EQ(CommitOutcome::kCommitted, outcome) << "the next call works";
}

TEST_P(TroubleCase, InterruptWithoutACallHarmsNothing) {
  start();
  store_->interrupt();
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(1, 1)).outcome);
}

TEST_P(TroubleCase, DroppedClientTableHoldsUntilItIsMadeAgain) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  lab_->sql("DROP TABLE client_activity");
  // Also when nothing of it would have to be written.
  const Batch all_known = BatchBuilder().entry("a", kTime, kTime, 1, 0, false).take(1, 2);
  EXPECT_EQ(StoreTrouble::kHolding, commit_error(all_known).trouble);
  ASSERT_TRUE(open(settings_)->migrate().is_ok());
  const Batch batch = BatchBuilder().seen("b", kTime).take(1, 2);
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
  EXPECT_EQ(kTime, last_seen("b"));
}

TEST_P(TroubleCase, TableMadeAnewBetweenTwoCommitsIsSaidOnceAndNothingIsApplied) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  const std::string table = "client_activity (client_id varchar(50) PRIMARY KEY, last_seen " +
                            std::string(settings_.type == "sqlite" ? "TEXT" : "timestamptz") +
                            ", created_at " +
                            (settings_.type == "sqlite" ? "TEXT" : "timestamptz") + ")";
  lab_->sql("DROP TABLE client_activity; CREATE TABLE " + table);
  const Batch batch = BatchBuilder().seen("b", kTime).take(1, 2);
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch).outcome);
  EXPECT_EQ(-1, last_seen("b"));
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, commit(batch).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("c", kTime).take(1, 3)).outcome);
  EXPECT_EQ(3u, totals().committed);
}

TEST_P(TroubleCase, ProbeSucceedsWhereACommitWillAndChangesNothing) {
  start();
  EXPECT_FALSE(store_->probe(kAgent).has_value());
  EXPECT_FALSE(store_->probe("an agent without a row").has_value());
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(1, 1)).outcome);
  EXPECT_FALSE(store_->probe(kAgent).has_value());
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(1, 2)).outcome);
}

TEST_P(TroubleCase, DroppedFenceMeansTheStoreWentBackOnceItIsMigrated) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  lab_->sql("DROP TABLE lastseen_agent");
  EXPECT_EQ(StoreTrouble::kHolding,
            commit_error(BatchBuilder().seen("b", kTime).take(1, 2)).trouble);
  ASSERT_TRUE(store_->migrate().is_ok());
  EXPECT_EQ(CommitOutcome::kWentBack, commit(BatchBuilder().seen("b", kTime).take(1, 2)).outcome);
  EXPECT_EQ(1u, totals().committed) << "what is left of the store is taken as it is";
}

}  // namespace
}  // namespace lastseen
