#include "source/feed_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace lastseen {
namespace {

class FeedQueueTest : public testing::Test {
 protected:
  size_t put(const std::vector<std::string>& records) {
    const std::vector<std::string_view> views(records.begin(), records.end());
    return queue_.put(views);
  }
  std::vector<std::string> take_all() {
    std::vector<std::string> records;
    FeedBlock block;
    while (queue_.take(block)) {
      size_t begin = 0;
      for (const uint32_t end : block.ends) {
        records.push_back(block.bytes.substr(begin, end - begin));
        begin = end;
      }
    }
    return records;
  }

  int wakes_ = 0;
  FeedQueue queue_{1 << 20, [this] { ++wakes_; }};
};

TEST_F(FeedQueueTest, RecordsComeOutWholeAndInOrder) {
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) sent.push_back(std::string(static_cast<size_t>(i) * 7, 'x') + "\n");
  sent.push_back("");
  sent.push_back("last");
  EXPECT_EQ(sent.size(), put(sent));
  EXPECT_EQ(sent, take_all());
  EXPECT_EQ(0u, take_all().size());
}

TEST_F(FeedQueueTest, WhatFindsNoRoomStaysOutside) {
  const std::string half(600'000, 'x');
  EXPECT_EQ(1u, put({half, half, half}));
  EXPECT_EQ(0u, put({half}));
  EXPECT_EQ(1u, take_all().size());
  EXPECT_EQ(1u, put({half}));
}

TEST_F(FeedQueueTest, EmptyRecordsAreBoundedToo) {
  const std::vector<std::string> empty(100'000);
  size_t put_in = 0;
  for (int i = 0; i < 10; ++i) put_in += put(empty);
  EXPECT_LT(put_in, 1'000'000u);
  EXPECT_EQ(put_in, take_all().size());
}

TEST_F(FeedQueueTest, OneRecordOfAnyLengthFindsRoomInAnEmptyQueue) {
  const std::string huge(3 << 20, 'x');
  EXPECT_EQ(1u, put({huge}));
  EXPECT_EQ(0u, put({"y"}));
  EXPECT_EQ(std::vector<std::string>{huge}, take_all());
}

TEST_F(FeedQueueTest, WakesOnceForEachArm) {
  put({"a"});
  EXPECT_EQ(0, wakes_);
  queue_.arm();
  put({"b"});
  put({"c"});
  EXPECT_EQ(1, wakes_);
  queue_.arm();
  queue_.end();
  EXPECT_EQ(2, wakes_);
}

TEST_F(FeedQueueTest, WaitForRoomEndsWhenSomethingIsTaken) {
  const std::string half(600'000, 'x');
  put({half});
  std::thread writer([&] {
    EXPECT_TRUE(queue_.wait_for_room(half.size()));
    EXPECT_EQ(1u, put({half}));
  });
  size_t taken = 0;
  while (taken < 2) {
    taken += take_all().size();
    std::this_thread::yield();
  }
  writer.join();
}

TEST_F(FeedQueueTest, InterruptEndsEveryWaitForRoom) {
  put({std::string(1 << 20, 'x')});
  std::thread writer([&] { EXPECT_FALSE(queue_.wait_for_room(10)); });
  queue_.interrupt();
  writer.join();
}

TEST_F(FeedQueueTest, EverythingIsInOnceTheReceiverSaysSoAndItWasTaken) {
  queue_.tell([](FeedNumbers& numbers) { numbers.listening = true; });
  EXPECT_TRUE(queue_.is_all_in());
  queue_.ask_all();
  EXPECT_FALSE(queue_.is_all_in());
  put({"a"});
  queue_.all_in(queue_.asked());
  EXPECT_FALSE(queue_.is_all_in());
  take_all();
  EXPECT_TRUE(queue_.is_all_in());
}

TEST_F(FeedQueueTest, LossesBalanceAndAreToldOnce) {
  queue_.lose(LossReason::kQueueFull, 3, 0);
  queue_.lose(LossReason::kTruncated, 0, 17);
  queue_.skip(SkipReason::kLineTooLong);
  const LedgerCounts losses = queue_.take_losses();
  EXPECT_EQ(4u, losses.lines_read);
  EXPECT_EQ(losses.settled(), losses.lines_read);
  EXPECT_EQ(17u, losses.lost_bytes[static_cast<size_t>(LossReason::kTruncated)]);
  EXPECT_EQ(LedgerCounts(), queue_.take_losses());
}

}  // namespace
}  // namespace lastseen
