// Inputs that may add no clients, or only so many.
#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LimitsCase : public StoreCase {
 protected:
  /// Input 0 may add `most`, input 1 any number.
  static Batch limited(uint64_t most, BatchBuilder& builder, uint64_t number, uint64_t total = 0) {
    Batch batch = builder.take(1, number);
    batch.inputs[0].new_clients_max = most;
    batch.inputs[0].not_allowed_total = total;
    return batch;
  }
  static BatchBuilder two() { return BatchBuilder({"limited", "free"}); }
  static uint64_t not_allowed(const LedgerCounts& counts) {
    return counts.skipped[static_cast<size_t>(SkipReason::kNotAllowed)];
  }
  void expect_balanced(uint64_t committed, uint64_t skipped) {
    const LedgerCounts counts = totals("limited");
    EXPECT_EQ(committed, counts.committed);
    EXPECT_EQ(skipped, not_allowed(counts));
    EXPECT_EQ(counts.lines_read, counts.settled());
  }
};
EVERY_STORE(LimitsCase);

TEST_P(LimitsCase, WithoutInsertsOnlyKnownClientsAreUpdated) {
  start();
  commit(two().entry("known", kTime, kTime, 1, 1).take(1, 1));
  const CommitResult result = commit(
      limited(0, two().entry("known", kTime, kTime + 5, 3).entry("it's new", kTime, kTime, 4), 2));
  EXPECT_THAT(result.not_allowed, ElementsAre(4, 0));
  EXPECT_THAT(result.left_out, ElementsAre(0));
  EXPECT_EQ(1u, result.rows);
  EXPECT_EQ(kTime + 5, last_seen("known"));
  EXPECT_EQ(std::nullopt, client("it's new"));
  expect_balanced(3, 4);
}

TEST_P(LimitsCase, ClientOfAFreeInputIsAddedForAll) {
  start();
  const CommitResult result =
      commit(limited(0, two().entry("a", kTime, kTime + 7, 2).entry("a", kTime, kTime, 1, 1), 1));
  EXPECT_THAT(result.not_allowed, IsEmpty());
  EXPECT_EQ(kTime + 7, last_seen("a"));
  expect_balanced(2, 0);
}

TEST_P(LimitsCase, LimitIsForWhoWasSeenFirst) {
  start();
  const CommitResult result =
      commit(limited(2, two().seen("a", kTime + 3).seen("b", kTime + 1).seen("c", kTime + 2), 1));
  EXPECT_THAT(result.added, ElementsAre(2, 0));
  EXPECT_EQ(std::nullopt, client("a"));
  EXPECT_EQ(2u, clients().size());
  expect_balanced(2, 1);
}

TEST_P(LimitsCase, LostReplyGivesTheSameCount) {
  start();
  commit(limited(0, two().entry("x", kTime, kTime, 9), 1));
  const auto batch = [] { return limited(1, two().seen("a", kTime).seen("b", kTime + 1), 2, 9); };
  EXPECT_THAT(commit(batch()).not_allowed, ElementsAre(1, 0));
  const CommitResult again = commit(batch());
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, again.outcome);
  EXPECT_THAT(again.not_allowed, ElementsAre(1, 0));
  EXPECT_THAT(again.left_out, IsEmpty());
  expect_balanced(1, 10);
}

TEST_P(LimitsCase, LostReplyOfACommitThatLeftNobodyOutMovesNothing) {
  start();
  const auto batch = [] { return limited(5, two().seen("a", kTime), 1); };
  commit(batch());
  EXPECT_THAT(commit(batch()).not_allowed, IsEmpty());
  expect_balanced(1, 0);
}

TEST_P(LimitsCase, IdsThatTheTableCannotHoldAreNeitherRefusedNorKept) {
  lab_->sql(lab_->picky_table_sql("people"));
  settings_.table = "people";
  settings_.columns = {"who", "at", "born"};
  store_ = open(settings_);
  start();
  BatchBuilder builder = two();
  for (int i = 0; i < 500; ++i) builder.seen("bad" + std::to_string(i), kTime);
  const CommitResult result = commit(limited(0, builder, 1));
  EXPECT_THAT(result.not_allowed, ElementsAre(500, 0));
  EXPECT_THAT(result.quarantined, IsEmpty());
  expect_balanced(0, 500);
}

TEST_P(LimitsCase, ThousandsAreAskedForInOneCommit) {
  start();
  BatchBuilder known = two();
  for (int i = 0; i < 12'000; ++i) known.entry("k" + std::to_string(i), kTime, kTime, 1, 1);
  commit(known.take(1, 1));
  BatchBuilder mixed = two();
  for (int i = 0; i < 12'000; ++i) mixed.seen("k" + std::to_string(i), kTime + 1);
  for (int i = 0; i < 12'000; ++i) mixed.seen("n" + std::to_string(i), kTime + i);
  const CommitResult result = commit(limited(100, mixed, 2));
  EXPECT_EQ(12'100u, result.rows);
  EXPECT_EQ(12'100u, *store_->count_clients({}));
  EXPECT_EQ(kTime + 99, last_seen("n99"));
  EXPECT_EQ(std::nullopt, client("n100"));
  expect_balanced(12'100, 11'900);
}

class PostgresLimits : public LimitsCase {
 protected:
  /// Opens a table whose ids are of this type and hold `known`; the lines that were not allowed.
  uint64_t left_out(const std::string& type, const std::string& known,
                    const std::vector<std::string>& ids) {
    lab_->sql("DROP TABLE IF EXISTS typed");
    lab_->sql("CREATE TABLE typed (client_id " + type +
              " PRIMARY KEY, last_seen timestamptz, created_at timestamptz)");
    lab_->sql("INSERT INTO typed VALUES ('" + known + "')");
    settings_.table = "typed";
    store_ = open(settings_);
    const AgentState state = start();
    BatchBuilder builder = two();
    for (const std::string& id : ids) builder.seen(id, kTime);
    Batch batch = builder.take(state.epoch, state.batch + 1);
    batch.inputs[0].new_clients_max = 0;
    const CommitResult result = commit(batch);
    EXPECT_EQ("1", lab_->sql("SELECT count(*) FROM typed WHERE last_seen IS NOT NULL")[0][0]);
    return result.not_allowed.empty() ? 0 : result.not_allowed[0];
  }
};
INSTANTIATE_TEST_SUITE_P(Every, PostgresLimits, ::testing::Values(make_postgres_lab), lab_name);

TEST_P(PostgresLimits, IdsThatAreNoValueOfTheColumnsTypeAreOnlyLeftOut) {
  const std::string uuid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
  EXPECT_EQ(3u, left_out("uuid", uuid, {uuid, "nonsense", "{" + uuid, "6f9619ff"}));
  EXPECT_EQ(0u, left_out("uuid", uuid, {"6F9619FF8B86D011B42D00C04FC964FF"}));
  EXPECT_EQ(3u, left_out("integer", "42", {"42", "x", "99999999999999999999", "3000000000"}));
  EXPECT_EQ(1u, left_out("bigint", "42", {" 042", "43"}));
  EXPECT_EQ(2u, left_out("numeric(9, 2)", "42.5", {"42.50", "x", "43"}));
  EXPECT_EQ(1u, left_out("char(5)", "abc", {"abc", "abcdefgh"}));
}

}  // namespace
}  // namespace lastseen
