#include "store/bisect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace lastseen {
namespace {

using End = BisectResult::End;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A table that refuses the rows of a set and remembers the order in which others arrived.
struct Table {
  std::set<size_t> bad;
  std::vector<size_t> applied;
  size_t attempts = 0;
  size_t largest = 0;

  Attempt operator()(size_t begin, size_t end) {
    ++attempts;
    largest = std::max(largest, end - begin);
    for (size_t row = begin; row < end; ++row)
      if (bad.contains(row)) return {Attempt::Kind::kRowAtFault, "22001", std::to_string(row)};
    for (size_t row = begin; row < end; ++row) applied.push_back(row);
    return {};
  }
};

BisectResult apply(Table& table, size_t rows, size_t rows_per_statement = 1000) {
  return apply_bisecting(rows, rows_per_statement, std::ref(table));
}

TEST(Bisect, GoodRowsTakeOneTryAStatement) {
  Table table;
  EXPECT_EQ(End::kDone, apply(table, 2500).end);
  EXPECT_EQ(3u, table.attempts);
  EXPECT_EQ(1000u, table.largest);
  EXPECT_EQ(2500u, table.applied.size());
}

TEST(Bisect, NoRowsTakeNoTry) {
  Table table;
  EXPECT_EQ(End::kDone, apply(table, 0).end);
  EXPECT_EQ(0u, table.attempts);
}

TEST(Bisect, OneBadRowIsFoundInAFewTries) {
  Table table;
  table.bad = {777};
  const BisectResult result = apply(table, 1000);
  ASSERT_EQ(1u, result.refusals.size());
  EXPECT_EQ(777u, result.refusals[0].row);
  EXPECT_EQ("22001", result.refusals[0].sqlstate);
  EXPECT_EQ("777", result.refusals[0].message);
  EXPECT_EQ(999u, table.applied.size());
  EXPECT_LE(table.attempts, 21u);  // 2 · log2(1000) + 1
}

TEST(Bisect, AnyBadRowsAreFoundAndTheOthersArriveInOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t rows = 10 + random() % 300;
    Table table;
    for (size_t i = 0; i < rows / 3; ++i) table.bad.insert(random() % rows);
    const BisectResult result = apply(table, rows, 1 + random() % rows);
    ASSERT_EQ(End::kDone, result.end);
    std::set<size_t> refused;
    for (const Refusal& refusal : result.refusals) refused.insert(refusal.row);
    EXPECT_EQ(table.bad, refused);
    EXPECT_EQ(rows, table.applied.size() + refused.size());
    EXPECT_TRUE(std::is_sorted(table.applied.begin(), table.applied.end()));
  }
}

// Two rows that only clash with each other are both fine once they are in separate statements.
TEST(Bisect, RowsThatClashOnlyTogetherAreBothApplied) {
  std::vector<size_t> applied;
  const auto clash = [&](size_t begin, size_t end) -> Attempt {
    if (begin <= 4 && end > 5) return {Attempt::Kind::kRowAtFault, "21000", ""};
    for (size_t row = begin; row < end; ++row) applied.push_back(row);
    return {};
  };
  EXPECT_THAT(apply_bisecting(10, 10, clash).refusals, IsEmpty());
  EXPECT_THAT(applied, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(Bisect, FailureEndsItAtOnce) {
  size_t attempts = 0;
  const auto broken = [&](size_t, size_t) -> Attempt {
    return {++attempts == 2 ? Attempt::Kind::kFailed : Attempt::Kind::kApplied, "", ""};
  };
  EXPECT_EQ(End::kFailed, apply_bisecting(1000, 100, broken).end);
  EXPECT_EQ(2u, attempts);
}

TEST(Bisect, TableIsAtFaultAfterAHundredRows) {
  Table table;
  for (size_t row = 0; row < 10'000; row += 50) table.bad.insert(row);
  const BisectResult result = apply(table, 10'000);
  EXPECT_EQ(End::kTableAtFault, result.end);
  EXPECT_EQ(101u, result.refusals.size());
}

TEST(Bisect, ShareDecidesOnlyFromTenRowsOn) {
  EXPECT_FALSE(table_at_fault(1, 1));
  EXPECT_FALSE(table_at_fault(9, 9));
  EXPECT_FALSE(table_at_fault(5, 10));
  EXPECT_TRUE(table_at_fault(6, 10));
  EXPECT_FALSE(table_at_fault(5, 11));
  EXPECT_TRUE(table_at_fault(6, 11));
  EXPECT_FALSE(table_at_fault(100, 1'000'000));
  EXPECT_TRUE(table_at_fault(101, 1'000'000));
}

}  // namespace
}  // namespace lastseen
