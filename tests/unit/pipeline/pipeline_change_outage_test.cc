// Another configuration while the store is away, slow, or another one.
#include "unit/pipeline/pipeline_change_fixture.h"

namespace lastseen {
namespace {

class PipelineChangeOutage : public PipelineChangeTest {
 protected:
  // To a store that has nothing of this agent.
  void move_to_empty_store(int64_t ms) {
    change({{"a", "a"}}, true);
    step(ms);
    commit();
    step(ms + 1);
    ASSERT_TRUE(std::exchange(move_store_, false));
    pipeline_->deliver(moved(std::nullopt, {7, 0, {}}), at(ms + 2));
  }
  // An earlier run left one line of the client F.
  void find_spill_of(const std::string& name) {
    SpilledInput spilled;
    spilled.name = name;
    spilled.counts.lines_read = 1;
    spilled.entries.push_back({"F", 5, 5, 1});
    pipeline_->found_spill({{0, encode_part({spilled})}});
  }
  static Position position_at(uint64_t offset) {
    Position position;
    position.stream = "stream";
    position.position = offset;
    return position;
  }
  // While a batch of it is out. Returns the one that leaves.
  FakeSource* replace_feed() {
    build({{"feed", "", "p", true}});
    FakeSource* old = sources_["feed"];
    old->add_record("F 1\n");
    EXPECT_TRUE(step(1000));
    change({{"feed", "", "q", true}});
    step(1001);
    return old;
  }
};

TEST_F(PipelineChangeOutage, InputsThatSwapNamesWithABatchOutAreNotTheEnd) {
  build({{"a", ""}, {"b", ""}});
  sources_["a"]->bytes = sources_["b"]->bytes = "X 1\n";
  ASSERT_TRUE(step(1000));
  change({{"b", "a"}, {"a", "b"}});
  step(1001);
  EXPECT_FALSE(pipeline_->stopping());
}

TEST_F(PipelineChangeOutage, AFeedThatReplacesOneIsReadBeforeTheBatchIsCommitted) {
  FakeSource* old = replace_feed();
  EXPECT_TRUE(old->end_called);
  old->over = true;
  step(1002);
  sources_["feed"]->add_record("G 2\n");
  step(1003);
  EXPECT_EQ(2u, ledgers()["feed"].pending);
  commit();
  const std::optional<Batch> next = step(3000);
  ASSERT_TRUE(next);
  EXPECT_EQ(Ids{"feed:q-G"}, ids(*next));
}

TEST_F(PipelineChangeOutage, AStopWaitsForAFeedThatHasNotTakenItsPlace) {
  FakeSource* old = replace_feed();
  FakeSource* next = sources_["feed"];
  pipeline_->stop();
  EXPECT_TRUE(next->end_called);
  old->over = true;
  step(1002);
  EXPECT_FALSE(pipeline_->snapshot(at(1002)).feeds_saved) << "it may still bring something";
  next->add_record("G 2\n");
  next->over = true;
  step(1003);
  EXPECT_EQ(2u, ledgers()["feed"].pending);
}

TEST_F(PipelineChangeOutage, AFeedThatIsReplacedTwiceIsTold) {
  replace_feed();
  step(4000);  // the first one does not end
  ASSERT_TRUE(std::exchange(changed_, false));
  bool told = false;
  sources_["feed"]->on_end = [&] { told = true; };
  change({{"feed", "", "r", true}});
  step(4001);
  EXPECT_TRUE(told);
}

TEST_F(PipelineChangeOutage, AFileThatAFeedReplacesKeepsItsPosition) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  ASSERT_TRUE(step(1000));
  sources_["a"]->bytes += "Y 2\n";
  change({{"a", "", "q", true}});
  step(1001);
  sources_["a"]->add_record("G 3\n");
  step(1002);
  EXPECT_EQ(3u, ledgers()["a"].pending);
  commit();
  const std::optional<Batch> next = step(3000);
  ASSERT_TRUE(next);
  EXPECT_EQ((Ids{"a:q-G", "a:p-Y"}), ids(*next));
  ASSERT_FALSE(next->inputs[0].positions.empty());
  EXPECT_EQ(8u, next->inputs[0].positions[0].position);
}

TEST_F(PipelineChangeOutage, TotalsThatComeBackToTheirStoreAreNotCountedTwice) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  move_to_empty_store(1);
  std::optional<Batch> refused = step(4);
  ASSERT_TRUE(refused);
  refused->epoch = 7;
  refused->number = 1;
  step(2010);
  ASSERT_TRUE(std::exchange(changed_, false));
  change({{"a", "a"}}, true);
  step(2011);
  ASSERT_TRUE(move_store_);
  AgentState first{9, 100, {{"a", {}, {}}}};
  first.inputs[0].totals.lines_read = first.inputs[0].totals.committed = 1;
  first.inputs[0].totals.bytes_read = 4;
  pipeline_->deliver(moved(std::move(refused), std::move(first)), at(2012));
  EXPECT_EQ(1u, ledgers()["a"].totals.lines_read);
  const std::optional<Batch> next = step(2013);
  ASSERT_TRUE(next);
  EXPECT_EQ(LedgerCounts(), next->inputs[0].delta);
}

TEST_F(PipelineChangeOutage, AnotherStoreIsThereWhenItHasTheFirstBatch) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  move_to_empty_store(1);
  ASSERT_TRUE(step(4));
  EXPECT_FALSE(changed_);
  EXPECT_TRUE(pipeline_->begins_unstored());
  commit();
  step(5);
  EXPECT_TRUE(changed_);
  EXPECT_FALSE(pipeline_->begins_unstored());
}

TEST_F(PipelineChangeOutage, AStoreThatDoesNotTakeTheFirstBatchDoesNotHoldUpTheReload) {
  build({{"a", ""}});
  move_to_empty_store(1);
  step(4);
  step(2004);
  EXPECT_TRUE(changed_);
  EXPECT_TRUE(pipeline_->begins_unstored());
}

TEST_F(PipelineChangeOutage, WhatTheSpillHoldsOfAFeedThatLeavesBeforePositionsAreKnownIsKept) {
  build_unloaded({{"a", ""}, {"feed", "", "p", true}});
  find_spill_of("feed");
  change({{"a", "a"}});
  sources_["feed"]->over = true;
  step(1);
  pipeline_->deliver(nothing_known(), at(2));
  const std::optional<Batch> batch = step(3);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"feed:F"}, ids(*batch));
}

TEST_F(PipelineChangeOutage, WhatTheSpillHoldsOfAnInputThatIsNotThereIsCommitted) {
  build_unloaded({{"a", ""}});
  find_spill_of("gone");
  pipeline_->deliver(nothing_known(), at(2));
  const std::optional<Batch> batch = step(3);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"gone:F"}, ids(*batch));
}

TEST_F(PipelineChangeOutage, ALogWithTheNameOfASpilledFeedBeginsOnceThatIsCommitted) {
  build_unloaded({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  find_spill_of("a");
  FlushReply reply = nothing_known();
  reply.state.inputs.push_back({"a", {position_at(0)}, {}});
  pipeline_->deliver(std::move(reply), at(2));
  std::optional<Batch> batch = step(3);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"a:F"}, ids(*batch));
  EXPECT_TRUE(ledgers()["a"].feed) << "its lines wait nowhere else";
  EXPECT_FALSE(sources_["a"]->begun);
  commit();
  step(4);
  EXPECT_EQ(1u, sources_["a"]->restored.positions.size()) << "of a log that had the name earlier";
  batch = step(2000);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"a:p-X"}, ids(*batch));
}

TEST_F(PipelineChangeOutage, ARenamedInputThatLeavesBeforeItIsStoredLeavesItsPositions) {
  for (const bool loaded : {true, false}) {
    loaded ? build({{"a", ""}, {"c", ""}}) : build_unloaded({{"a", ""}, {"c", ""}});
    FakeSource* source = sources_["a"];
    source->stored_keys = {"stream"};
    change({{"b", "a"}, {"c", "c"}});
    EXPECT_EQ(loaded, step(1).has_value()) << "and the store is away";
    step(2010);
    change({{"c", "c"}});
    step(2011);
    FlushReply reply = nothing_known();
    reply.state.inputs.push_back({"a", {position_at(7)}, {}});
    pipeline_->deliver(std::move(reply), at(2012));
    const std::optional<Batch> batch = step(2013);
    ASSERT_TRUE(batch) << loaded;
    const auto b = std::find_if(batch->inputs.begin(), batch->inputs.end(),
                                [](const BatchInput& input) { return input.name == "b"; });
    ASSERT_NE(batch->inputs.end(), b) << loaded;
    EXPECT_EQ("stream", b->positions.at(0).stream);
    EXPECT_FALSE(b->positions[0].gone);
  }
}

TEST_F(PipelineChangeOutage, AnInputThatAnotherAgentsFilesHoldBackTakesNothingToItsNewName) {
  build({{"a", ""}, {"b", ""}});
  sources_["a"]->holds_back = true;
  pipeline_->deliver(nothing_known(), at(1));
  ASSERT_TRUE(step(2));
  commit();
  change({{"b", "a"}, {"a", "b"}});
  ASSERT_TRUE(step(3));
  EXPECT_FALSE(sources_["a"]->restored.known) << "it must not begin as an input that is known";
  EXPECT_TRUE(sources_["a"]->held_back());
  commit();
  step(4);
  EXPECT_FALSE(pipeline_->begins_unstored());
}

}  // namespace
}  // namespace lastseen
