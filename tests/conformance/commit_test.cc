// What one commit does to clients, positions and the ledger.
#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Commit : public StoreCase {};
EVERY_STORE(Commit);

Position full_position() {
  Position position;
  position.stream = "8f3a";
  position.path = "/var/log/nginx/\xff odd\\name \xc3\xa9.log";
  position.position = 123'456'789'012;
  position.discarding = true;
  position.device = UINT64_MAX;
  position.inode = UINT64_MAX - 1;
  position.birth_ns = INT64_MIN;
  position.generation = uint64_t{1} << 63;
  position.head_bytes = 1024;
  position.head_hash = UINT64_MAX;
  position.tail_bytes = UINT32_MAX;
  position.tail_hash = 0x8000'0000'0000'0001;
  position.size = uint64_t{1} << 62;
  position.updated_ms = kTime;
  return position;
}

void expect_equal(const Position& expected, const Position& observed) {
  EXPECT_EQ(expected.stream, observed.stream);
  EXPECT_EQ(expected.path, observed.path);
  EXPECT_EQ(expected.position, observed.position);
  EXPECT_EQ(expected.discarding, observed.discarding);
  EXPECT_EQ(expected.device, observed.device);
  EXPECT_EQ(expected.inode, observed.inode);
  EXPECT_EQ(expected.birth_ns, observed.birth_ns);
  EXPECT_EQ(expected.generation, observed.generation);
  EXPECT_EQ(expected.head_bytes, observed.head_bytes);
  EXPECT_EQ(expected.head_hash, observed.head_hash);
  EXPECT_EQ(expected.tail_bytes, observed.tail_bytes);
  EXPECT_EQ(expected.tail_hash, observed.tail_hash);
  EXPECT_EQ(expected.size, observed.size);
  EXPECT_EQ(expected.updated_ms, observed.updated_ms);
}

TEST_P(Commit, FirstLoadGivesEpochOneAndNoInputs) {
  const AgentState state = start();
  EXPECT_EQ(1u, state.epoch);
  EXPECT_EQ(0u, state.batch);
  EXPECT_THAT(state.inputs, IsEmpty());
}

TEST_P(Commit, EveryLoadTakesTheNextEpochAndKeepsTheBatch) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  const AgentState state = load();
  EXPECT_EQ(2u, state.epoch);
  EXPECT_EQ(1u, state.batch);
}

TEST_P(Commit, PositionsAndTotalsComeBackBitForBit) {
  start();
  BatchBuilder builder;
  builder.seen("a", kTime).position(full_position());
  builder.delta().skip(SkipReason::kTooLong);
  builder.delta().bytes_read = uint64_t{1} << 62;
  const LedgerCounts delta = builder.delta();
  commit(builder.take(1, 1));
  const AgentState state = load();
  ASSERT_THAT(state.inputs, SizeIs(1));
  EXPECT_EQ("nginx", state.inputs[0].name);
  EXPECT_EQ(delta, state.inputs[0].totals);
  ASSERT_THAT(state.inputs[0].positions, SizeIs(1));
  expect_equal(full_position(), state.inputs[0].positions[0]);
}

TEST_P(Commit, TotalsAddUpAndKeepCountersOfOtherVersions) {
  start();
  for (uint64_t n = 1; n <= 3; ++n) {
    BatchBuilder builder;
    builder.entry("a", kTime, kTime, 5);
    builder.delta().lost[0] = n;
    commit(builder.take(1, n));
    if (n == 1)
      lab_->sql(
          "UPDATE lastseen_position SET ledger = '{\"committed\": 5, \"lines_read\": 5, "
          "\"lost.truncated\": 1, \"from_the_future\": 7}' WHERE stream = ''");
  }
  const LedgerCounts counts = totals();
  EXPECT_EQ(15u, counts.committed);
  EXPECT_EQ(15u, counts.lines_read);
  EXPECT_EQ(6u, counts.lost[0]);
  const std::string ledger = lab_->sql("SELECT ledger FROM lastseen_position")[0][0];
  EXPECT_THAT(ledger, ::testing::HasSubstr("from_the_future"));
}

TEST_P(Commit, AnotherAgentsPositionsAreNotOurs) {
  start();
  commit(BatchBuilder().seen("a", kTime).position(full_position()).take(1, 1));
  EXPECT_THAT(load(*store_, "web-2").inputs, IsEmpty());
}

TEST_P(Commit, GonePositionIsForgottenAndItsInputStaysKnown) {
  start();
  commit(BatchBuilder().position(full_position()).take(1, 1));
  Position gone = full_position();
  gone.gone = true;
  commit(BatchBuilder().position(gone).take(1, 2));
  const AgentState state = load();
  ASSERT_THAT(state.inputs, SizeIs(1));
  EXPECT_THAT(state.inputs[0].positions, IsEmpty());
}

TEST_P(Commit, EmptyBatchMovesTheFenceAndMakesInputsKnown) {
  start();
  const CommitResult result = commit(BatchBuilder({"nginx", "envoy"}).take(1, 1));
  EXPECT_EQ(CommitOutcome::kCommitted, result.outcome);
  EXPECT_EQ(0u, result.rows);
  commit(BatchBuilder({"nginx", "envoy"}).take(1, 2));
  const AgentState state = load();
  EXPECT_EQ(2u, state.batch);
  EXPECT_THAT(state.inputs, SizeIs(2));
}

TEST_P(Commit, LastSeenMovesForwardNeverBack) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_EQ(kTime, last_seen("a"));
  commit(BatchBuilder().seen("a", kTime - 1).take(1, 2));
  EXPECT_EQ(kTime, last_seen("a"));
  commit(BatchBuilder().seen("a", kTime + 1).take(1, 3));
  EXPECT_EQ(kTime + 1, last_seen("a"));
}

TEST_P(Commit, CreatedAtIsTheOldestSightingOfTheInsertingBatchForEver) {
  start();
  commit(BatchBuilder().entry("a", kTime - 500, kTime, 3).take(1, 1));
  EXPECT_EQ(kTime - 500, client("a")->created_at_ms);
  commit(BatchBuilder().entry("a", kTime - 9000, kTime + 9000, 3).take(1, 2));
  EXPECT_EQ(kTime - 500, client("a")->created_at_ms);
  EXPECT_EQ(kTime + 9000, last_seen("a"));
}

TEST_P(Commit, RowWithoutATimeTakesTheFirstSighting) {
  start();
  lab_->sql("INSERT INTO client_activity (client_id, last_seen) VALUES ('a', NULL)");
  EXPECT_THAT(clients(), IsEmpty());
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_EQ(kTime, last_seen("a"));
}

TEST_P(Commit, ClientOfTwoInputsBecomesOneRowWithTheNewestTime) {
  start();
  BatchBuilder builder({"nginx", "envoy"});
  builder.entry("a", kTime, kTime + 5, 2, 0).entry("a", kTime - 7, kTime + 1, 3, 1);
  const CommitResult result = commit(builder.take(1, 1));
  EXPECT_EQ(1u, result.rows);
  EXPECT_EQ(kTime + 5, last_seen("a"));
  EXPECT_EQ(kTime - 7, client("a")->created_at_ms);
  EXPECT_EQ(2u, totals("nginx").committed);
  EXPECT_EQ(3u, totals("envoy").committed);
}

TEST_P(Commit, EntryAlreadyInTheTableIsCountedAndNotSent) {
  start();
  const CommitResult result =
      commit(BatchBuilder().entry("a", kTime, kTime, 4, 0, false).take(1, 1));
  EXPECT_EQ(0u, result.rows);
  EXPECT_THAT(clients(), IsEmpty());
  EXPECT_EQ(4u, totals().committed);
}

TEST_P(Commit, TimeFromTheFutureIsClampedAndCounted) {
  start();
  const int64_t future = int64_t{4'000'000'000'000};  // the year 2096
  const CommitResult result =
      commit(BatchBuilder().seen("a", future).seen("b", kTime).seen("c", INT64_MAX).take(1, 1));
  EXPECT_EQ(2u, result.clamped);
  EXPECT_LT(last_seen("a"), future);
  EXPECT_EQ(last_seen("a"), client("a")->created_at_ms);
  // Clamped to the store's clock + 60 s: within the next two minutes, and not before now.
  ClientsQuery recent;
  recent.active_within_ms = 0;
  EXPECT_THAT(clients(recent), SizeIs(2));
  EXPECT_EQ(kTime, last_seen("b"));
}

TEST_P(Commit, TimesFarInThePastAreNoReasonToRefuse) {
  start();
  const CommitResult result =
      commit(BatchBuilder().seen("a", INT64_MIN).seen("b", 0).seen("c", -1).take(1, 1));
  EXPECT_THAT(result.quarantined, IsEmpty());
  EXPECT_EQ(0, last_seen("b"));
  EXPECT_EQ(-1, last_seen("c"));
}

TEST_P(Commit, OddIdsComeBackAsTheyWere) {
  start();
  std::string fifty_wide;
  for (int i = 0; i < 50; ++i) fifty_wide += "\xf0\x9f\x98\x80";
  const std::vector<std::string> ids = {
      "it's",     "\"quoted\"", "back\\slash", "a,b",       "{a}", "NULL",
      "null",     "",           " ",           "'; --",     "$1",  "\xf0\x9f\x98\x80",
      fifty_wide, "\\x41",      "tab\there",   "new\nline", "%s"};
  BatchBuilder builder;
  for (const std::string& id : ids) builder.seen(id, kTime);
  const CommitResult result = commit(builder.take(1, 1));
  EXPECT_THAT(result.quarantined, IsEmpty());
  std::vector<std::string> observed;
  for (const ClientRow& row : clients()) observed.push_back(row.client_id);
  EXPECT_THAT(observed, ::testing::UnorderedElementsAreArray(ids));
}

TEST_P(Commit, TwentyFiveThousandRowsGoInAtOnce) {
  start();
  BatchBuilder builder;
  for (int i = 0; i < 25'000; ++i) builder.seen("client-" + std::to_string(i), kTime + i);
  const CommitResult result = commit(builder.take(1, 1));
  EXPECT_EQ(25'000u, result.rows);
  EXPECT_EQ(25'000u, *store_->count_clients({}));
  EXPECT_EQ(kTime + 24'999, clients({std::nullopt, std::nullopt, 1})[0].last_seen_ms);
}

TEST_P(Commit, ClientsAnswersByAgeNewestFirst) {
  start();
  lab_->sql("INSERT INTO client_activity (client_id) VALUES ('now')");
  commit(BatchBuilder().seen("old", kTime).seen("older", kTime - 1).take(1, 1));
  const int64_t hour_ms = 3'600'000;
  const auto ids = [&](const ClientsQuery& query) {
    std::vector<std::string> names;
    for (const ClientRow& row : clients(query)) names.push_back(row.client_id);
    return names;
  };
  EXPECT_THAT(ids({}), ElementsAre("now", "old", "older"));
  EXPECT_THAT(ids({hour_ms, {}, {}}), ElementsAre("now"));
  EXPECT_THAT(ids({{}, hour_ms, {}}), ElementsAre("old", "older"));
  EXPECT_THAT(ids({{}, hour_ms, 1}), ElementsAre("old"));
  EXPECT_EQ(2u, *store_->count_clients({{}, hour_ms, 1}));
  EXPECT_EQ(3u, *store_->count_clients({}));
}

}  // namespace
}  // namespace lastseen
