#include "pipeline/flush_summary.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

TEST(FlushSummary, FirstFlushIsSaidAtOnceAndTheRestTogetherTenMinutesLater) {
  FlushSummary summary;
  const auto first = summary.take({.rows = 47, .lines = 1204, .took_ms = 3}, false, 1000);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ("flushed 47 clients (1,204 lines) in 3 ms", flushed_text(*first));
  const int64_t due_ms = 1000 + kFlushSummaryEveryMs;
  EXPECT_FALSE(summary.take({.rows = 2, .lines = 5, .took_ms = 1000}, false, 1001).has_value());
  EXPECT_FALSE(summary.take({.rows = 1, .lines = 1, .took_ms = 1}, false, due_ms - 1).has_value());
  const auto rest = summary.take({.rows = 1, .lines = 1, .took_ms = 1}, false, due_ms);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ("flushed 4 clients (7 lines) in 1,002 ms, over 3 commits", flushed_text(*rest));
  EXPECT_FALSE(summary.take({.rows = 1}, false, due_ms + 1).has_value());
}

TEST(FlushSummary, LastFlushTellsWhatWasNotSaidYet) {
  FlushSummary summary;
  ASSERT_TRUE(summary.take({.rows = 9, .lines = 9}, false, 0).has_value());
  EXPECT_FALSE(summary.take({.rows = 2, .lines = 3}, false, 1).has_value());
  const auto last = summary.take({.rows = 1, .lines = 1}, true, 2);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ("flushed 3 clients (4 lines) in 0 ms, over 2 commits", flushed_text(*last));
}

TEST(FlushSummary, OneIsSingular) {
  EXPECT_EQ("flushed 1 client (1 line) in 0 ms", flushed_text({.rows = 1, .lines = 1}));
}

}  // namespace
}  // namespace lastseen
