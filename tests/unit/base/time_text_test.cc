#include "base/time_text.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

TEST(FormatUtc, MillisecondsArePaddedAndTheZoneIsNamed) {
  EXPECT_EQ("1970-01-01T00:00:00.000Z", format_utc_ms(0));
  EXPECT_EQ("2026-11-22T04:45:05.007Z", format_utc_ms(1'795'322'705'007));
}

TEST(FormatUtc, TimesBeforeTheEpochCountBackwards) {
  EXPECT_EQ("1969-12-31T23:59:59.999Z", format_utc_ms(-1));
}

TEST(FormatUtc, WhatLiesBeyondFourDigitYearsIsTheNearestThatFits) {
  EXPECT_EQ("9999-12-31T23:59:59.999Z", format_utc_ms(INT64_MAX));
  EXPECT_EQ("0000-01-01T00:00:00.000Z", format_utc_ms(INT64_MIN));
}

TEST(FormatAge, TwoUnitsAtMost) {
  EXPECT_EQ("0 s", format_age_ms(-5));
  EXPECT_EQ("59 s", format_age_ms(59'999));
  EXPECT_EQ("5 min", format_age_ms(300'000));
  EXPECT_EQ("2 h 10 min", format_age_ms(7'800'000));
  EXPECT_EQ("4 d 1 h", format_age_ms(349'200'000));
  EXPECT_EQ("2 d", format_age_ms(172'800'000));
}

}  // namespace
}  // namespace lastseen
