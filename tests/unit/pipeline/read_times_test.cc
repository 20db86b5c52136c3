#include "pipeline/read_times.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

uint64_t lines_of(const std::vector<ReadMark>& marks) {
  uint64_t lines = 0;
  for (const ReadMark& mark : marks) lines += mark.lines;
  return lines;
}

TEST(ReadTimes, EachMomentIsAMarkWhileTheyAreFew) {
  ReadTimes times;
  times.add(10, 3);
  times.add(10, 1);
  times.add(11, 0);
  times.add(12, 2);
  const auto marks = times.take();
  ASSERT_EQ(2u, marks.size());
  EXPECT_EQ(10, marks[0].mono_ms);
  EXPECT_EQ(4u, marks[0].lines);
  EXPECT_EQ(12, marks[1].mono_ms);
  EXPECT_TRUE(times.take().empty());
}

TEST(ReadTimes, ManyMomentsShareFewMarksAndNoAgeIsTooSmall) {
  ReadTimes times;
  constexpr int64_t kMs = 3'600'000;
  for (int64_t ms = 0; ms < kMs; ++ms) times.add(ms, 1);
  const auto marks = times.take();
  EXPECT_LE(marks.size(), 64u);
  EXPECT_EQ(static_cast<uint64_t>(kMs), lines_of(marks));
  uint64_t line = 0;  // the line of each millisecond, in order
  for (const ReadMark& mark : marks) {
    EXPECT_LE(mark.mono_ms, static_cast<int64_t>(line));
    EXPECT_LE(static_cast<int64_t>(line + mark.lines) - mark.mono_ms, kMs / 32 + 1);
    line += mark.lines;
  }
}

}  // namespace
}  // namespace lastseen
