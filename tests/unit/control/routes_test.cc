#include "control/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "unit/control/fakes.h"
#include "unit/control/golden.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

class RoutesTest : public ::testing::Test {
 protected:
  void SetUp() override { agent_.board.publish(busy_agent()); }

  // The response if there was one before handle() returned.
  std::optional<ControlResponse> ask(const ControlRequest& request) {
    std::optional<ControlResponse> answer;
    routes_.handle(request, [&](ControlResponse response) { answer = std::move(response); });
    return answer;
  }
  ControlResponse get(std::string_view target) {
    return ask({.method = "GET", .target = target}).value();
  }
  // Asks for a flush whose answer goes to `later`.
  void flush(std::optional<ControlResponse>& later) {
    routes_.handle({.method = "POST", .target = "/flush", .may_change = true},
                   [&later](ControlResponse response) { later = std::move(response); });
  }

  FakeAgent agent_;
  FakeClock clock_;
  Routes routes_{agent_, clock_, 4711, 2};
};

TEST_F(RoutesTest, StatusIsTheGoldenJson) {
  const ControlResponse response = get("/status");
  EXPECT_EQ(200, response.status);
  EXPECT_EQ("application/json", response.content_type);
  EXPECT_EQ(golden("status.json"), response.body);
  EXPECT_EQ(response.body, get("/status?format=json").body);
}

TEST_F(RoutesTest, StatusForPeopleIsTheGoldenText) {
  EXPECT_EQ(golden("status.txt"), get("/status?format=text").body);
}

TEST_F(RoutesTest, StatusForPeopleTellsTheTroubleOfTheStore) {
  AgentSnapshot agent = busy_agent();
  agent.store.state = StoreState::kHolding;
  agent.store.last_error = "password authentication failed";
  agent.store.last_commit_mono_ms = -1;
  agent.oldest_pending_mono_ms = 0;
  agent.inputs[0].files.clear();
  agent_.board.publish(agent);
  EXPECT_EQ(golden("status_trouble.txt"), get("/status?format=text").body);
}

TEST_F(RoutesTest, StatusBeforeTheFirstSnapshotIsStarting) {
  agent_.board.publish(AgentSnapshot());
  EXPECT_EQ(golden("status_starting.json"), get("/status").body);
}

TEST_F(RoutesTest, StatusWithForeignBytesIsStillJson) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].files = {{"/var/log/\xFF\"\n.log", 0, 0, "idle"}};
  agent_.board.publish(agent);
  EXPECT_THAT(get("/status").body, HasSubstr(R"("path":"/var/log/\\xFF\"\\x0A.log")"));
}

TEST_F(RoutesTest, UnknownFormatIsABadRequest) {
  EXPECT_EQ(400, get("/status?format=xml").status);
}

TEST_F(RoutesTest, MetricsHaveTheExpositionType) {
  EXPECT_EQ("text/plain; version=0.0.4; charset=utf-8", get("/metrics").content_type);
  EXPECT_EQ(golden("metrics.txt"), get("/metrics").body);
}

TEST_F(RoutesTest, HealthIsOkAlsoWhenNotReady) {
  agent_.board.publish(AgentSnapshot());
  EXPECT_EQ("ok\n", get("/healthz").body);
  EXPECT_EQ(503, get("/readyz").status);
  EXPECT_THAT(get("/readyz").body, ::testing::EndsWith("\n"));
}

TEST_F(RoutesTest, ReadySaysReady) {
  EXPECT_EQ(200, get("/readyz").status);
  EXPECT_EQ("ready\n", get("/readyz").body);
}

TEST_F(RoutesTest, HeadIsAnsweredLikeGet) {
  EXPECT_EQ("ready\n", ask({.method = "HEAD", .target = "/readyz"})->body);
}

TEST_F(RoutesTest, AbsoluteTargetIsUnderstood) {
  EXPECT_EQ("ok\n", get("http://localhost/healthz").body);
  EXPECT_EQ(404, get("http://localhost").status);
}

TEST_F(RoutesTest, ReloadTellsWhatChangedOrWhyNot) {
  const auto post = [&](std::string_view target) {
    ControlResponse response;
    routes_.handle({.method = "POST", .target = target, .may_change = true},
                   [&](ControlResponse given) { response = std::move(given); });
    return response;
  };
  EXPECT_EQ("{\"reloaded\":true,\"changes\":\"1 input added\"}\n", post("/reload").body);
  EXPECT_EQ("1 input added\n", post("/reload?format=text").body);
  agent_.reload_result = Status::reject("f.yaml:1:2: no");
  EXPECT_EQ(422, post("/reload").status);
  EXPECT_EQ("{\"error\":\"f.yaml:1:2: no\"}\n", post("/reload").body);
  agent_.reload_result = Status::retry("the agent is stopping");
  EXPECT_EQ(503, post("/reload?format=text").status);
  EXPECT_EQ(405, get("/reload").status);
  EXPECT_EQ(5, agent_.reloads);
}

TEST_F(RoutesTest, ConfigIsTheRunningOneWithoutItsPassword) {
  auto config = std::make_shared<Config>();
  config->agent_id = "web-1";
  config->store.url = "postgresql://me:secret@db/app";
  agent_.settings = config;
  const ControlResponse response = get("/config");
  EXPECT_EQ("application/json", response.content_type);
  EXPECT_THAT(response.body, HasSubstr("{\"agent_id\":\"web-1\""));
  EXPECT_THAT(response.body, HasSubstr("postgresql://me:***@db/app"));
  EXPECT_EQ(404, ask({.method = "GET", .target = "/config", .over_tcp = true})->status);
}

class ClientRoutesTest : public RoutesTest {
 protected:
  void SetUp() override {
    RoutesTest::SetUp();
    agent_.client->add_pending(3, 1'790'000'000'123);
    agent_.client->committed_last_seen_ms = 1'790'000'000'000;
  }
  ControlResponse own(std::string_view target, std::string_view method = "GET") {
    return ask({.method = method, .target = target, .may_change = true}).value();
  }
  void allow(bool tap) {
    auto config = std::make_shared<Config>();
    config->control.tap = tap;
    config->inputs.push_back({.name = "nginx", .path = {}, .start = {}, .parser = {}});
    agent_.settings = config;
  }
};

TEST_F(ClientRoutesTest, ClientIsPendingAndCommitted) {
  EXPECT_EQ(
      "{\"client_id\":\"a/b c\",\"pending\":3,\"pending_last_seen\":"
      "\"2026-09-21T14:13:20.123Z\",\"committed_last_seen\":\"2026-09-21T14:13:20.000Z\"}\n",
      own("/clients/a%2Fb%20c").body);
  EXPECT_EQ("a/b c", agent_.questions.at(0).client_id);
  EXPECT_FALSE(agent_.questions[0].forget_until_ms);
  agent_.client = ClientView();
  EXPECT_EQ(404, own("/clients/x").status);
  agent_.client = Status::retry("the agent is stopping");
  EXPECT_EQ(503, own("/clients/x").status);
  EXPECT_EQ(400, own("/clients/%zz").status);
  EXPECT_EQ(404, own("/clients/").status);
}

TEST_F(ClientRoutesTest, OthersMayAskForAClientOnlyWhenTheTapIsOn) {
  allow(false);
  EXPECT_EQ(403, get("/clients/x").status);
  EXPECT_TRUE(agent_.questions.empty());
  EXPECT_EQ(200, own("/clients/x").status);
  allow(true);
  EXPECT_EQ(200, get("/clients/x").status);
  EXPECT_EQ(404, ask({.method = "GET", .target = "/clients/x", .over_tcp = true})->status);
}

TEST_F(ClientRoutesTest, ForgettingTakesTheTimeUpToWhich) {
  EXPECT_EQ("{\"forgotten\":true}\n", own("/clients/a%2Fb/forget?until_ms=5", "POST").body);
  EXPECT_EQ("a/b", agent_.questions.at(0).client_id);
  EXPECT_EQ(5, agent_.questions[0].forget_until_ms);
  own("/clients/a/forget", "POST");
  EXPECT_EQ(clock_.now().wall_ms, agent_.questions.at(1).forget_until_ms);
  EXPECT_EQ(400, own("/clients/a/forget?until_ms=soon", "POST").status);
  EXPECT_EQ(405, own("/clients/a", "POST").status);
  EXPECT_EQ(403, ask({.method = "POST", .target = "/clients/a/forget"})->status);
}

TEST_F(ClientRoutesTest, QuestionsThatWaitAreFew) {
  agent_.answer_questions = false;
  EXPECT_FALSE(ask({.method = "GET", .target = "/clients/a", .may_change = true}));
  EXPECT_FALSE(ask({.method = "GET", .target = "/clients/b", .may_change = true}));
  EXPECT_EQ(503, own("/clients/c").status);
}

TEST_F(ClientRoutesTest, TapIsOffUnlessItIsAllowed) {
  allow(false);
  EXPECT_EQ(403, own("/tap").status);
  EXPECT_THAT(own("/tap").body, HasSubstr("control.tap"));
  allow(true);
  EXPECT_EQ(404, ask({.method = "GET", .target = "/tap", .over_tcp = true})->status);
  EXPECT_EQ(400, get("/tap?nonsense=1").status);
  EXPECT_EQ(400, get("/tap?skipped=nonsense").status);
  EXPECT_EQ(400, get("/tap?skipped&client=A").status);
  EXPECT_EQ(404, get("/tap?input=nonsense").status);
  EXPECT_FALSE(agent_.taps.any());
}

TEST_F(ClientRoutesTest, TapEndsWhenItIsNoLongerAllowed) {
  allow(true);
  const ControlResponse response = get("/tap?input=nginx&client=%41");
  ASSERT_NE(nullptr, response.stream);
  agent_.taps.offer({"nginx", "", std::nullopt, "A", 0});
  EXPECT_EQ("{\"input\":\"nginx\",\"client_id\":\"A\",\"ts\":\"1970-01-01T00:00:00.000Z\"}\n",
            response.stream->take());
  EXPECT_EQ("", response.stream->take());
  allow(false);
  EXPECT_EQ(std::nullopt, response.stream->take());
}

TEST_F(ClientRoutesTest, OnlySoManyLookOn) {
  allow(true);
  std::vector<ControlResponse> open;
  for (size_t i = 0; i < kTapsMax; ++i) open.push_back(get("/tap"));
  EXPECT_EQ(503, get("/tap").status);
  open.pop_back();
  EXPECT_EQ(200, get("/tap").status);
}

TEST_F(RoutesTest, UnknownPathListsTheKnownOnes) {
  const ControlResponse response = get("/stats");
  EXPECT_EQ(404, response.status);
  EXPECT_EQ(
      "{\"error\":\"no such path; there is GET /status, GET /metrics, GET /healthz, "
      "GET /readyz, GET /config, GET /clients/ID, GET /tap, POST /flush, POST /reload, "
      "POST /clients/ID/forget\"}\n",
      response.body);
}

TEST_F(RoutesTest, WrongMethodNamesTheAllowedOnes) {
  const auto post = ask({.method = "POST", .target = "/status", .may_change = true});
  EXPECT_EQ(405, post->status);
  EXPECT_EQ("GET, HEAD", post->allow);
  EXPECT_EQ(405, get("/flush").status);
  EXPECT_EQ("POST", get("/flush").allow);
  EXPECT_EQ(405, ask({.method = "DELETE", .target = "/flush"})->status);
}

TEST_F(RoutesTest, TcpHasOnlyWhatAnybodyMaySee) {
  const auto status_of = [&](std::string_view method, std::string_view target) {
    return ask({.method = method, .target = target, .over_tcp = true})->status;
  };
  EXPECT_EQ(200, status_of("GET", "/metrics"));
  EXPECT_EQ(200, status_of("GET", "/healthz"));
  EXPECT_EQ(200, status_of("GET", "/readyz"));
  EXPECT_EQ(404, status_of("GET", "/status"));
  EXPECT_EQ(404, status_of("POST", "/flush"));
  EXPECT_EQ(405, status_of("POST", "/metrics"));
}

TEST_F(RoutesTest, StrangerMayNotFlush) {
  EXPECT_EQ(403, ask({.method = "POST", .target = "/flush"})->status);
}

TEST_F(RoutesTest, FlushIsAnsweredAfterTheCommit) {
  std::optional<ControlResponse> answer;
  flush(answer);
  EXPECT_FALSE(answer);
  agent_.take_flush()(Status::ok());
  EXPECT_EQ(200, answer->status);
  EXPECT_EQ("{\"flushed\":true}\n", answer->body);
}

TEST_F(RoutesTest, FailedFlushSaysWhy) {
  std::optional<ControlResponse> answer;
  flush(answer);
  agent_.take_flush()(Status::retry("the agent stops"));
  EXPECT_EQ(503, answer->status);
  EXPECT_EQ("{\"error\":\"the agent stops\"}\n", answer->body);
}

TEST_F(RoutesTest, FlushesThatWaitAreLimitedAndFreedAgain) {
  std::optional<ControlResponse> first, second, third, fourth;
  flush(first);
  flush(second);
  flush(third);
  EXPECT_EQ(503, third->status);
  agent_.take_flush()(Status::ok());
  flush(fourth);
  EXPECT_FALSE(fourth);
  agent_.take_flush()(Status::ok());
  agent_.take_flush()(Status::ok());
}

}  // namespace
}  // namespace lastseen
