#include "turn_watch.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

constexpr int64_t kCallMsMax = 1000;

TEST(TurnWatch, ThreadsThatTurnAreSeen) {
  TurnWatch watch;
  EXPECT_TRUE(watch.turned({0, 0, 0}, kCallMsMax)) << "nothing to compare yet";
  EXPECT_TRUE(watch.turned({1, 1, 0}, kCallMsMax));
  EXPECT_TRUE(watch.turned({2, 9, 0}, kCallMsMax));
}

TEST(TurnWatch, AnIngestThreadThatStandsIsSeenHoweverBusyTheOtherIs) {
  TurnWatch watch;
  watch.turned({5, 5, 0}, kCallMsMax);
  EXPECT_FALSE(watch.turned({5, 6, 0}, kCallMsMax));
  EXPECT_FALSE(watch.turned({5, 6, 10}, kCallMsMax));
  EXPECT_TRUE(watch.turned({6, 7, 0}, kCallMsMax)) << "it goes on";
}

TEST(TurnWatch, AFlushThreadMayBeInTheStoreForAsLongAsThatMayTake) {
  TurnWatch watch;
  watch.turned({1, 1, 0}, kCallMsMax);
  EXPECT_TRUE(watch.turned({2, 1, kCallMsMax}, kCallMsMax));
  EXPECT_FALSE(watch.turned({3, 1, kCallMsMax + 1}, kCallMsMax));
  EXPECT_FALSE(watch.turned({4, 1, 0}, kCallMsMax)) << "out of the store, and standing";
}

TEST(CallWatch, TimeIsCountedSinceTheLastAnswer) {
  CallWatch watch;
  EXPECT_EQ(0, watch.waited_ms(0, 5, 1000));
  EXPECT_EQ(1, watch.waited_ms(1000, 5, 1000));
  EXPECT_EQ(9000, watch.waited_ms(1000, 5, 10'000));
  EXPECT_EQ(1, watch.waited_ms(1000, 6, 11'000));
  EXPECT_EQ(4000, watch.waited_ms(1000, 6, 15'000));
}

TEST(CallWatch, AnotherCallBeginsAnew) {
  CallWatch watch;
  watch.waited_ms(1000, 5, 9000);
  EXPECT_EQ(500, watch.waited_ms(9500, 7, 10'000));
}

}  // namespace
}  // namespace lastseen
