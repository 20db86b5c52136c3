#include "control/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/control/fakes.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

std::string reason(const AgentSnapshot& agent) {
  return not_ready_reason(agent, FakeClock().now());
}

TEST(Ready, BusyAgentWithStoreIsReady) {
  EXPECT_EQ("", reason(busy_agent()));
}

TEST(Ready, NothingPublishedYetIsNotReady) {
  EXPECT_THAT(reason(AgentSnapshot()), HasSubstr("positions are not loaded"));
}

TEST(Ready, PositionsNotLoadedNamesTheStoresError) {
  AgentSnapshot agent = busy_agent();
  agent.store.positions_loaded = false;
  agent.store.last_error = "no route to host";
  EXPECT_EQ("positions are not loaded from the store yet: no route to host", reason(agent));
}

TEST(Ready, RetryingStoreIsNotReady) {
  AgentSnapshot agent = busy_agent();
  agent.store.state = StoreState::kRetrying;
  agent.store.last_error = "connection refused";
  EXPECT_EQ("the store is not reachable, retrying: connection refused", reason(agent));
}

TEST(Ready, HoldingStoreIsNotReady) {
  AgentSnapshot agent = busy_agent();
  agent.store.state = StoreState::kHolding;
  agent.store.last_error = "permission denied for table client_activity";
  EXPECT_THAT(reason(agent), HasSubstr("permission denied for table client_activity"));
}

TEST(Ready, UntilItIsCommittedWhereInputsBeginItIsNotReady) {
  AgentSnapshot agent = busy_agent();
  agent.begins_unstored = true;
  EXPECT_EQ("the store has not taken yet where the inputs begin", reason(agent));
}

TEST(Ready, LongErrorStaysOneLine) {
  AgentSnapshot agent = busy_agent();
  agent.store.state = StoreState::kRetrying;
  agent.store.last_error = "ERROR: bad\nDETAIL: \x1b[31m";
  EXPECT_EQ("the store is not reachable, retrying: ERROR: bad\\x0ADETAIL: \\x1B[31m",
            reason(agent));
}

TEST(Ready, SightingOfThreeIntervalsAndFiveSecondsIsTheLastReadyOne) {
  AgentSnapshot agent = busy_agent();
  agent.flush_interval_ms = 2000;
  agent.oldest_pending_mono_ms = 1'000'000 - 11'000;
  EXPECT_EQ("", reason(agent));
  agent.oldest_pending_mono_ms -= 1;
  EXPECT_THAT(reason(agent), HasSubstr("11001 ms ago; at most 11000 ms"));
}

TEST(Ready, StartingAgentWithPositionsThatLooksForItsFilesIsNotReady) {
  AgentSnapshot agent = busy_agent();
  agent.state = "starting";
  EXPECT_THAT(reason(agent), HasSubstr("positions are not loaded"));
}

TEST(Ready, LogThatCannotBeReadNamesInputFileAndReason) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].name = "nginx";
  agent.inputs[0].files = {{"/log/a", 1, 1, "idle"},
                           {"/log/b", 0, 0, "unreadable: Permission denied"}};
  EXPECT_EQ("input 'nginx': /log/b is unreadable: Permission denied", reason(agent));
}

TEST(Ready, MissingLogCountsOnlyWithoutAnother) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].name = "nginx";
  agent.inputs[0].files = {{"/log/a", 0, 0, "missing: no directory /log"}};
  EXPECT_EQ("input 'nginx': /log/a is missing: no directory /log", reason(agent));
  agent.inputs[0].files.push_back({"/log/a", 7, 7, "rotated"});
  EXPECT_EQ("", reason(agent));
}

TEST(Ready, FilesThatAnotherAgentReadNameItOnceWithTheWaysOut) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].name = "nginx";
  agent.inputs[0].files = {{"/log/a", 0, 9, "read by agent 'web-1'"},
                           {"/log/b", 0, 9, "held"},
                           {"/log/c", 0, 9, "read by agent 'web-1'"}};
  EXPECT_EQ(
      "input 'nginx': /log/a is read by agent 'web-1', so the input waits: set agent_id to that "
      "name, or run 'lastseen positions take --from' or 'lastseen positions forget --agent' with "
      "it",
      reason(agent));
}

TEST(Ready, GlobWithoutFilesIsNotReadyButAFeedNeedsNone) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].name = "nginx";
  agent.inputs[0].files.clear();
  agent.inputs[0].watching = "";
  EXPECT_EQ("", reason(agent));
  agent.inputs[0].watching = "inotify";
  EXPECT_EQ("input 'nginx': no file matches", reason(agent));
}

TEST(Ready, StoppingAgentIsNotReady) {
  AgentSnapshot agent = busy_agent();
  agent.state = "stopping";
  EXPECT_EQ("the agent is stopping", reason(agent));
}

TEST(Ages, NothingPendingIsFresh) {
  AgentSnapshot agent = busy_agent();
  agent.oldest_pending_mono_ms = 0;
  EXPECT_EQ(0, freshness_ms(agent, FakeClock().now()));
}

TEST(Ages, SnapshotNewerThanTheQuestionGivesNoNegativeAge) {
  AgentSnapshot agent = busy_agent();
  agent.oldest_pending_mono_ms = 1'000'010;
  agent.store.last_commit_mono_ms = 1'000'010;
  EXPECT_EQ(0, freshness_ms(agent, FakeClock().now()));
  EXPECT_EQ(0, last_commit_age_ms(agent, FakeClock().now()));
}

TEST(Ages, NoCommitYetHasNoAge) {
  EXPECT_EQ(std::nullopt, last_commit_age_ms(AgentSnapshot(), FakeClock().now()));
}

TEST(Lag, FileThatShrankDoesNotCountBackwards) {
  InputSnapshot input;
  input.files = {{"a", 10, 25, ""}, {"b", 500, 20, ""}, {"c", 0, 7, ""}};
  EXPECT_EQ(22u, lag_bytes(input));
}

}  // namespace
}  // namespace lastseen
