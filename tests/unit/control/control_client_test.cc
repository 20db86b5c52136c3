#include "control/control_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "control/http_server.h"
#include "control/listening_socket.h"
#include "fakes/temp_dir.h"
#include "unit/control/fakes.h"
#include "unit/control/http_client.h"

namespace lastseen {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\nContent-Type: text/plain\r\n\r\n"
    "5;x=y\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n";
constexpr std::string_view kWithLength =
    "HTTP/1.1 503 Service Unavailable\r\nCONTENT-LENGTH:  6 \r\nX-Empty:\r\n\r\nsorry\n";

TEST(ParseReply, EverySplitOfALengthOrChunksGivesTheSameReply) {
  for (const std::string_view bytes : {kWithLength, kChunked}) {
    for (size_t length = 0; length < bytes.size(); ++length) {
      const auto part = parse_reply(bytes.substr(0, length), false);
      ASSERT_TRUE(part && !part->has_value()) << length;
      ASSERT_FALSE(parse_reply(bytes.substr(0, length), true)) << length;
    }
  }
  EXPECT_EQ("sorry\n", (*parse_reply(kWithLength, false))->body);
  EXPECT_EQ(503, (*parse_reply(kWithLength, false))->status);
  EXPECT_EQ("hello 0123456789", (*parse_reply(kChunked, false))->body);
  EXPECT_EQ("text/plain", (*parse_reply(kChunked, false))->content_type);
}

TEST(ParseReply, BodyWithoutLengthEndsWithTheConnection) {
  const std::string_view bytes = "HTTP/1.0 200 OK\r\n\r\nall of it";
  EXPECT_FALSE(parse_reply(bytes, false)->has_value());
  EXPECT_EQ("all of it", (*parse_reply(bytes, true))->body);
}

TEST(ParseReply, WhatIsNotHttpIsSaidAtOnce) {
  for (const std::string_view bytes :
       {"SSH-2.0-OpenSSH", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd"}) {
    EXPECT_EQ(StatusCode::kFatal, parse_reply(bytes, false).status().code()) << bytes;
  }
}

TEST(ParseReply, EndlessHeaderIsNotHttp) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x');
  EXPECT_EQ(StatusCode::kFatal, parse_reply(bytes, false).status().code());
}

class ControlClientTest : public ::testing::Test {
 protected:
  Result<HttpReply> ask(std::string_view method, std::string_view target,
                        Milliseconds timeout_ms = kReplyTimeoutMs) {
    return ask_agent(path_, method, target, timeout_ms, clock_);
  }
  // Answers one connection with these bytes and hangs up.
  Result<HttpReply> ask_stranger(std::string_view answer) {
    const auto socket = ListeningSocket::at_path(path_, 0600);
    std::thread stranger([&] {
      pollfd ready{.fd = socket->fd(), .events = POLLIN, .revents = 0};
      ::poll(&ready, 1, -1);
      const int fd = ::accept(socket->fd(), nullptr, nullptr);
      (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(fd, SHUT_WR);
      char request[4096];
      while (::recv(fd, request, sizeof request, 0) > 0) continue;
      ::close(fd);
    });
    auto reply = ask("GET", "/status");
    stranger.join();
    return reply;
  }

  TempDir dir_;
  std::string path_ = dir_ / "control.sock";
  SystemClock clock_;
};

TEST_F(ControlClientTest, RunningAgentAnswers) {
  FakeAgent agent;
  agent.board.publish(busy_agent());
  FakeLog log;
  HttpServer server({.socket = path_, .http = ""}, agent, clock_, log);
  ASSERT_TRUE(server.listen());
  std::thread serving([&] { server.run(); });
  EXPECT_EQ("ok\n", ask("GET", "/healthz")->body);
  EXPECT_EQ("application/json", ask("GET", "/status")->content_type);
  EXPECT_EQ(404, ask("GET", "/nothing")->status);

  std::thread flushing([&] { agent.take_flush()(Status::ok()); });
  EXPECT_EQ("{\"flushed\":true}\n", ask("POST", "/flush", kNever)->body);
  flushing.join();
  server.stop();
  serving.join();
}

TEST_F(ControlClientTest, NoSocketAsksWhetherTheAgentRuns) {
  const auto reply = ask("GET", "/status");
  EXPECT_EQ(StatusCode::kNotFound, reply.status().code());
  EXPECT_THAT(reply.status().message(), HasSubstr("is the agent running?"));
}

TEST_F(ControlClientTest, SocketOfADeadAgentSaysItIsNotRunning) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  ASSERT_EQ(0, ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ::close(fd);
  EXPECT_EQ(StatusCode::kNotFound, ask("GET", "/status").status().code());
  EXPECT_THAT(ask("GET", "/status").status().message(), HasSubstr("the agent is not running"));
}

TEST_F(ControlClientTest, NoPermissionSaysWhoMayAsk) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  ::chmod(dir_.path().c_str(), 0755);
  const auto socket = ListeningSocket::at_path(path_, 0600);
  std::string message;
  std::thread other([&] {
    ASSERT_EQ(0, ::syscall(SYS_setresuid, 65'534, 65'534, 65'534));
    message = ask("GET", "/status").status().message();
  });
  other.join();
  EXPECT_THAT(message, HasSubstr("no permission for " + path_));
}

TEST_F(ControlClientTest, AgentThatDoesNotAnswerIsGivenUp) {
  const auto socket = ListeningSocket::at_path(path_, 0600);
  const auto reply = ask("GET", "/status", 20);
  EXPECT_EQ(StatusCode::kRetry, reply.status().code());
  EXPECT_THAT(reply.status().message(), HasSubstr("no answer from " + path_ + " within 20 ms"));
}

TEST_F(ControlClientTest, AgentWithAFullBacklogIsGivenUp) {
  const auto socket = ListeningSocket::at_path(path_, 0600);
  ASSERT_EQ(0, ::listen(socket->fd(), 0));
  const HttpClient waiting = HttpClient::on_unix(path_);
  const auto reply = ask("GET", "/status", 20);
  EXPECT_EQ(StatusCode::kRetry, reply.status().code());
  EXPECT_THAT(reply.status().message(), HasSubstr("takes no connection"));
}

TEST_F(ControlClientTest, StrangerOnTheSocketIsNotMistakenForAnAgent) {
  EXPECT_EQ(StatusCode::kFatal, ask_stranger("220 mail.example ESMTP\r\n").status().code());
}

TEST_F(ControlClientTest, AnswerCutOffIsSaid) {
  const auto reply = ask_stranger("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_EQ(StatusCode::kRetry, reply.status().code());
  EXPECT_THAT(reply.status().message(), HasSubstr("closed the connection in mid-answer"));
}

TEST_F(ControlClientTest, PathThatCannotBeASocketIsSaid) {
  path_.append(200, 'x');
  EXPECT_THAT(ask("GET", "/status").status().message(), HasSubstr("at most 107 bytes"));
  path_ = "";
  EXPECT_THAT(ask("GET", "/status").status().message(), HasSubstr("control.socket is empty"));
}

}  // namespace
}  // namespace lastseen
