// Another configuration while batches come and go.
#include "unit/pipeline/pipeline_change_fixture.h"

namespace lastseen {
namespace {

TEST_F(PipelineChangeTest, WhatWasWrittenBeforeIsReadTheOldWay) {
  build({{"a", ""}});
  FakeSource* source = sources_["a"];
  source->bytes = "X 1\n";
  change({{"a", "a", "new"}});
  EXPECT_EQ(1, source->looks);
  const std::optional<Batch> before = step(1);
  ASSERT_TRUE(before);
  EXPECT_EQ(Ids{"a:p-X"}, ids(*before));
  commit();
  step(2);
  EXPECT_TRUE(changed_);
  source->bytes += "Y 2\n";
  const std::optional<Batch> after = step(2000);
  EXPECT_EQ(Ids{"a:new-Y"}, ids(*after));
  EXPECT_EQ(source, sources_["a"]);
  EXPECT_EQ(1, source->restores);
}

TEST_F(PipelineChangeTest, ARemovedInputGoesWhenItsLinesAreCommitted) {
  build({{"a", ""}, {"b", ""}});
  sources_["a"]->bytes = "X 1\n";
  const std::optional<Batch> out = step(1000);
  ASSERT_TRUE(out);
  sources_["a"]->bytes += "Y 2\n";
  sources_["b"]->bytes = "Z 3\n";
  change({{"b", "b"}});
  EXPECT_FALSE(step(1001));
  EXPECT_TRUE(changed_);  // also while a batch waits for a store
  sources_["a"]->bytes += "not for us\n";
  commit();
  const std::optional<Batch> last = step(1002);
  ASSERT_TRUE(last);
  EXPECT_EQ((Ids{"a:p-Y", "b:p-Z"}), ids(*last));
  EXPECT_EQ(2u, ledgers().size());
  commit();
  step(1003);
  EXPECT_EQ(1u, ledgers().size());
  EXPECT_EQ(1u, ledgers()["b"].totals.committed);
  sources_["b"]->bytes += "W 4\n";  // its index is another one now
  EXPECT_EQ(Ids{"b:p-W"}, ids(*step(4000)));
}

TEST_F(PipelineChangeTest, AStopThatComesFirstIsNotHeldUpByANewFeed) {
  build({{"a", ""}});
  change({{"a", "a"}, {"b", "", "p", true}});
  pipeline_->stop();
  while (std::optional<Batch> batch = step(1)) commit();
  EXPECT_TRUE(changed_);
  EXPECT_TRUE(sources_["b"]->end_called);
}

TEST_F(PipelineChangeTest, WhatAResolutionWithholdsGoesOutThoughNothingElseDoes) {
  withhold_one({{"a", ""}}, 3000);
  EXPECT_FALSE(step(3999));
  EXPECT_TRUE(step(4000)) << "before the heartbeat";
}

TEST_F(PipelineChangeTest, WhatAResolutionThatWentHasWithheldGoesOutWithTheNextFlush) {
  withhold_one({{"a", ""}});
  change({{"a", "a"}});
  EXPECT_FALSE(step(1001));
  ASSERT_TRUE(step(2001));
  EXPECT_TRUE(release_);
  commit();
  EXPECT_FALSE(step(4000));
}

TEST_F(PipelineChangeTest, WhatAResolutionThatWentHasWithheldGoesOutWithAFlushThatIsAskedFor) {
  withhold_one({{"a", ""}});
  change({{"a", "a"}});
  EXPECT_FALSE(step(1001));
  int done = 0;
  pipeline_->request_flush([&](const Status& status) { done += status.is_ok(); });
  ASSERT_TRUE(step(1002));
  EXPECT_TRUE(release_);
  EXPECT_EQ(0, done);
  commit();
  EXPECT_EQ(1, done);
}

TEST_F(PipelineChangeTest, AStopCommitsWhatAResolutionThatWentHasWithheld) {
  withhold_one({{"a", ""}});
  change({{"a", "a"}});
  EXPECT_FALSE(step(1001));
  pipeline_->stop();
  ASSERT_TRUE(step(1002));
  EXPECT_FALSE(pipeline_->finished());
  commit();
  EXPECT_TRUE(pipeline_->finished());
}

TEST_F(PipelineChangeTest, WhatIsWithheldGoesOutBeforeTheInputThatItNamesByItsPlace) {
  withhold_one({{"a", ""}, {"b", ""}});
  change({{"b", "b"}});
  ASSERT_TRUE(step(1001));
  EXPECT_TRUE(release_);
  EXPECT_EQ(2u, ledgers().size());
  commit();
  step(1002);
  EXPECT_EQ(1u, ledgers().size());
}

TEST_F(PipelineChangeTest, AnInputThatComesBackGoesOnWhereItStood) {
  files_["a"] = "X 1\n";
  build({{"a", ""}, {"b", ""}});
  change({{"b", "b"}});
  ASSERT_TRUE(step(1));
  commit();
  step(2);
  EXPECT_EQ(0u, ledgers().count("a"));
  change({{"b", "b"}, {"a", ""}});
  step(3);
  EXPECT_EQ(4u, sources_["a"]->position);
  EXPECT_TRUE(sources_["a"]->begun);
  EXPECT_EQ(1u, ledgers()["a"].totals.committed);
}

TEST_F(PipelineChangeTest, AnInputThatComesBackBeforeItsLastBatchIsCommittedGoesOnWhereItStood) {
  files_["a"] = "X 1\n";
  build({{"a", ""}, {"b", ""}});
  ASSERT_TRUE(step(1000));
  change({{"b", "b"}});
  step(1001);
  files_["a"] += "Y 2\n";
  change({{"b", "b"}, {"a", ""}});
  step(1002);
  commit();
  const std::optional<Batch> next = step(5000);
  ASSERT_TRUE(next);
  EXPECT_EQ(Ids{"a:p-Y"}, ids(*next));
  EXPECT_EQ(8u, sources_["a"]->position);
  commit();
  EXPECT_EQ(2u, ledgers()["a"].totals.committed);
}

TEST_F(PipelineChangeTest, AnInputThatIsAddedWhileABatchIsOutBeginsWithTheNextOne) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  ASSERT_TRUE(step(1000));
  change({{"a", "a"}, {"b", ""}});
  step(1001);
  EXPECT_EQ(1, sources_["b"]->restores);
  commit();
  EXPECT_FALSE(sources_["b"]->begun);  // its start choice is not in that batch
  ASSERT_TRUE(step(1002));
  commit();
  EXPECT_TRUE(sources_["b"]->begun);
}

TEST_F(PipelineChangeTest, ARenamedInputTakesItsPositionsAlongInOneBatch) {
  build({{"old", ""}});
  FakeSource* source = sources_["old"];
  source->stored_keys = {"stream"};
  source->bytes = "X 1\n";
  change({{"new", "old"}});
  const std::optional<Batch> batch = step(1);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"old:p-X"}, ids(*batch));  // read under that name
  ASSERT_EQ(2u, batch->inputs.size());
  ASSERT_EQ(1u, batch->inputs[0].positions.size());
  EXPECT_TRUE(batch->inputs[0].positions[0].gone);
  EXPECT_EQ("stream", batch->inputs[0].positions[0].stream);
  ASSERT_EQ(1u, batch->inputs[1].positions.size());
  EXPECT_EQ(4u, batch->inputs[1].positions[0].position);
  commit();
  step(2);
  EXPECT_EQ(1u, ledgers().size());
  source->bytes += "Y 2\n";
  EXPECT_EQ(Ids{"new:p-Y"}, ids(*step(2000)));
}

TEST_F(PipelineChangeTest, InputsThatSwapNamesKeepRowsThatBothHaveUnderOneKey) {
  build({{"a", ""}, {"b", ""}});
  for (const char* name : {"a", "b"}) sources_[name]->stored_keys = {"stream"};
  change({{"b", "a"}, {"a", "b"}});
  std::map<std::string, bool> gone;
  for (int64_t ms = 1; ms < 3000; ms += 500) {
    const std::optional<Batch> batch = step(ms);
    if (!batch) continue;
    for (const BatchInput& input : batch->inputs)
      for (const Position& position : input.positions) gone[input.name] = position.gone;
    commit();
  }
  EXPECT_EQ((std::map<std::string, bool>{{"a", false}, {"b", false}}), gone);
}

TEST_F(PipelineChangeTest, ARowOfWhoTookThePlaceIsNotTakenAlong) {
  build({{"a", ""}, {"b", ""}, {"c", ""}});
  sources_["a"]->stored_keys = {"stream", "only a's"};
  sources_["b"]->rows = {"stream"};
  sources_["c"]->bytes = "X 1\n";  // so that a waits for the place of c
  change({{"a", "b"}, {"c", "a"}});
  std::vector<std::string> gone;
  for (int64_t ms = 1; ms < 9000; ms += 500) {
    const std::optional<Batch> batch = step(ms);
    if (!batch) continue;
    for (const BatchInput& input : batch->inputs)
      for (const Position& position : input.positions)
        if (position.gone && input.name == "a") gone.push_back(position.stream);
    commit();
  }
  EXPECT_EQ(std::vector<std::string>{"only a's"}, gone);
}

TEST_F(PipelineChangeTest, AnInputThatIsHeldBackStaysSoUnderAnotherName) {
  build({{"old", ""}});
  FakeSource* source = sources_["old"];
  source->holds_back = true;
  pipeline_->deliver(nothing_known(), at(0));
  change({{"new", "old"}});
  const std::optional<Batch> batch = step(1);
  ASSERT_TRUE(batch);
  for (const BatchInput& input : batch->inputs) {
    EXPECT_TRUE(input.held_back) << input.name;
    EXPECT_EQ(0u, input.positions.size());
  }
  commit();
  step(2);
  EXPECT_EQ(1u, ledgers().size());
  EXPECT_FALSE(source->begun);
  FlushReply taken = nothing_known();
  taken.state.inputs.push_back({"new", {}, {}});
  pipeline_->deliver(std::move(taken), at(3));
  EXPECT_TRUE(source->begun);
}

TEST_F(PipelineChangeTest, AnInputThatWasHeldBackAndComesBackIsStillUnknown) {
  build({{"a", ""}, {"b", ""}});
  sources_["a"]->holds_back = true;
  pipeline_->deliver(nothing_known(), at(0));
  ASSERT_TRUE(step(1));
  commit();
  change({{"b", "b"}});
  step(2);
  EXPECT_EQ(1u, ledgers().size());
  change({{"b", "b"}, {"a", ""}});
  step(3);
  EXPECT_FALSE(sources_["a"]->restored.known);
  EXPECT_TRUE(sources_["a"]->restored.foreign);
}

TEST_F(PipelineChangeTest, WhatAnotherStoreKnowsDecidesOverAnInputThatIsHeldBack) {
  build({{"a", ""}});
  FakeSource* source = sources_["a"];
  source->bytes = "X 1\n";
  source->holds_back = true;
  pipeline_->deliver(nothing_known(), at(0));
  change({{"a", "a"}}, true);
  step(1);
  commit();
  step(2);
  ASSERT_TRUE(move_store_);
  source->holds_back = false;  // it has not heard of that agent
  pipeline_->deliver(moved(std::nullopt, {1, 0, {}}), at(3));
  const std::optional<Batch> choice = step(4);
  ASSERT_TRUE(choice);
  EXPECT_FALSE(choice->inputs[0].held_back);
  EXPECT_FALSE(source->begun);
  commit();
  EXPECT_TRUE(source->begun);
}

TEST_F(PipelineChangeTest, AFeedThatLeavesGivesOutWhatItHas) {
  build({{"a", ""}, {"feed", "", "p", true}});
  sources_["feed"]->add_record("X 1\n");
  sources_["feed"]->has_looked = false;
  change({{"a", "a"}});
  EXPECT_EQ(Ids{"feed:p-X"}, ids(*step(1)));
  commit();
  step(1);
  EXPECT_FALSE(sources_["feed"]->end_called);  // what had arrived is not in yet
  sources_["feed"]->has_looked = true;
  step(2);
  EXPECT_TRUE(sources_["feed"]->end_called);
  EXPECT_FALSE(changed_);
  sources_["feed"]->add_record("Y 2\n");
  sources_["feed"]->over = true;
  std::optional<Batch> batch = step(3);
  ASSERT_TRUE(batch);
  EXPECT_EQ(Ids{"feed:p-Y"}, ids(*batch));
  commit();
  step(4);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(1u, ledgers().size());
}

TEST_F(PipelineChangeTest, AnotherStoreGetsTotalsAndPositions) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\nbad\n";
  change({{"a", "a"}}, true);
  ASSERT_TRUE(step(1));  // to the store that is left
  EXPECT_FALSE(move_store_);
  commit();
  step(2);
  EXPECT_TRUE(move_store_);
  sources_["a"]->bytes += "Y 2\n";
  EXPECT_FALSE(step(5000));  // nothing is sealed on the way
  pipeline_->deliver(moved(std::nullopt, {7, 0, {}}), at(5000));
  EXPECT_EQ(1u, sources_["a"]->anew.size());
  const std::optional<Batch> first = step(5001);
  ASSERT_TRUE(first);
  EXPECT_EQ(Ids{"a:p-Y"}, ids(*first));
  EXPECT_EQ(3u, first->inputs[0].delta.lines_read);
  EXPECT_EQ(2u, first->inputs[0].delta.committed);
  EXPECT_EQ(1u, first->inputs[0].delta.skipped_sum());
  EXPECT_EQ(12u, first->inputs[0].positions[0].position);
  EXPECT_EQ(3u, ledgers()["a"].totals.lines_read);
  commit();
  EXPECT_EQ(2u, ledgers()["a"].totals.committed);
}

TEST_F(PipelineChangeTest, WhatAStoreDidNotTakeGoesToTheNextOne) {
  build({{"a", ""}, {"feed", "", "p", true}});
  sources_["a"]->bytes = "X 1\n";
  sources_["feed"]->add_record("F 1\n");
  Batch out = leave_with_batch_out({{"a", "a"}, {"feed", "feed", "p", true}});
  EXPECT_TRUE(move_store_);  // it was known not to answer
  pipeline_->deliver(moved(std::move(out), {1, 0, {}}), at(1002));
  EXPECT_EQ(1u, ledgers()["a"].pending);
  const std::optional<Batch> again = step(1003);
  ASSERT_TRUE(again);
  EXPECT_EQ((Ids{"a:p-X", "feed:p-F"}), ids(*again));
  EXPECT_EQ(1u, again->inputs[0].delta.lines_read);
  commit();
  EXPECT_EQ(1u, ledgers()["a"].totals.committed);
  EXPECT_EQ(1u, ledgers()["feed"].totals.committed);
}

TEST_F(PipelineChangeTest, WhatTheSameStoreUnderAnotherNameHasIsNotCountedTwice) {
  const uint64_t loads = 3;  // the first ones were refused, for their replies were lost
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\n";
  Batch out = leave_with_batch_out({{"a", "a"}});
  AgentState there{3 + loads, 5, {{"a", out.inputs[0].positions, out.inputs[0].delta}}};
  pipeline_->deliver(moved(std::move(out), std::move(there)), at(1002));
  EXPECT_EQ(1u, ledgers()["a"].totals.committed);
  EXPECT_EQ(0u, ledgers()["a"].pending);
  const std::optional<Batch> next = step(1003);
  ASSERT_TRUE(next);
  EXPECT_EQ(Ids{}, ids(*next));
  EXPECT_EQ(LedgerCounts(), next->inputs[0].delta);
}

TEST_F(PipelineChangeTest, AYoungStoreThatCameToTheSameNumbersIsNotTakenForTheOneThatWasLeft) {
  for (const bool knows_input : {true, false}) {
    build({{"a", ""}});
    sources_["a"]->bytes = "X 1\n";
    Batch out = leave_with_batch_out({{"a", "a"}});
    AgentState there{4, 5, {{knows_input ? "a" : "b", out.inputs[0].positions, {}}}};
    there.inputs[0].totals = out.inputs[0].delta;
    there.inputs[0].positions.at(0).stream = "of another file";
    pipeline_->deliver(moved(std::move(out), std::move(there)), at(1002));
    EXPECT_EQ(1u, ledgers()["a"].pending);
    const std::optional<Batch> again = step(1003);
    ASSERT_TRUE(again);
    EXPECT_EQ(Ids{"a:p-X"}, ids(*again));
  }
}

TEST_F(PipelineChangeTest, AnOlderStateOfTheStoreIsBroughtUpToDate) {
  build({{"a", ""}});
  sources_["a"]->bytes = "X 1\nY 2\n";
  change({{"a", "a"}}, true);
  ASSERT_TRUE(step(1));
  commit();
  step(2);
  AgentState there{9, 100, {{"a", {}, {}}}};
  there.inputs[0].totals.lines_read = there.inputs[0].totals.committed = 1;
  pipeline_->deliver(moved(std::nullopt, std::move(there)), at(3));
  EXPECT_EQ(2u, ledgers()["a"].totals.lines_read);
  EXPECT_EQ(1u, step(4)->inputs[0].delta.lines_read);
}

TEST_F(PipelineChangeTest, BeforePositionsAreKnownInputsComeAndGo) {
  std::vector<PipelineInput> built;
  files_["a"] = "X 1\n";
  built.push_back(parts({"a", ""}));
  built.back().source = new_source("a");
  pipeline_.emplace(PipelineOptions(), std::move(built), at(0));
  change({{"b", "a"}, {"c", ""}});
  step(1);
  EXPECT_TRUE(changed_);
  FlushReply reply;
  reply.kind = FlushReply::Kind::kPositions;
  reply.state.inputs.push_back(
      {"a", {Position{.stream = "stream", .path = "", .position = 4}}, {}});
  pipeline_->deliver(std::move(reply), at(2));
  EXPECT_EQ(4u, sources_["a"]->position);  // what was known of it under its old name
  const std::optional<Batch> batch = step(3);
  ASSERT_TRUE(batch);
  ASSERT_EQ(3u, batch->inputs.size());
  EXPECT_EQ("a", batch->inputs[0].name);
  EXPECT_TRUE(batch->inputs[0].positions.at(0).gone);
  EXPECT_EQ(4u, batch->inputs[1].positions.at(0).position);
}

}  // namespace
}  // namespace lastseen
