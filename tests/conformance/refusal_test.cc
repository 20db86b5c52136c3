// Rows that the table refuses: one is set aside, many hold the agent.
#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RefusalCase : public StoreCase {
 protected:
  void SetUp() override {
    StoreCase::SetUp();
    lab_->sql(lab_->picky_table_sql("people"));
    settings_.table = "people";
    settings_.columns = {"who", "at", "born"};
    store_ = open(settings_);
    start();
  }
  static BatchBuilder& some(BatchBuilder& builder, const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) builder.seen(prefix + std::to_string(i), kTime);
    return builder;
  }
};
EVERY_STORE(RefusalCase);

TEST_P(RefusalCase, OneBadRowIsSetAsideAndAllOthersAreCommitted) {
  BatchBuilder builder({"nginx", "envoy"});
  some(builder, "client-", 1000);
  builder.entry("bad one", kTime - 5, kTime, 7, 1);
  const CommitResult result = commit(builder.take(1, 1));
  EXPECT_EQ(CommitOutcome::kCommitted, result.outcome);
  EXPECT_THAT(result.quarantined, ElementsAre(0, 7));
  EXPECT_EQ(1000u, *store_->count_clients({}));
  EXPECT_EQ(1000u, totals("nginx").committed);
  EXPECT_EQ(0u, totals("envoy").committed);
  EXPECT_EQ(7u, totals("envoy").quarantined);
  EXPECT_EQ(7u, totals("envoy").lines_read);
  const auto row = lab_->sql(
      "SELECT agent_id, epoch, batch, input, lines, length(sqlstate) "
      "FROM lastseen_quarantine");
  EXPECT_THAT(row, ElementsAre(ElementsAre(kAgent, "1", "1", "envoy", "7", "5")));
}

TEST_P(RefusalCase, RefusedRowKeepsItsBytesAndTimes) {
  commit(BatchBuilder().entry("bad \xf0\x9f\x98\x80", kTime - 5, kTime, 2).take(1, 1));
  const std::string same_times =
      "first_seen = " + lab_->time_sql(kTime - 5) + " AND last_seen = " + lab_->time_sql(kTime);
  EXPECT_EQ("1", lab_->sql("SELECT count(*) FROM lastseen_quarantine WHERE " + same_times)[0][0]);
  const std::string hex_of =
      settings_.type == "sqlite" ? "hex(client_id)" : "upper(encode(client_id, 'hex'))";
  EXPECT_EQ("62616420F09F9880", lab_->sql("SELECT " + hex_of + " FROM lastseen_quarantine")[0][0]);
}

TEST_P(RefusalCase, LoneBadRowOfAQuietSiteIsSetAside) {
  EXPECT_THAT(commit(BatchBuilder().seen("bad", kTime).take(1, 1)).quarantined, ElementsAre(1));
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("ok", kTime).take(1, 2)).outcome);
}

TEST_P(RefusalCase, ScatteredBadRowsAreAllFound) {
  BatchBuilder builder;
  for (int i = 0; i < 3000; ++i)
    builder.seen((i % 50 == 0 ? "bad-" : "ok-") + std::to_string(i), kTime);
  EXPECT_THAT(commit(builder.take(1, 1)).quarantined, ElementsAre(60));
  EXPECT_EQ(2940u, *store_->count_clients({}));
}

TEST_P(RefusalCase, MostRowsRefusedHoldsAndChangesNothing) {
  BatchBuilder builder;
  some(builder, "bad-", 6);
  some(builder, "ok-", 4);
  builder.position({.stream = "s", .path = "/a", .position = 9});
  const StoreError error = commit_error(builder.take(1, 1));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.sqlstate, ::testing::StartsWith("23"));
  EXPECT_THAT(error.message, HasSubstr("so none is set aside"));
  EXPECT_THAT(error.message, Not(HasSubstr("bad-")));
  EXPECT_THAT(clients(), IsEmpty());
  const AgentState state = load();
  EXPECT_EQ(0u, state.batch);
  EXPECT_THAT(state.inputs, IsEmpty());
}

TEST_P(RefusalCase, MoreThanAHundredRefusedHold) {
  BatchBuilder few, many;
  some(some(few, "bad-", 100), "ok-", 1000);
  EXPECT_THAT(commit(few.take(1, 1)).quarantined, ElementsAre(100));
  some(some(many, "bad-", 101), "ok-", 1000);
  EXPECT_EQ(StoreTrouble::kHolding, commit_error(many.take(1, 2)).trouble);
}

TEST_P(RefusalCase, HeldBatchGoesInOnceTheTableIsMended) {
  const auto batch = [] {
    BatchBuilder builder;
    some(builder, "bad-", 20);
    return builder.take(1, 1);
  };
  EXPECT_EQ(StoreTrouble::kHolding, commit_error(batch()).trouble);
  lab_->sql("DROP TABLE people; CREATE TABLE people (who " +
            std::string(settings_.type == "sqlite" ? "TEXT" : "varchar(9)") + " PRIMARY KEY, at " +
            (settings_.type == "sqlite" ? "TEXT" : "timestamptz") + ", born " +
            (settings_.type == "sqlite" ? "TEXT" : "timestamptz") + ")");
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch()).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch()).outcome);
  EXPECT_EQ(20u, *store_->count_clients({}));
}

}  // namespace
}  // namespace lastseen
