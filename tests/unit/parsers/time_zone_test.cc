#include "parsers/time_zone.h"

#include <gtest/gtest.h>

#include "parsers/parser.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

// A zone as zic writes it: one type, no changes, and the rule.
std::string zone_file(const std::string& rule) {
  const std::string header = std::string("TZif2") + std::string(15, '\0') +
                             std::string(15 + 4, '\0') + '\1' + std::string(3, '\0') + '\1';
  const std::string counts = header;
  const std::string type = std::string(6, '\0') + std::string(1, '\0');
  return counts + type + counts + type + "\n" + rule + "\n";
}

int64_t ms(const char* utc) {
  return *parse_iso8601(utc);
}

class Zones : public ::testing::Test {
 protected:
  // Chile: summer from the first Sunday of September to the first of April, changed at 24:00.
  TimeZone chile_ = *TimeZone::read(zone_file("<-04>4<-03>,M9.1.6/24,M4.1.6/24"));
  TimeZone berlin_ = *TimeZone::read(zone_file("CET-1CEST,M3.5.0,M10.5.0/3"));
};

TEST_F(Zones, SummerAndWinterHaveTheirOffsets) {
  EXPECT_EQ(ms("2026-07-01T16:00:00Z"), chile_.to_utc(ms("2026-07-01T12:00:00Z")).ms);
  EXPECT_EQ(ms("2026-12-01T15:00:00Z"), chile_.to_utc(ms("2026-12-01T12:00:00Z")).ms);
  EXPECT_EQ(ms("2026-07-01T10:00:00.5Z"), berlin_.to_utc(ms("2026-07-01T12:00:00.5Z")).ms);
  EXPECT_EQ(ms("2026-12-01T11:00:00Z"), berlin_.to_utc(ms("2026-12-01T12:00:00Z")).ms);
}

TEST_F(Zones, FoldIsReadAsItsLaterHourAndSaysHowFarTheEarlierIs) {
  // On 2026-10-25 at 03:00 the clocks go back to 02:00.
  const TimeZone::Utc half_past_two = berlin_.to_utc(ms("2026-10-25T02:30:00Z"));
  EXPECT_EQ(ms("2026-10-25T01:30:00Z"), half_past_two.ms);
  EXPECT_EQ(3'600'000, half_past_two.fold_ms);
  EXPECT_EQ(0, berlin_.to_utc(ms("2026-10-25T01:59:59Z")).fold_ms);
  EXPECT_EQ(ms("2026-10-24T23:59:59Z"), berlin_.to_utc(ms("2026-10-25T01:59:59Z")).ms);
  EXPECT_EQ(0, berlin_.to_utc(ms("2026-10-25T03:00:00Z")).fold_ms);
  EXPECT_EQ(ms("2026-10-25T02:00:00Z"), berlin_.to_utc(ms("2026-10-25T03:00:00Z")).ms);
}

TEST_F(Zones, GapIsReadWithTheOffsetBeforeIt) {
  // On 2026-03-29 at 02:00 the clocks go on to 03:00.
  EXPECT_EQ(ms("2026-03-29T01:30:00Z"), berlin_.to_utc(ms("2026-03-29T02:30:00Z")).ms);
  EXPECT_EQ(0, berlin_.to_utc(ms("2026-03-29T02:30:00Z")).fold_ms);
  EXPECT_EQ(ms("2026-03-29T01:00:00Z"), berlin_.to_utc(ms("2026-03-29T03:00:00Z")).ms);
}

TEST_F(Zones, EveryMinuteOfAYearIsThatOfItsOffset) {
  // Walks through UTC, writes each minute as the place's clock shows it, and reads it back.
  for (const TimeZone* zone : {&chile_, &berlin_}) {
    int64_t offset = ms("2026-01-01T00:00:00Z") - zone->to_utc(ms("2026-01-01T00:00:00Z")).ms;
    int changes = 0, folds = 0;
    for (int64_t utc = ms("2026-01-01T12:00:00Z"); utc < ms("2027-01-01T00:00:00Z");
         utc += 60'000) {
      TimeZone::Utc read = zone->to_utc(utc + offset);
      if (read.ms != utc && read.ms - read.fold_ms != utc) {
        offset += read.ms > utc ? -3'600'000 : 3'600'000;
        ++changes;
        read = zone->to_utc(utc + offset);
      }
      folds += read.fold_ms != 0;
      ASSERT_TRUE(read.ms == utc || read.ms - read.fold_ms == utc) << utc;
    }
    EXPECT_EQ(2, changes);
    EXPECT_EQ(120, folds);
  }
}

TEST_F(Zones, PlaceWithoutSummerHasOneOffset) {
  const TimeZone india = *TimeZone::read(zone_file("IST-5:30"));
  EXPECT_EQ(ms("2026-07-01T06:30:00Z"), india.to_utc(ms("2026-07-01T12:00:00Z")).ms);
}

TEST_F(Zones, RulesByDayOfTheYear) {
  const TimeZone zone = *TimeZone::read(zone_file("AAA0BBB,J60/0,300/0"));
  EXPECT_EQ(ms("2028-02-29T12:00:00Z"), zone.to_utc(ms("2028-02-29T12:00:00Z")).ms);  // J60: March
  EXPECT_EQ(ms("2028-03-01T11:00:00Z"), zone.to_utc(ms("2028-03-01T12:00:00Z")).ms);
}

TEST_F(Zones, WhatIsNoZoneFileIsRefused) {
  EXPECT_FALSE(TimeZone::read(""));
  EXPECT_FALSE(TimeZone::read("TZif2"));
  EXPECT_FALSE(TimeZone::read(zone_file("nonsense,")));
  const std::string whole = zone_file("CET-1CEST,M3.5.0,M10.5.0/3");
  for (size_t size = 0; size < whole.size(); ++size) TimeZone::read(whole.substr(0, size));
  EXPECT_FALSE(TimeZone::load("../../etc/passwd"));
  EXPECT_FALSE(TimeZone::load("Nowhere/Atlantis"));
}

TEST_F(Zones, LineWithoutAnOffsetIsReadInItsZoneAndOneWithAnOffsetIsNot) {
  if (!TimeZone::load("Europe/Berlin")) GTEST_SKIP() << "no zone files here";
  ParserOptions options;
  ParserSettings json;
  json.type = "json";
  options.time_zone = "Europe/Berlin";
  auto parser = make_parser(json, options);
  ASSERT_TRUE(parser.is_ok());
  const auto time_of = [&](const std::string& time) {
    return (*parser)->parse("{\"client_id\":\"A\",\"time\":\"" + time + "\"}");
  };
  EXPECT_EQ(ms("2026-07-01T10:00:00.25Z"), time_of("2026-07-01T12:00:00.25").seen_at_ms);
  EXPECT_EQ(ms("2026-07-01T12:00:00Z"), time_of("2026-07-01T12:00:00Z").seen_at_ms);
  EXPECT_EQ(ms("2026-07-01T10:00:00Z"), time_of("2026-07-01T12:00:00+02:00").seen_at_ms);
  const ParseResult fold = time_of("2026-10-25 02:30:00");
  EXPECT_EQ(ms("2026-10-25T01:30:00Z"), seen_at(fold, ms("2026-10-25T01:30:00Z")));
  EXPECT_EQ(ms("2026-10-25T00:30:00Z"), seen_at(fold, ms("2026-10-25T01:29:59Z")));
}

TEST_F(Zones, UnknownZoneIsAnErrorOfTheParser) {
  ParserOptions options;
  ParserSettings json;
  json.type = "json";
  options.time_zone = "Europe/Atlantis";
  const auto parser = make_parser(json, options);
  EXPECT_NE(std::string::npos, parser.status().message().find("time_zone"));
}

TEST_F(Zones, UtcIsItself) {
  EXPECT_EQ(5, TimeZone::load("UTC")->to_utc(5).ms);
}

}  // namespace
}  // namespace lastseen
