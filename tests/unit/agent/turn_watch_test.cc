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

}  // namespace
}  // namespace lastseen
