// What people ask of a store and change in it: the quarantine and the positions.
#include "conformance/store_lab.h"
#include "store/store_admin.h"

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AdminCase : public StoreCase {
 protected:
  void SetUp() override {
    StoreCase::SetUp();
    lab_->sql(lab_->picky_table_sql("people"));
    settings_.table = "people";
    settings_.columns = {"who", "at", "born"};
    store_ = open(settings_);
    start();
  }
  StoreAdmin& admin() { return *store_->admin(); }
  std::vector<QuarantinedRow> quarantined(const std::vector<int64_t>& ids = {}) {
    auto rows = admin().quarantined(ids);
    EXPECT_TRUE(rows.is_ok()) << rows.status().message();
    return rows ? *rows : std::vector<QuarantinedRow>();
  }
  ReplayResult replay(const std::vector<int64_t>& ids = {}) {
    auto result = admin().replay(ids);
    EXPECT_TRUE(result.is_ok()) << result.status().message();
    return result ? *result : ReplayResult();
  }
  uint64_t change(const std::vector<PositionChange>& changes) {
    auto changed = admin().change_positions(kAgent, changes);
    EXPECT_TRUE(changed.is_ok()) << changed.status().message();
    return changed ? *changed : 0;
  }
  // From now on the table takes every id but those that begin with "worse".
  void mend() {
    lab_->sql("DROP TABLE people");
    std::string table = lab_->picky_table_sql("people");
    table.replace(table.find("bad%"), 4, "worse%");
    lab_->sql(table);
  }
  void commit_bad() {
    commit(BatchBuilder({"nginx", "envoy"})
               .entry("bad", kTime - 5, kTime, 7, 1)
               .entry("worse-bad", kTime, kTime, 1)
               .entry("ok", kTime, kTime, 2)
               .take(1, 1));
    commit(BatchBuilder({"nginx", "envoy"}).entry("bad", kTime + 1, kTime + 9, 3).take(1, 2));
  }
};
EVERY_STORE(AdminCase);

TEST_P(AdminCase, ForgettingAClientDeletesItsRowAndNoOther) {
  commit(
      BatchBuilder({"nginx"}).entry("A", kTime, kTime, 1).entry("B", kTime, kTime, 1).take(1, 1));
  const auto forget = [&](const char* id) {
    const auto found = admin().forget_client(id);
    EXPECT_TRUE(found.is_ok()) << found.status().message();
    return found && *found;
  };
  EXPECT_TRUE(forget("A"));
  EXPECT_FALSE(forget("A"));
  EXPECT_FALSE(forget("'; DROP TABLE people; --"));
  const auto left = store_->clients({});
  ASSERT_TRUE(left.is_ok());
  ASSERT_THAT(*left, SizeIs(1));
  EXPECT_EQ("B", left->front().client_id);
}

TEST_P(AdminCase, QuarantineTellsEverythingOfARow) {
  commit(BatchBuilder({"nginx", "envoy"}).entry("bad\xff\x01", kTime - 5, kTime, 7, 1).take(1, 1));
  const auto rows = quarantined();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(kAgent, rows[0].agent_id);
  EXPECT_EQ("envoy", rows[0].input);
  EXPECT_EQ("bad\xff\x01", rows[0].client_id);
  EXPECT_EQ(5u, rows[0].sqlstate.size());
  EXPECT_EQ(kTime - 5, rows[0].first_seen_ms);
  EXPECT_EQ(kTime, rows[0].last_seen_ms);
  EXPECT_EQ(7u, rows[0].lines);
  EXPECT_LT(kTime, rows[0].created_ms);
  EXPECT_THAT(quarantined({rows[0].id}), SizeIs(1));
  EXPECT_THAT(quarantined({rows[0].id + 1}), IsEmpty());
}

TEST_P(AdminCase, ReplayBringsBackWhatTheMendedTableTakesAndMovesItsLines) {
  lab_->sql("DROP TABLE people");
  std::string table = lab_->picky_table_sql("people");
  table.replace(table.find("bad%"), 4, "%bad%");
  lab_->sql(table);
  commit_bad();
  ASSERT_THAT(quarantined(), SizeIs(3));
  mend();
  const ReplayResult result = replay();
  EXPECT_EQ(2u, result.rows);
  EXPECT_EQ(10u, result.lines);
  EXPECT_EQ(1u, result.refused);
  EXPECT_THAT(result.sqlstate, ::testing::StartsWith("23"));
  EXPECT_EQ(kTime + 9, last_seen("bad"));
  EXPECT_EQ(kTime - 5, client("bad")->created_at_ms);
  ASSERT_THAT(quarantined(), SizeIs(1));
  EXPECT_EQ("worse-bad", quarantined()[0].client_id);
  EXPECT_EQ(5u, totals("nginx").committed);
  EXPECT_EQ(1u, totals("nginx").quarantined);
  EXPECT_EQ(7u, totals("envoy").committed);
  EXPECT_EQ(0u, totals("envoy").quarantined);
  EXPECT_EQ(totals("nginx").lines_read, totals("nginx").settled());
}

TEST_P(AdminCase, ReplayNeverGoesBackwards) {
  commit_bad();
  mend();
  lab_->sql("INSERT INTO people (who, at) VALUES ('bad', " + lab_->time_sql(kTime + 100) + ")");
  EXPECT_EQ(2u, replay().rows);
  EXPECT_EQ(kTime + 100, last_seen("bad"));
}

TEST_P(AdminCase, ReplayTakesTheNamedRowsAlone) {
  commit_bad();
  mend();
  const auto rows = quarantined();
  EXPECT_EQ(1u, replay({rows[0].id}).rows);
  EXPECT_EQ(rows.size() - 1, quarantined().size());
  EXPECT_EQ(0u, replay({rows[0].id}).rows) << "it is gone";
}

TEST_P(AdminCase, ReplayOfARowInAnUnmendedTableChangesNothing) {
  commit_bad();
  const LedgerCounts before = totals("envoy");
  EXPECT_EQ(2u, replay().refused);
  EXPECT_THAT(quarantined(), SizeIs(2));
  EXPECT_EQ(before, totals("envoy"));
}

TEST_P(AdminCase, ReplayWhileTheAgentRunsLeavesItsFenceAlone) {
  commit_bad();
  mend();
  EXPECT_EQ(2u, replay().rows);
  const Batch batch = BatchBuilder({"nginx", "envoy"}).seen("a", kTime).take(1, 3);
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch).outcome) << "mending made it anew";
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
}

TEST_P(AdminCase, ReplayAfterTheTotalsWereForgottenInventsNoLines) {
  commit_bad();
  mend();
  EXPECT_EQ(1u, change({{"envoy", "", std::nullopt}}));
  EXPECT_EQ(2u, replay().rows);
  for (const AgentState::Input& input : load().inputs) EXPECT_NE("envoy", input.name);
}

TEST_P(AdminCase, DroppedRowsAreGoneAndStayCounted) {
  commit_bad();
  const auto rows = quarantined();
  EXPECT_EQ(1u, *admin().drop_quarantined({rows[1].id}));
  EXPECT_EQ(rows.size() - 1, *admin().drop_quarantined({}));
  EXPECT_THAT(quarantined(), IsEmpty());
  EXPECT_EQ(7u, totals("envoy").quarantined);
}

Position at(const std::string& stream, uint64_t position) {
  Position made;
  made.stream = stream;
  made.path = "/var/log/\xff" + stream;
  made.position = position;
  made.discarding = true;
  made.head_hash = 5;
  made.head_bytes = 7;
  made.tail_bytes = 64;
  made.tail_hash = UINT64_MAX;
  return made;
}

TEST_P(AdminCase, AgentsTellWhereEachStands) {
  commit(BatchBuilder().position(at("s", 9)).take(1, 1));
  load(*store_, "web-2");
  const auto agents = admin().agents();
  ASSERT_TRUE(agents.is_ok()) << agents.status().message();
  ASSERT_THAT(*agents, SizeIs(2));
  EXPECT_EQ(kAgent, (*agents)[0].agent_id);
  EXPECT_EQ(1u, (*agents)[0].state.batch);
  EXPECT_LE(0, (*agents)[0].seen_ago_ms);
  EXPECT_GT(60'000, (*agents)[0].seen_ago_ms);
  EXPECT_EQ(9u, (*agents)[0].state.inputs.at(0).positions.at(0).position);
  EXPECT_EQ("web-2", (*agents)[1].agent_id);
}

TEST_P(AdminCase, SetPositionIsReadByTheNextLoadWithoutItsTail) {
  commit(BatchBuilder().position(at("s", 9)).position(at("t", 1)).take(1, 1));
  EXPECT_EQ(1u, change({{"nginx", "s", 1234}}));
  const Position moved = load().inputs.at(0).positions.at(0);
  EXPECT_EQ(1234u, moved.position);
  EXPECT_FALSE(moved.discarding);
  EXPECT_EQ(0u, moved.tail_bytes);
  EXPECT_EQ(7u, moved.head_bytes);
  EXPECT_EQ(0u, change({{"nginx", "unknown", 5}}));
}

TEST_P(AdminCase, ForgottenStreamIsGoneAndTheInputKnown) {
  commit(BatchBuilder().seen("a", kTime).position(at("s", 9)).position(at("t", 1)).take(1, 1));
  EXPECT_EQ(1u, change({{"nginx", "s", std::nullopt}}));
  const AgentState state = load();
  ASSERT_THAT(state.inputs.at(0).positions, SizeIs(1));
  EXPECT_EQ("t", state.inputs[0].positions[0].stream);
  EXPECT_EQ(1u, state.inputs[0].totals.committed);
  EXPECT_EQ(2u, change({{"nginx", "", std::nullopt}})) << "the stream and the input's own row";
  EXPECT_THAT(load().inputs, IsEmpty());
}

TEST_P(AdminCase, RunningAgentReadsChangedPositionsInsteadOfOverwritingThem) {
  commit(BatchBuilder().position(at("s", 9)).take(1, 1));
  change({{"nginx", "s", 3}});
  EXPECT_EQ(CommitOutcome::kWentBack,
            commit(BatchBuilder().position(at("s", 20)).take(1, 2)).outcome);
  const AgentState state = load();
  EXPECT_EQ(3u, state.inputs.at(0).positions.at(0).position);
  EXPECT_EQ(CommitOutcome::kCommitted,
            commit(BatchBuilder().position(at("s", 5)).take(state.epoch, state.batch + 1)).outcome);
}

// What feeds brought in it could not be read again, and would be counted twice.
TEST_P(AdminCase, LostReplyBeforeAChangeIsRecognisedAndTheNextBatchFindsTheChange) {
  const Batch batch = BatchBuilder().seen("a", kTime).position(at("s", 9)).take(1, 1);
  commit(batch);
  change({{"nginx", "s", 3}});
  EXPECT_EQ(CommitOutcome::kAlreadyCommitted, commit(batch).outcome);
  EXPECT_EQ(CommitOutcome::kWentBack,
            commit(BatchBuilder().seen("b", kTime).position(at("s", 12)).take(1, 2)).outcome);
  EXPECT_EQ(3u, load().inputs.at(0).positions.at(0).position);
  EXPECT_EQ(1u, totals().committed) << "and it is counted once";
}

TEST_P(AdminCase, ChangesByHandLeaveTheNumberOfBatchesAndNothingFoundLeavesTheFence) {
  commit(BatchBuilder().position(at("s", 9)).take(1, 1));
  change({{"nginx", "unknown", 5}});
  EXPECT_EQ(1u, load().batch);
  change({{"nginx", "s", 3}});
  EXPECT_EQ(kChangedByHand + 1, load().batch);
  load(*store_, "old");
  ASSERT_TRUE(admin().forget_agent("old", kAgent).is_ok());
  EXPECT_EQ(kChangedByHand + 1, load().batch) << "of old there was nothing to forget";
  load(*store_, "old");
  ASSERT_TRUE(admin().take_positions("old", kAgent, false).is_ok());
  EXPECT_EQ(2 * kChangedByHand + 1, load().batch);
}

Position known_place(const std::string& stream, uint64_t place = 500) {
  Position position;
  position.stream = stream;
  position.path = "/log/" + stream;
  position.position = place;
  position.head_bytes = kHeadBytesProof;
  position.head_hash = 0xfedcba9876543210u;
  position.tail_bytes = 64;
  position.tail_hash = 9;
  position.updated_ms = kTime;
  return position;
}

TEST_P(AdminCase, LoadTellsWhatOtherAgentsReadNewestFirst) {
  Position newer = known_place("newer");
  newer.updated_ms = kTime + 1000;
  Position short_head = known_place("short");
  short_head.head_bytes = kHeadBytesProof - 1;
  commit(BatchBuilder()
             .position(known_place("older"))
             .position(newer)
             .position(short_head)
             .position(known_place("unread", 0))
             .take(1, 1));
  load(*store_, "web-2/backfill");
  commit(*store_, "web-2/backfill", BatchBuilder().position(known_place("backfill")).take(1, 1));
  EXPECT_THAT(load().foreign, IsEmpty());
  EXPECT_THAT(load(*store_, kAgent + "/backfill").foreign, IsEmpty());
  const AgentState other = load(*store_, "web-2");
  EXPECT_THAT(other.inputs, IsEmpty());
  ASSERT_THAT(other.foreign, SizeIs(2));
  EXPECT_EQ(kAgent, other.foreign[0].agent_id);
  EXPECT_EQ("newer", other.foreign[0].position.stream);
  EXPECT_EQ("older", other.foreign[1].position.stream);
  EXPECT_EQ(500u, other.foreign[1].position.position);
  EXPECT_EQ(0xfedcba9876543210u, other.foreign[1].position.head_hash);
  EXPECT_EQ(9u, other.foreign[1].position.tail_hash);
  EXPECT_EQ(kTime, other.foreign[1].position.updated_ms);
}

TEST_P(AdminCase, OfAnInputThatIsHeldBackNothingIsKept) {
  Batch batch = BatchBuilder({"nginx", "envoy"}).seen("A", kTime).take(1, 1);
  batch.inputs[1].held_back = true;
  commit(batch);
  const AgentState state = load();
  ASSERT_THAT(state.inputs, SizeIs(1));
  EXPECT_EQ("nginx", state.inputs[0].name);
}

TEST_P(AdminCase, TakenPositionsBringTotalsAndQuarantineAndEndTheOtherAgent) {
  commit(BatchBuilder()
             .position(known_place("s"))
             .entry("bad", kTime, kTime, 3)
             .entry("ok", kTime, kTime, 2)
             .take(1, 1));
  const AgentState before = load(*store_, "web-2");
  commit(*store_, "web-2", BatchBuilder({"feed"}).seen("F", kTime).take(1, 1));
  auto done = admin().take_positions(kAgent, "web-2", false);
  ASSERT_TRUE(done.is_ok()) << done.status().message();
  EXPECT_EQ(1u, done->streams);
  EXPECT_EQ(1u, done->quarantined);
  EXPECT_THAT(done->own, IsEmpty());
  EXPECT_EQ(CommitOutcome::kWentBack,
            commit(*store_, "web-2", BatchBuilder({"feed"}).take(before.epoch, 2)).outcome);
  EXPECT_EQ(CommitOutcome::kWentBack, commit(BatchBuilder().take(1, 2)).outcome);
  const AgentState taken = load(*store_, "web-2");
  EXPECT_THAT(taken.foreign, IsEmpty());
  ASSERT_THAT(taken.inputs, SizeIs(2));
  EXPECT_EQ("nginx", taken.inputs[1].name);
  ASSERT_THAT(taken.inputs[1].positions, SizeIs(1));
  EXPECT_EQ(9u, taken.inputs[1].positions[0].tail_hash);
  EXPECT_EQ(2u, taken.inputs[1].totals.committed);
  EXPECT_EQ(3u, taken.inputs[1].totals.quarantined);
  EXPECT_EQ("web-2", quarantined().at(0).agent_id);
  const auto agents = admin().agents();
  ASSERT_TRUE(agents.is_ok());
  EXPECT_THAT(*agents, SizeIs(1));
  mend();
  EXPECT_EQ(3u, replay().lines);
  EXPECT_EQ(5u, load(*store_, "web-2").inputs[1].totals.committed);
}

TEST_P(AdminCase, PositionsAreTakenBeforeTheNewAgentFirstStartsToo) {
  commit(BatchBuilder().position(known_place("s")).seen("A", kTime).take(1, 1));
  ASSERT_TRUE(admin().take_positions(kAgent, "new", false).is_ok());
  const AgentState taken = load(*store_, "new");
  EXPECT_EQ(1u, taken.epoch);
  ASSERT_THAT(taken.inputs, SizeIs(1));
  EXPECT_THAT(taken.inputs[0].positions, SizeIs(1));
  EXPECT_EQ(1u, taken.inputs[0].totals.committed);
}

TEST_P(AdminCase, WhereTheTakerHasPositionsTheyStayAndTotalsAddUp) {
  commit(BatchBuilder().position(known_place("theirs")).entry("A", kTime, kTime, 4).take(1, 1));
  load(*store_, "web-2");
  commit(*store_, "web-2",
         BatchBuilder().position(known_place("ours")).entry("B", kTime, kTime, 3).take(1, 1));
  auto done = admin().take_positions(kAgent, "web-2", false);
  ASSERT_TRUE(done.is_ok()) << done.status().message();
  EXPECT_THAT(done->own, ElementsAre("nginx"));
  const AgentState taken = load(*store_, "web-2");
  ASSERT_THAT(taken.inputs, SizeIs(1));
  ASSERT_THAT(taken.inputs[0].positions, SizeIs(1));
  EXPECT_EQ("ours", taken.inputs[0].positions[0].stream);
  EXPECT_EQ(7u, taken.inputs[0].totals.committed);
}

TEST_P(AdminCase, CopiedPositionsStayTheOtherAgentsWithItsTotals) {
  commit(BatchBuilder().position(known_place("s")).entry("A", kTime, kTime, 4).take(1, 1));
  load(*store_, "web-2");
  ASSERT_TRUE(admin().take_positions(kAgent, "web-2", true).is_ok());
  const AgentState copied = load(*store_, "web-2");
  ASSERT_THAT(copied.inputs, SizeIs(1));
  EXPECT_THAT(copied.inputs[0].positions, SizeIs(1));
  EXPECT_EQ(LedgerCounts(), copied.inputs[0].totals);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().take(1, 2)).outcome);
  EXPECT_EQ(4u, totals().committed);
}

TEST_P(AdminCase, AForgottenAgentIsGoneAndItsWitnessLoadsAnew) {
  commit(BatchBuilder().position(known_place("s")).entry("bad", kTime, kTime, 3).take(1, 1));
  load(*store_, "web-2");
  auto done = admin().forget_agent(kAgent, "web-2");
  ASSERT_TRUE(done.is_ok()) << done.status().message();
  EXPECT_EQ(2u, done->streams);
  EXPECT_EQ(CommitOutcome::kWentBack, commit(*store_, "web-2", BatchBuilder().take(1, 1)).outcome);
  EXPECT_THAT(load(*store_, "web-2").foreign, IsEmpty());
  EXPECT_THAT(quarantined(), SizeIs(1));
  const auto agents = admin().agents();
  ASSERT_TRUE(agents.is_ok());
  EXPECT_THAT(*agents, SizeIs(1));
}

}  // namespace
}  // namespace lastseen
