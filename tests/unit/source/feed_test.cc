// Feeds against the kernel: real sockets and pipes, a thread as in the agent.
#include "source/feed.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "fakes/recording_log.h"
#include "fakes/temp_dir.h"
#include "source/feed_source.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

class FeedTest : public testing::Test {
 protected:
  ~FeedTest() override {
    if (feed_) feed_->abandon();
    finish();
  }

  // Opens and runs the feed; its path is `place()`.
  Status start(const std::string& type, int passed_fd = -1) {
    settings_.name = "in";
    settings_.type = type;
    settings_.path = place();
    queue_ = std::make_shared<FeedQueue>(1 << 20, [] {});
    feed_ = make_feed(settings_, queue_, log_, passed_fd);
    const Status opened = feed_->open();
    if (opened) thread_ = std::thread([this] { feed_->run(); });
    return opened;
  }
  void finish() {
    if (!thread_.joinable()) return;
    feed_->end();
    thread_.join();
  }
  std::string place() const { return directory_ / "in"; }

  static sockaddr_un address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    return address;
  }
  Descriptor connect(int type) {
    Descriptor fd(::socket(AF_UNIX, type, 0));
    const sockaddr_un to = address(place());
    EXPECT_EQ(0, ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to))
        << std::strerror(errno);
    return fd;
  }
  static void send(const Descriptor& fd, std::string_view bytes) {
    EXPECT_EQ(static_cast<ssize_t>(bytes.size()), ::write(fd.get(), bytes.data(), bytes.size()))
        << std::strerror(errno);
  }

  // The next `count` records, with patience.
  std::vector<std::string> records(size_t count) {
    std::vector<std::string> got;
    FeedBlock block;
    for (int tries = 0; got.size() < count && tries < 5000; ++tries) {
      if (!queue_->take(block)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      size_t begin = 0;
      for (const uint32_t end : block.ends) {
        got.push_back(block.bytes.substr(begin, end - begin));
        begin = end;
      }
    }
    return got;
  }
  template <typename Condition>
  void wait_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    ASSERT_TRUE(condition());
  }

  TempDir directory_;
  RecordingLog log_;
  InputSettings settings_;
  std::shared_ptr<FeedQueue> queue_;
  std::shared_ptr<Feed> feed_;
  std::thread thread_;
};

using Strings = std::vector<std::string>;

TEST_F(FeedTest, DatagramsAreRecordsWhateverTheyHold) {
  ASSERT_TRUE(start("unix_datagram"));
  const Descriptor fd = connect(SOCK_DGRAM);
  const std::string large(212'000, 'x');
  const Strings sent = {"one", "two\n", "a\nb", large};
  for (const std::string& datagram : sent) send(fd, datagram);
  EXPECT_EQ(sent, records(sent.size()));
}

TEST_F(FeedTest, SocketHasItsModeAndGoesWithTheFeed) {
  settings_.mode = 0622;
  ASSERT_TRUE(start("unix_datagram"));
  struct stat info {};
  ASSERT_EQ(0, ::stat(place().c_str(), &info));
  EXPECT_EQ(0622u, info.st_mode & 0777);
  finish();
  EXPECT_NE(0, ::stat(place().c_str(), &info));
}

TEST_F(FeedTest, StaleSocketIsReplacedAndALiveOneRefused) {
  {
    const Descriptor dead(::socket(AF_UNIX, SOCK_DGRAM, 0));
    const sockaddr_un at = address(place());
    ASSERT_EQ(0, ::bind(dead.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
  }
  ASSERT_TRUE(start("unix_datagram"));
  auto second = make_feed(settings_, queue_, log_, -1);
  const Status refused = second->open();
  EXPECT_EQ(StatusCode::kFatal, refused.code());
  EXPECT_THAT(refused.message(), HasSubstr("another process listens there"));
  settings_.type = "unix_stream";
  EXPECT_EQ(StatusCode::kFatal, make_feed(settings_, queue_, log_, -1)->open().code());
  send(connect(SOCK_DGRAM), "still here");
  EXPECT_EQ(Strings{"still here"}, records(1));
}

TEST_F(FeedTest, AnythingElseAtThePathIsLeftAlone) {
  std::ofstream(place()) << "precious";
  for (const char* type : {"unix_datagram", "unix_stream", "fifo"})
    EXPECT_EQ(StatusCode::kFatal, start(type).code()) << type;
  std::string text;
  std::ifstream(place()) >> text;
  EXPECT_EQ("precious", text);
}

TEST_F(FeedTest, MissingUserIsToldOnceAndTriedAgain) {
  settings_.owner = "no-such-user";
  EXPECT_EQ(StatusCode::kRetry, start("unix_datagram").code());
  EXPECT_EQ(StatusCode::kRetry, feed_->open().code());
  EXPECT_EQ(1u, log_.lines().size());
  EXPECT_THAT(queue_->numbers().trouble, HasSubstr("there is no user 'no-such-user'"));
}

TEST_F(FeedTest, DatagramsThatFindNoRoomAreCounted) {
  ASSERT_TRUE(start("unix_datagram"));
  const Descriptor fd = connect(SOCK_DGRAM);
  for (int i = 0; i < 20; ++i) send(fd, std::string(100'000, 'x'));
  LedgerCounts lost;
  wait_until([&] {
    lost.add(queue_->take_losses());
    return queue_->numbers().records + lost.lost_sum() == 20;
  });
  EXPECT_EQ(10u, lost.lost[static_cast<size_t>(LossReason::kQueueFull)]);
  EXPECT_EQ(lost.settled(), lost.lines_read);
}

TEST_F(FeedTest, WhatWaitsInTheSocketAtTheEndIsReceived) {
  ASSERT_TRUE(start("unix_datagram"));
  const Descriptor fd = connect(SOCK_DGRAM);
  for (int i = 0; i < 200; ++i) send(fd, std::to_string(i));
  finish();
  EXPECT_EQ(200u, records(200).size());
  EXPECT_TRUE(queue_->ended_and_empty());
}

TEST_F(FeedTest, LinesOfManyWritersDoNotMix) {
  ASSERT_TRUE(start("unix_stream"));
  const Descriptor a = connect(SOCK_STREAM);
  const Descriptor b = connect(SOCK_STREAM);
  send(a, "first ");
  send(b, "second ");
  send(a, "of a\nand ");
  EXPECT_EQ(Strings{"first of a\n"}, records(1));
  send(b, "of b\n");
  EXPECT_EQ(Strings{"second of b\n"}, records(1));
  send(a, "more\n\n");
  EXPECT_EQ((Strings{"and more\n", "\n"}), records(2));
}

TEST_F(FeedTest, EveryQuestionWhetherAllIsInIsAnswered) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    ASSERT_TRUE(start(type == SOCK_STREAM ? "unix_stream" : "unix_datagram"));
    const Descriptor fd = connect(type);
    for (int i = 0; i < 500 && !HasFatalFailure(); ++i) {
      send(fd, "line\n");
      // At another moment of what the thread does with that line, each time.
      const auto then = std::chrono::steady_clock::now() + std::chrono::nanoseconds(i * 100);
      while (std::chrono::steady_clock::now() < then) {
      }
      queue_->ask_all();
      feed_->poke();
      FeedBlock block;
      wait_until([&] { return !queue_->take(block) && queue_->is_all_in(); });
    }
    finish();
  }
}

TEST_F(FeedTest, LastLineOfAWriterNeedsNoNewline) {
  ASSERT_TRUE(start("unix_stream"));
  send(connect(SOCK_STREAM), "gone");
  EXPECT_EQ(Strings{"gone"}, records(1));
  wait_until([&] { return queue_->numbers().connections == 0; });
}

TEST_F(FeedTest, EndlessLineIsSkippedOnceAndTheNextIsRead) {
  settings_.line_bytes_max = 1024;
  ASSERT_TRUE(start("unix_stream"));
  const Descriptor fd = connect(SOCK_STREAM);
  for (int i = 0; i < 100; ++i) send(fd, std::string(10'000, 'x'));
  send(fd, "\nshort\n" + std::string(1025, 'y') + "\n" + std::string(1024, 'z') + "\n");
  EXPECT_EQ((Strings{"short\n", std::string(1024, 'z') + "\n"}), records(2));
  const LedgerCounts losses = queue_->take_losses();
  EXPECT_EQ(2u, losses.skipped[static_cast<size_t>(SkipReason::kLineTooLong)]);
  EXPECT_EQ(2u, losses.lines_read);
}

TEST_F(FeedTest, UnfinishedLinesOfAllWritersTogetherAreBounded) {
  settings_.line_bytes_max = 16 << 20;
  ASSERT_TRUE(start("unix_stream"));
  std::vector<Descriptor> writers;
  const std::string much(8 << 20, 'x');
  for (int i = 0; i < 8; ++i) {  // 64 MiB, of which 48 may wait
    writers.push_back(connect(SOCK_STREAM));
    send(writers.back(), much);
  }
  LedgerCounts losses;
  wait_until([&] {
    losses.add(queue_->take_losses());
    return losses.lost[static_cast<size_t>(LossReason::kQueueFull)] >= 1;
  });
  EXPECT_LE(losses.lost[static_cast<size_t>(LossReason::kQueueFull)], 2u);
}

TEST_F(FeedTest, WritersGoAtTheReadersPace) {
  ASSERT_TRUE(start("unix_stream"));
  const Descriptor fd = connect(SOCK_STREAM);
  std::thread writer([&] {
    for (int i = 0; i < 5000; ++i) send(fd, std::string(999, 'x') + "\n");
  });
  EXPECT_EQ(5000u, records(5000).size());
  writer.join();
  EXPECT_EQ(LedgerCounts(), queue_->take_losses());
}

TEST_F(FeedTest, FifoIsMadeAndOutlivesItsWriters) {
  ASSERT_TRUE(start("fifo"));
  for (const char* text : {"one\n", "two", "three\n"}) {
    {
      const Descriptor fd(::open(place().c_str(), O_WRONLY));
      send(fd, text);
    }
    EXPECT_EQ(Strings{text}, records(1));
  }
}

TEST_F(FeedTest, UnfinishedLineAtTheEndIsCountedInBytes) {
  ASSERT_TRUE(start("unix_stream"));
  const Descriptor fd = connect(SOCK_STREAM);
  send(fd, "whole\nhalf");
  EXPECT_EQ(Strings{"whole\n"}, records(1));
  finish();
  const LedgerCounts losses = queue_->take_losses();
  EXPECT_EQ(4u, losses.lost_bytes[static_cast<size_t>(LossReason::kTruncated)]);
  EXPECT_EQ(0u, losses.lines_read);
}

TEST_F(FeedTest, WhateverAWriterWasToldIsWrittenIsReceivedAtTheEnd) {
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(start("unix_stream"));
    const Descriptor fd = connect(SOCK_STREAM);
    std::atomic<size_t> taken = 0;
    std::thread writer([&] {
      while (::send(fd.get(), "a line\n", 7, MSG_NOSIGNAL) == 7) ++taken;
    });
    wait_until([&] { return taken > 100; });
    finish();
    writer.join();
    EXPECT_EQ(taken.load(), queue_->numbers().records);
  }
}

TEST_F(FeedTest, WhoeverCouldConnectIsReceivedAtTheEnd) {
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(start("unix_stream"));
    std::atomic<size_t> taken = 0;
    std::thread writer([&, to = address(place())] {
      for (;;) {
        const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM, 0));
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;
        taken += ::send(fd.get(), "a line\n", 7, MSG_NOSIGNAL) == 7;
        const auto behind = [&] { return taken - queue_->numbers().records > 100; };
        while (behind() && !queue_->numbers().ended) std::this_thread::yield();
      }
    });
    wait_until([&] { return taken > 100; });
    finish();
    writer.join();
    EXPECT_EQ(taken.load(), queue_->numbers().records);
  }
}

TEST_F(FeedTest, LastLineOfAWriterWhoHadGoneBeforeTheEndNeedsNoNewline) {
  ASSERT_TRUE(start("unix_stream"));
  const Descriptor stays = connect(SOCK_STREAM);
  for (int i = 0; i < 100; ++i) send(connect(SOCK_STREAM), "gone");
  finish();
  EXPECT_EQ(100u, queue_->numbers().records);
  EXPECT_EQ(LedgerCounts(), queue_->take_losses());
}

TEST_F(FeedTest, PassedSocketStaysOpenAndKeepsWhatComesLater) {
  const Descriptor owner(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const sockaddr_un at = address(place());
  ASSERT_EQ(0, ::bind(owner.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
  ASSERT_TRUE(start("unix_datagram", owner.get()));
  const Descriptor fd = connect(SOCK_DGRAM);
  send(fd, "to the first");
  EXPECT_EQ(Strings{"to the first"}, records(1));
  finish();
  send(fd, "while nobody listens");
  ASSERT_TRUE(start("unix_datagram", owner.get()));
  EXPECT_EQ(Strings{"while nobody listens"}, records(1));
  finish();
  EXPECT_EQ(StatusCode::kFatal, start("unix_stream", owner.get()).code());
}

TEST_F(FeedTest, SourceGivesRecordsAndTakesBackWhatWasRefused) {
  ASSERT_TRUE(start("unix_datagram"));
  const Descriptor fd = connect(SOCK_DGRAM);
  for (const char* text : {"one", "two", "three"}) send(fd, text);
  finish();
  FeedSource source(queue_, feed_, "label", 5);
  ReadBuffer buffer(1);
  auto chunk = source.read(buffer, {});
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ("onetwothree", chunk->bytes);
  source.consume(*chunk, 3, false);
  chunk = source.read(buffer, {});
  EXPECT_EQ("twothree", chunk->bytes);
  EXPECT_EQ(3u, chunk->ends[0]);
  EXPECT_FALSE(source.ended());
  source.consume(*chunk, 8, false);
  EXPECT_FALSE(source.read(buffer, {}).has_value());
  EXPECT_TRUE(source.ended());
}

}  // namespace
}  // namespace lastseen
