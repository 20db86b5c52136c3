#include "reload_plan.h"

#include <gtest/gtest.h>

#include "unit/agent/some_input.h"

namespace lastseen {
namespace {

InputSettings input(const std::string& name, const std::string& path,
                    const std::string& type = "file") {
  return some_input(name, path, type);
}

class ReloadPlanTest : public testing::Test {
 protected:
  ReloadPlanTest() {
    running_.agent_id = "web-1";
    running_.inputs = {input("a", "/a.log"), input("feed", "/f.sock", "unix_datagram")};
    next_ = running_;
  }
  ReloadPlan plan() {
    Result<ReloadPlan> made = plan_reload(running_, next_);
    EXPECT_TRUE(made.is_ok()) << made.status().message();
    return made ? *made : ReloadPlan();
  }
  std::vector<std::string> keeps() { return plan().keeps; }

  using Names = std::vector<std::string>;
  Config running_, next_;
};

TEST_F(ReloadPlanTest, NothingChangedKeepsEverything) {
  EXPECT_EQ((Names{"a", "feed"}), keeps());
  EXPECT_EQ(StoreReload::kNone, plan().store);
  EXPECT_EQ("", plan().summary);
}

TEST_F(ReloadPlanTest, AnotherNumberOfThreadsNeedsARestart) {
  next_.ingest.threads = 4;
  const Result<ReloadPlan> made = plan_reload(running_, next_);
  ASSERT_FALSE(made);
  EXPECT_EQ(
      "ingest.threads changes from '1' to '4', which needs a restart: restart the agent, or undo "
      "it",
      made.status().message());
}

TEST_F(ReloadPlanTest, AnotherOrderKeepsByName) {
  std::swap(next_.inputs[0], next_.inputs[1]);
  EXPECT_EQ((Names{"feed", "a"}), keeps());
}

TEST_F(ReloadPlanTest, AnotherParserKeepsTheSource) {
  next_.inputs[0].parser.type = "combined";
  EXPECT_EQ((Names{"a", "feed"}), keeps());
  EXPECT_EQ("1 input changed", plan().summary);
}

TEST_F(ReloadPlanTest, AnotherNameKeepsTheSourceByItsPath) {
  next_.inputs[0].name = "b";
  next_.inputs[1].name = "socket";
  EXPECT_EQ((Names{"a", "feed"}), keeps());
  EXPECT_EQ("2 inputs renamed", plan().summary);
}

TEST_F(ReloadPlanTest, TwoInputsCanSwapTheirNames) {
  running_.inputs[1] = input("b", "/b.log");
  next_.inputs = {input("b", "/a.log"), input("a", "/b.log")};
  EXPECT_EQ((Names{"a", "b"}), keeps());
}

TEST_F(ReloadPlanTest, AnotherPathOfFilesKeepsTheSourceOfThatName) {
  next_.inputs[0].path = "/*.log";
  EXPECT_EQ((Names{"a", "feed"}), keeps());
}

TEST_F(ReloadPlanTest, AnotherPathOfASocketIsANewFeed) {
  next_.inputs[1].path = "/g.sock";
  EXPECT_EQ((Names{"a", ""}), keeps());
  EXPECT_EQ("1 input added, 1 input removed", plan().summary);
}

TEST_F(ReloadPlanTest, AnotherTypeIsANewInput) {
  next_.inputs[1].type = "unix_stream";
  EXPECT_EQ((Names{"a", ""}), keeps());
}

TEST_F(ReloadPlanTest, ANewPasswordIsTheSameStore) {
  running_.store.type = next_.store.type = "postgres";
  running_.store.url = "postgresql://u:one@h/db";
  next_.store.url = "host=h user=u dbname=db password=two";
  EXPECT_EQ(StoreReload::kAnew, plan().store);
  EXPECT_EQ("store changed", plan().summary);
}

TEST_F(ReloadPlanTest, AnotherDatabaseHostOrUserIsAnotherStore) {
  running_.store.type = next_.store.type = "postgres";
  running_.store.url = "postgresql://u@h/db";
  for (const char* url : {"postgresql://u@h/other", "postgresql://u@g/db", "postgresql://v@h/db",
                          "postgresql://u@h:6432/db"}) {
    next_.store.url = url;
    EXPECT_EQ(StoreReload::kOther, plan().store) << url;
  }
}

TEST_F(ReloadPlanTest, AnotherSchemaIsAnotherStore) {
  running_.store.type = next_.store.type = "postgres";
  running_.store.url = next_.store.url = "postgresql://u@h/db";
  running_.store.table = "one.clients";
  next_.store.table = "one.others";
  EXPECT_EQ(StoreReload::kAnew, plan().store);
  next_.store.table = "two.clients";
  EXPECT_EQ(StoreReload::kOther, plan().store);
}

TEST_F(ReloadPlanTest, AnotherFileOrTypeIsAnotherStore) {
  next_.store.path = "/elsewhere.db";
  EXPECT_EQ(StoreReload::kOther, plan().store);
  next_.store = running_.store;
  next_.store.type = "discard";
  EXPECT_EQ(StoreReload::kOther, plan().store);
}

TEST_F(ReloadPlanTest, TimeoutsNeedAnotherConnectionAndRetriesNone) {
  next_.store.retry_max = 1234;
  EXPECT_EQ(StoreReload::kNone, plan().store);
  EXPECT_EQ("settings changed", plan().summary);
  next_.store.timeout_lock = 1234;
  EXPECT_EQ(StoreReload::kAnew, plan().store);
  next_.store = running_.store;
  next_.last_seen.future_max = 1;
  EXPECT_EQ(StoreReload::kAnew, plan().store);
}

TEST_F(ReloadPlanTest, WhoTheAgentIsNeedsARestart) {
  next_.agent_id = "web-2";
  Result<ReloadPlan> refused = plan_reload(running_, next_);
  EXPECT_EQ(StatusCode::kReject, refused.status().code());
  EXPECT_NE(std::string::npos, refused.status().message().find("agent_id changes from 'web-1'"));
  next_.agent_id = running_.agent_id;
  next_.state_dir = "/elsewhere";
  EXPECT_NE(std::string::npos,
            plan_reload(running_, next_).status().message().find("state_dir changes from"));
}

}  // namespace
}  // namespace lastseen
