#include "base/pace.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

TEST(Pace, FirstIsSaidAtOnceAndTheNextTellsWhatWasHeldBack) {
  Pace pace(1000);
  const auto first = pace.take(3, 50);
  ASSERT_TRUE(first);
  EXPECT_EQ(3u, first->amount);
  EXPECT_EQ(0u, first->held_back);
  EXPECT_FALSE(pace.take(5, 51));
  EXPECT_FALSE(pace.take(7, 1049));
  const auto next = pace.take(11, 1050);
  ASSERT_TRUE(next);
  EXPECT_EQ(23u, next->amount);
  EXPECT_EQ(2u, next->held_back);
  EXPECT_FALSE(pace.take(1, 1051)) << "and so on";
  EXPECT_EQ(0u, pace.take(0, 5000)->amount - 1);
}

}  // namespace
}  // namespace lastseen
