#include "control/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fakes/temp_dir.h"
#include "unit/control/fakes.h"
#include "unit/control/golden.h"
#include "unit/control/http_client.h"

namespace lastseen {
namespace {

using namespace std::string_view_literals;

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A real server on a real socket; its thread is the test's.
class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    agent_.board.publish(busy_agent());
    settings_.socket = dir_ / "control.sock";
  }
  ~HttpServerTest() override { stop(); }

  void start() {
    server_ = std::make_unique<HttpServer>(settings_, agent_, clock_, log_, limits_);
    const Status listening = server_->listen();
    ASSERT_TRUE(listening) << listening.message();
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }
  HttpClient client() { return HttpClient::on_unix(settings_.socket); }
  std::string send_and_read_to_end(std::string_view bytes) {
    HttpClient one = client();
    one.send(bytes);
    return one.read_to_end();
  }

  TempDir dir_;
  FakeAgent agent_;
  FakeClock clock_;
  FakeLog log_;
  ControlSettings settings_;
  HttpLimits limits_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

TEST_F(HttpServerTest, StatusIsServedOverTheSocket) {
  start();
  HttpClient one = client();
  const HttpReply reply = one.get("/status?format=text");
  EXPECT_EQ(200, reply.status);
  EXPECT_EQ("text/plain; charset=utf-8", reply.content_type);
  EXPECT_THAT(reply.body, HasSubstr("agent web-1"));
  EXPECT_THAT(one.get("/status").body, HasSubstr("\"pid\":" + std::to_string(::getpid()) + ","));
}

TEST_F(HttpServerTest, ConnectionServesManyRequests) {
  start();
  HttpClient one = client();
  for (int i = 0; i < 100; ++i) ASSERT_EQ("ok\n", one.get("/healthz").body);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  HttpClient one = client();
  one.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ("ok\n", one.read_reply()->body);
  EXPECT_EQ("ready\n", one.read_reply()->body);
}

TEST_F(HttpServerTest, RequestInSingleBytesIsUnderstood) {
  start();
  HttpClient one = client();
  for (const char byte : std::string("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    one.send({&byte, 1});
  EXPECT_EQ("ok\n", one.read_reply()->body);
}

TEST_F(HttpServerTest, ConnectionCloseIsObeyed) {
  start();
  const std::string answer =
      send_and_read_to_end("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nok\n"));
}

TEST_F(HttpServerTest, Http10ClosesAfterTheAnswer) {
  start();
  EXPECT_THAT(send_and_read_to_end("GET /healthz HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nok\n"));
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  start();
  const std::string answer =
      send_and_read_to_end("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, ErrorsKeepTheConnection) {
  start();
  HttpClient one = client();
  EXPECT_EQ(404, one.get("/nothing").status);
  one.ask("DELETE", "/status");
  EXPECT_EQ(405, one.read_reply()->status);
  EXPECT_EQ(400, one.get("/status?x=1").status);
  EXPECT_EQ("ok\n", one.get("/healthz").body);
}

TEST_F(HttpServerTest, WrongMethodHasTheAllowHeader) {
  start();
  EXPECT_THAT(send_and_read_to_end("PUT /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(HttpServerTest, GarbageGetsOneErrorAndTheEnd) {
  start();
  HttpClient one = client();
  one.send("\x16\x03\x01\x02\0\0\xFF not http at all\r\n\r\n"sv);
  EXPECT_EQ(400, one.read_reply()->status);
  one.stop_sending();
  EXPECT_EQ("", one.read_to_end());
}

TEST_F(HttpServerTest, HugeHeaderIsRefusedBeforeItsEnd) {
  start();
  HttpClient one = client();
  one.send("GET / HTTP/1.1\r\nX: " + std::string(limits_.header_bytes_max, 'a'));
  EXPECT_EQ(431, one.read_reply()->status);
}

TEST_F(HttpServerTest, HeaderBelowTheLimitIsTaken) {
  start();
  HttpClient one = client();
  one.send("GET /healthz HTTP/1.1\r\nX: " + std::string(limits_.header_bytes_max - 100, 'a') +
           "\r\n\r\n");
  EXPECT_EQ("ok\n", one.read_reply()->body);
}

TEST_F(HttpServerTest, HugeBodyIsRefusedAndTheRefusalArrives) {
  start();
  HttpClient one = client();
  const std::string body(limits_.body_bytes_max + 200'000, 'x');
  one.send("POST /flush HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n");
  one.send(body);
  EXPECT_EQ(413, one.read_reply()->status);
}

TEST_F(HttpServerTest, ClientThatNeverEndsItsRefusedRequestIsCutOff) {
  limits_.linger_bytes_max = 100'000;
  start();
  HttpClient one = client();
  one.send("POST /flush HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  const std::string more(65'536, 'x');
  for (int i = 0; i < 100; ++i) one.send(more);
  EXPECT_THAT(one.read_to_end(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, SlowWriterIsHungUp) {
  limits_.read_timeout = 20;
  start();
  EXPECT_EQ("", send_and_read_to_end("GET /status HTT"));
  EXPECT_EQ("", send_and_read_to_end(""));
}

TEST_F(HttpServerTest, IdleConnectionIsHungUp) {
  limits_.idle_timeout = 20;
  start();
  HttpClient one = client();
  EXPECT_EQ("ok\n", one.get("/healthz").body);
  EXPECT_EQ("", one.read_to_end());
}

TEST_F(HttpServerTest, SlowReaderIsHungUp) {
  limits_.write_timeout = 20;
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].files.assign(20'000, {std::string(200, 'x'), 0, 0, "idle"});
  agent_.board.publish(agent);
  start();
  HttpClient one = client();
  one.ask("GET", "/status");
  one.wait_for_hangup();
  EXPECT_EQ(std::nullopt, one.read_reply());
}

TEST_F(HttpServerTest, LargeStatusArrivesWhole) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].files.assign(20'000, {std::string(200, 'x'), 0, 0, "idle"});
  agent_.board.publish(agent);
  start();
  HttpClient one = client();
  EXPECT_THAT(one.get("/status").body, EndsWith("\"freshness_seconds\":0.432}\n"));
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitAreToldSoAndTheOthersServed) {
  start();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(client());
  for (size_t i = 64; i < clients.size(); ++i)
    ASSERT_EQ(503, clients[i].read_reply().value_or(HttpReply{}).status) << i;
  for (size_t i = 0; i < 64; ++i) ASSERT_EQ("ok\n", clients[i].get("/healthz").body) << i;
  EXPECT_THAT(log_.messages(), ElementsAre(HasSubstr("too many connections")));
}

TEST_F(HttpServerTest, RefusalForTooManyConnectionsIsWholeHttp) {
  limits_.connections_max = 0;
  start();
  const auto reply = parse_reply(send_and_read_to_end(""), true);
  EXPECT_EQ("{\"error\":\"too many control connections: try again soon\"}\n", (*reply)->body);
}

TEST_F(HttpServerTest, PlaceOfAClosedConnectionIsFree) {
  limits_.connections_max = 1;
  start();
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(
        send_and_read_to_end("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        EndsWith("ok\n"));
  }
}

TEST_F(HttpServerTest, FlushIsAnsweredWhenItIsCommitted) {
  start();
  HttpClient one = client();
  one.ask("POST", "/flush");
  const auto done = agent_.take_flush();
  EXPECT_EQ("ok\n", client().get("/healthz").body);  // Others are served meanwhile.
  done(Status::ok());
  EXPECT_EQ("{\"flushed\":true}\n", one.read_reply()->body);
  EXPECT_EQ("ok\n", one.get("/healthz").body);
}

TEST_F(HttpServerTest, FlushThatFailsIsServiceUnavailable) {
  start();
  HttpClient one = client();
  one.ask("POST", "/flush");
  agent_.take_flush()(Status::retry("the agent stopped before the commit"));
  const auto reply = one.read_reply();
  EXPECT_EQ(503, reply->status);
  EXPECT_EQ("{\"error\":\"the agent stopped before the commit\"}\n", reply->body);
}

TEST_F(HttpServerTest, FlushOfAHalfClosedClientIsAnswered) {
  start();
  HttpClient one = client();
  one.ask("POST", "/flush");
  one.stop_sending();
  agent_.take_flush()(Status::ok());
  EXPECT_EQ(200, one.read_reply()->status);
}

TEST_F(HttpServerTest, ClientGoneWhileItsFlushWaitsFreesItsPlace) {
  limits_.connections_max = 1;
  start();
  HttpClient one = client();
  one.ask("POST", "/flush");
  const auto done = agent_.take_flush();
  one.close();
  HttpClient next = client();
  while (next.get("/healthz").status != 200) next = client();  // Nobody completes the flush.
  done(Status::ok());
  EXPECT_EQ("ok\n", next.get("/healthz").body);
}

TEST_F(HttpServerTest, FlushCompletedAfterTheServerIsGoneHarmsNothing) {
  start();
  HttpClient one = client();
  one.ask("POST", "/flush");
  const auto done = agent_.take_flush();
  stop();
  server_.reset();
  done(Status::ok());
}

TEST_F(HttpServerTest, StopAnswersWaitingFlushesAndRemovesTheSocket) {
  start();
  HttpClient idle = client();
  EXPECT_EQ("ok\n", idle.get("/healthz").body);
  HttpClient waiting = client();
  waiting.ask("POST", "/flush");
  const auto done = agent_.take_flush();
  stop();
  EXPECT_EQ("{\"error\":\"the agent is stopping\"}\n", waiting.read_reply()->body);
  EXPECT_EQ("", idle.read_to_end());
  EXPECT_FALSE(std::filesystem::exists(settings_.socket));
}

TEST_F(HttpServerTest, StopBeforeRunEndsIt) {
  server_ = std::make_unique<HttpServer>(settings_, agent_, clock_, log_, limits_);
  ASSERT_TRUE(server_->listen());
  server_->stop();
  server_->stop();
  server_->run();
  EXPECT_FALSE(std::filesystem::exists(settings_.socket));
}

TEST_F(HttpServerTest, StopDoesNotWaitForASlowReader) {
  limits_.stop_timeout = 20;
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].files.assign(20'000, {std::string(200, 'x'), 0, 0, "idle"});
  agent_.board.publish(agent);
  start();
  HttpClient one = client();
  one.ask("GET", "/status");
  EXPECT_EQ("ok\n", client().get("/healthz").body);
  stop();
}

TEST_F(HttpServerTest, NothingConfiguredRunsUntilStopped) {
  settings_.socket = "";
  start();
  stop();
}

TEST_F(HttpServerTest, SecondServerOnALiveSocketIsRefusedAndTheFirstGoesOn) {
  start();
  HttpServer second(settings_, agent_, clock_, log_);
  const Status refused = second.listen();
  EXPECT_EQ(StatusCode::kFatal, refused.code());
  EXPECT_EQ("another agent answers on " + settings_.socket + ": stop it or set control.socket",
            refused.message());
  EXPECT_EQ("ok\n", client().get("/healthz").body);
}

TEST_F(HttpServerTest, TcpServesMetricsAndHealthAndNothingElse) {
  settings_.http = "127.0.0.1:0";
  start();
  HttpClient one = HttpClient::on_tcp(server_->tcp_port());
  ASSERT_TRUE(one.connected());
  EXPECT_EQ(golden("metrics.txt"), one.get("/metrics").body);
  EXPECT_EQ("ok\n", one.get("/healthz").body);
  EXPECT_EQ("ready\n", one.get("/readyz").body);
  EXPECT_EQ(404, one.get("/status").status);
  one.ask("POST", "/flush");
  EXPECT_EQ(404, one.read_reply()->status);
}

TEST_F(HttpServerTest, FullTcpDoorLeavesTheSocketOpen) {
  settings_.http = "127.0.0.1:0";
  limits_.connections_max = 1;
  start();
  HttpClient first = HttpClient::on_tcp(server_->tcp_port());
  EXPECT_EQ("ok\n", first.get("/healthz").body);
  EXPECT_EQ(503, HttpClient::on_tcp(server_->tcp_port()).read_reply()->status);
  EXPECT_EQ("ok\n", client().get("/healthz").body);
}

TEST_F(HttpServerTest, OtherUserMayLookAndNotFlush) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  settings_.mode = 0666;
  ::chmod(dir_.path().c_str(), 0755);
  start();
  int seen = 0, flushed = 0;
  std::thread other([&] {
    // The system call changes this thread alone; the C library's function all of them.
    ASSERT_EQ(0, ::syscall(SYS_setresuid, 65'534, 65'534, 65'534));
    HttpClient one = client();
    seen = one.get("/status").status;
    one.ask("POST", "/flush");
    flushed = one.read_reply()->status;
  });
  other.join();
  EXPECT_EQ(200, seen);
  EXPECT_EQ(403, flushed);
}

}  // namespace
}  // namespace lastseen
