// A store's day — opening, loading, three commits with a refused row — once for each call that it
// makes: that call fails, the same batch is tried again, and everything is there once.
#include "conformance/nth_call.h"

#include <algorithm>
#include <cstdlib>

#include "conformance/store_lab.h"

namespace lastseen {
namespace {

constexpr int kTriesMax = 6;

// Each N costs a connection or two: here some of them, all of them in `make test-long`.
int64_t stride() {
  const char* text = std::getenv("LASTSEEN_NTH_STRIDE");
  return text ? std::max(1, std::atoi(text)) : 13;
}

class NthCallCase : public StoreCase {
 protected:
  void SetUp() override {
    StoreCase::SetUp();
    lab_->sql(lab_->picky_table_sql("picky"));
    settings_.table = "picky";
    settings_.columns = {"who", "at", "born"};
    settings_.timeout_lock = 200;
    store_ = open(settings_);
    ASSERT_TRUE(store_->migrate().is_ok());
    store_.reset();
    const bool sqlite = settings_.type == "sqlite";
    calls_ = sqlite ? make_sqlite_nth_call(settings_) : make_postgres_nth_call(settings_);
  }

  static Batch batch(uint64_t epoch, uint64_t number, const std::string& agent) {
    const int64_t ms = kTime + static_cast<int64_t>(number) * 1000;
    Position position;
    position.stream = "stream";
    position.path = "/log/access.log";
    position.position = number * 10;
    BatchBuilder builder;
    builder.entry(agent + "-always", ms, ms + 1, 2).seen(agent + "-" + std::to_string(number), ms);
    if (number == 2) builder.entry("bad-" + agent, ms, ms, 3);
    return builder.position(position).take(epoch, number);
  }

  // The call with retries, as the flusher makes them: the connection may be another each time.
  template <typename Answer, typename Call>
  Answer sure(Call call) {
    std::string said;
    for (int tries = 0; tries < kTriesMax; ++tries) {
      auto answer = call();
      if (auto* good = std::get_if<Answer>(&answer)) return *good;
      said += "\n" + std::get<StoreError>(answer).message;
    }
    ADD_FAILURE() << "it never worked again:" << said;
    return {};
  }

  void live(const std::string& agent) {
    auto store = open(calls_->settings());
    const auto state = sure<AgentState>([&] { return store->load(agent); });
    for (uint64_t number = 1; number <= 3; ++number) {
      const Batch sent = batch(state.epoch, number, agent);
      const auto result = sure<CommitResult>([&] { return store->commit(agent, sent); });
      EXPECT_TRUE(result.outcome == CommitOutcome::kCommitted ||
                  result.outcome == CommitOutcome::kAlreadyCommitted);
      EXPECT_EQ(number == 2 ? 3u : 0u, result.quarantined.empty() ? 0u : result.quarantined[0]);
    }
  }

  void check(const std::string& agent) {
    auto store = open(settings_);
    const AgentState state = load(*store, agent);
    EXPECT_EQ(3u, state.batch);
    ASSERT_EQ(1u, state.inputs.size());
    EXPECT_EQ(12u, state.inputs[0].totals.lines_read);
    EXPECT_EQ(9u, state.inputs[0].totals.committed);
    EXPECT_EQ(3u, state.inputs[0].totals.quarantined);
    ASSERT_EQ(1u, state.inputs[0].positions.size());
    EXPECT_EQ(30u, state.inputs[0].positions[0].position);
    const std::string of_agent = " WHERE agent_id = '" + agent + "'";
    EXPECT_EQ(1u, lab_->sql("SELECT 1 FROM lastseen_quarantine" + of_agent).size());
    const TextRows rows = lab_->sql("SELECT who, at = " + lab_->time_sql(kTime + 3001) +
                                    " FROM picky WHERE who LIKE '" + agent + "-%' ORDER BY who");
    ASSERT_EQ(4u, rows.size());
    EXPECT_EQ(agent + "-always", rows[3][0]);
    EXPECT_TRUE(rows[3][1] == "1" || rows[3][1] == "t");
  }

  void fail_each(NthCall::How how) {
    for (int64_t n = 1;; n += stride()) {
      SCOPED_TRACE("call " + std::to_string(n));
      const std::string agent = "n" + std::to_string(n);
      calls_->arm(n, how);
      live(agent);
      const bool happened = calls_->happened();
      calls_->arm(0, how);
      check(agent);
      if (!happened || HasFailure()) break;
      ASSERT_LT(n, 10'000);
    }
  }

  std::unique_ptr<NthCall> calls_;
};
EVERY_STORE(NthCallCase);

TEST_P(NthCallCase, FailsAndEverythingIsThereOnce) {
  fail_each(NthCall::How::kFails);
}

TEST_P(NthCallCase, IsRefusedOrItsAnswerLostAndEverythingIsThereOnce) {
  fail_each(NthCall::How::kRefused);
}

}  // namespace
}  // namespace lastseen
