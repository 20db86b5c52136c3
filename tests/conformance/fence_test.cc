// The fence: no commit counts twice, none is missed, and two instances never both write.
#include <thread>

#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::ElementsAre;

class FenceCase : public StoreCase {
 protected:
  Batch three_lines(uint64_t epoch, uint64_t number) {
    return BatchBuilder().entry("a", kTime, kTime, 3).take(epoch, number);
  }
};
EVERY_STORE(FenceCase);

TEST_P(FenceCase, LostReplyIsRecognisedAndNothingDoubles) {
  start();
  EXPECT_EQ(CommitOutcome::kCommitted, commit(three_lines(1, 1)).outcome);
  const CommitResult again = commit(three_lines(1, 1));
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, again.outcome);
  EXPECT_EQ(1u, again.rows);
  EXPECT_EQ(3u, totals().committed);
}

TEST_P(FenceCase, LostReplyGivesTheSameQuarantine) {
  lab_->sql(lab_->picky_table_sql("people"));
  settings_.table = "people";
  settings_.columns = {"who", "at", "born"};
  store_ = open(settings_);
  start();
  const auto batch = [] {
    BatchBuilder builder({"nginx", "envoy"});
    builder.entry("bad", kTime, kTime, 4, 0).entry("bad", kTime, kTime, 5, 1).seen("ok", kTime);
    return builder.take(1, 1);
  };
  EXPECT_THAT(commit(batch()).quarantined, ElementsAre(4, 5));
  const CommitResult again = commit(batch());
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, again.outcome);
  EXPECT_THAT(again.quarantined, ElementsAre(4, 5));
  EXPECT_EQ(4u, totals("nginx").quarantined);
  EXPECT_EQ("2", lab_->sql("SELECT count(*) FROM lastseen_quarantine")[0][0]);
}

TEST_P(FenceCase, OlderInstanceIsToldThatItWasTakenOver) {
  start();
  auto other = open(settings_);
  load(*other, kAgent);
  EXPECT_EQ(CommitOutcome::kTakenOver, commit(three_lines(1, 1)).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(*other, kAgent, three_lines(2, 1)).outcome);
  EXPECT_EQ(3u, totals().committed);
}

TEST_P(FenceCase, RestoredOlderBatchMeansTheStoreWentBack) {
  start();
  for (uint64_t n = 1; n <= 3; ++n) commit(three_lines(1, n));
  lab_->sql("UPDATE lastseen_agent SET batch = 1");
  EXPECT_EQ(CommitOutcome::kWentBack, commit(three_lines(1, 4)).outcome);
  EXPECT_EQ(9u, totals().committed) << "nothing was written";
}

TEST_P(FenceCase, LowerEpochMeansTheStoreWentBack) {
  start();
  load();
  lab_->sql("UPDATE lastseen_agent SET epoch = 1");
  EXPECT_EQ(CommitOutcome::kWentBack, commit(three_lines(2, 1)).outcome);
}

TEST_P(FenceCase, MissingRowMeansTheStoreWentBackAndLoadMendsIt) {
  start();
  commit(three_lines(1, 1));
  lab_->sql("DELETE FROM lastseen_agent");
  EXPECT_EQ(CommitOutcome::kWentBack, commit(three_lines(1, 2)).outcome);
  const AgentState state = load();
  EXPECT_EQ(1u, state.epoch);
  EXPECT_EQ(0u, state.batch);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(three_lines(1, 1)).outcome);
}

// Sorted rows keep the agents from deadlocking; the fence keeps their totals apart.
TEST_P(FenceCase, AgentsWithTheSameClientsNeverDeadlockAndTotalsAreExact) {
  constexpr int kAgents = 3, kBatches = 15, kClients = 700;
  start();
  const auto work = [&](int agent) {
    const std::string name = "agent-" + std::to_string(agent);
    auto store = open(settings_);
    const AgentState state = load(*store, name);
    for (int n = 1; n <= kBatches; ++n) {
      BatchBuilder builder;
      for (int i = 0; i < kClients; ++i)
        builder.entry("client-" + std::to_string(i + agent * 100), kTime, kTime + n * 10 + agent,
                      2);
      commit(*store, name, builder.take(state.epoch, static_cast<uint64_t>(n)));
    }
  };
  std::vector<std::thread> threads;
  for (int agent = 0; agent < kAgents; ++agent) threads.emplace_back(work, agent);
  for (std::thread& thread : threads) thread.join();

  for (int agent = 0; agent < kAgents; ++agent) {
    const AgentState state = load(*store_, "agent-" + std::to_string(agent));
    ASSERT_EQ(1u, state.inputs.size());
    EXPECT_EQ(uint64_t{kBatches} * kClients * 2, state.inputs[0].totals.committed);
  }
  EXPECT_EQ(kTime + kBatches * 10 + 2, last_seen("client-200"));
  EXPECT_EQ(kTime + kBatches * 10, last_seen("client-0"));
  if (settings_.type == "postgres") {
    EXPECT_THAT(shared_postgres().log(), ::testing::Not(::testing::HasSubstr("deadlock detected")));
  }
}

}  // namespace
}  // namespace lastseen
