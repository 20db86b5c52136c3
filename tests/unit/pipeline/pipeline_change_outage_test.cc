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

}  // namespace
}  // namespace lastseen
