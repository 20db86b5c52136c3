#include "store/sqlstate.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

using enum SqlstateMeaning;

TEST(Sqlstate, TransientStatesAreRetriedAtOnce) {
  for (const char* state : {"40001", "40P01", "55P03", "57014"})
    EXPECT_EQ(kRetryAtOnce, meaning_of(state)) << state;
}

TEST(Sqlstate, ConnectionAndResourcesAreRetried) {
  for (const char* state : {"", "08006", "08P01", "25P03", "53100", "53300", "57P01", "57P03"})
    EXPECT_EQ(kRetrying, meaning_of(state)) << state;
}

TEST(Sqlstate, DataAndConstraintsAreTheRowsFault) {
  for (const char* state : {"21000", "22001", "22021", "22P02", "23505", "23514", "54000"})
    EXPECT_EQ(kRowAtFault, meaning_of(state)) << state;
}

TEST(Sqlstate, EverythingElseHolds) {
  for (const char* state : {"25006", "28P01", "3D000", "42501", "42P01", "55000", "57000", "58030",
                            "XX000", "P0001", "40003", "?"})
    EXPECT_EQ(kHolding, meaning_of(state)) << state;
}

TEST(Sqlstate, LongerPatternBeatsItsClass) {
  EXPECT_EQ(kRetryAtOnce, meaning_of("57014"));
  EXPECT_EQ(kRetrying, meaning_of("57P05"));
  EXPECT_EQ(kHolding, meaning_of("25001"));
  EXPECT_EQ(kHolding, meaning_of("23502"));  // no column of ours is ever NULL
}

TEST(Sqlstate, EveryRuleSaysWhatItIsFor) {
  for (const SqlstateRule& rule : sqlstate_rules()) EXPECT_FALSE(rule.what.empty()) << rule.pattern;
}

TEST(Sqlstate, RowAtFaultOutsideOfRowsHolds) {
  EXPECT_EQ(StoreTrouble::kHolding, trouble_of(kRowAtFault));
  EXPECT_EQ(StoreTrouble::kHolding, trouble_of(kHolding));
  EXPECT_EQ(StoreTrouble::kUnreachable, trouble_of(kRetrying));
  EXPECT_EQ(StoreTrouble::kRetryAtOnce, trouble_of(kRetryAtOnce));
}

}  // namespace
}  // namespace lastseen
