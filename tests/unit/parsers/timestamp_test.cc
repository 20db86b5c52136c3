#include "parsers/timestamp.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace lastseen {
namespace {

constexpr int64_t kMs = 1'795'322'705'000;  // 2026-11-22T04:45:05Z
constexpr int64_t kDayMs = 86'400'000;

TEST(Timestamp, EpochIsCutToMilliseconds) {
  EXPECT_EQ(kMs, parse_timestamp("1795322705"));
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705.342"));
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705.3429999999"));
  EXPECT_EQ(kMs + 300, parse_timestamp("1795322705.3"));
  EXPECT_EQ(kMs + 999, parse_timestamp("1795322705.99999999999999999999999999"));
  EXPECT_EQ(kMs + 7, parse_timestamp("1795322705.0071"));
}

TEST(Timestamp, EpochUnitIsToldByMagnitude) {
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705342"));
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705342.9"));
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705342999"));
  EXPECT_EQ(kMs + 342, parse_timestamp("1795322705342999999"));
}

TEST(Timestamp, EpochThatIsNoTimeIsRefused) {
  for (const char* text :
       {"", ".", "0", "0.123", "12", "-1795322705", "+1795322705", "1795322705.", "1795322705.x",
        "1795322705 ", " 1795322705", "1.7e9", "17953227053429999999", "99999999999999999999999",
        "0x6b0", "1795322705,3", "-", "null"}) {
    EXPECT_EQ(std::nullopt, parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, Iso8601InAllItsForms) {
  for (const char* text : {"2026-11-22T04:45:05Z", "2026-11-22t04:45:05z", "2026-11-22 04:45:05Z",
                           "2026-11-21T22:45:05-06:00", "2026-11-21T22:45:05-0600",
                           "2026-11-21T22:45:05-06", "2026-11-22T10:15:05+05:30",
                           "2026-11-22T04:45:05.0Z", "2026-11-22T04:45:05,000999+00:00"}) {
    EXPECT_EQ(kMs, parse_timestamp(text)) << text;
  }
  EXPECT_EQ(kMs + 133, parse_timestamp("2026-11-22T04:45:05.133298272Z"));
  EXPECT_EQ(kMs + 144, parse_timestamp("2026-11-21T22:45:05.144-0600"));
}

TEST(Timestamp, WallTimeIsUtc) {
  EXPECT_EQ(kMs, parse_timestamp("2026/11/22 04:45:05"));
  EXPECT_EQ(kMs + 342, parse_timestamp("2026/11/22 04:45:05.342"));
  EXPECT_EQ(kMs + 342, parse_timestamp("2026/11/22 04:45:05.342999999"));
  for (const char* text : {"2026/11/22", "2026/11/22 04:45", "2026/11/22 04:45:05.",
                           "2026/11/22 04:45:05Z", "2026/11/22 04:45:05 ", "2026/02/30 04:45:05",
                           "2026/11-22 04:45:05", "2026/11/22T04:45:05"}) {
    EXPECT_EQ(std::nullopt, parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, CommonLogFormat) {
  EXPECT_EQ(kMs, parse_timestamp("21/Nov/2026:22:45:05 -0600"));
  EXPECT_EQ(kMs, parse_timestamp("22/Nov/2026:04:45:05 +0000"));
  EXPECT_EQ(kMs, parse_timestamp("22/Nov/2026:10:30:05 +0545"));
  const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (int month = 0; month < 12; ++month) {
    const std::string iso =
        std::string("2024-") + (month < 9 ? "0" : "") + std::to_string(month + 1) + "-03T00:00:00Z";
    const auto clf = parse_timestamp(std::string("03/") + months[month] + "/2024:00:00:00 +0000");
    ASSERT_TRUE(clf) << months[month];
    EXPECT_EQ(parse_timestamp(iso), clf);
  }
}

TEST(Timestamp, OnlyDaysThatExist) {
  EXPECT_EQ(0, parse_timestamp("1970-01-01T00:00:00Z"));
  EXPECT_EQ(253'402'300'799'999, parse_timestamp("9999-12-31T23:59:59.999Z"));
  EXPECT_EQ(951'782'400'000, parse_timestamp("2000-02-29T00:00:00Z"));
  EXPECT_EQ(*parse_timestamp("2024-02-29T00:00:00Z") + kDayMs,
            parse_timestamp("2024-03-01T00:00:00Z"));
  EXPECT_EQ(*parse_timestamp("2023-02-28T00:00:00Z") + kDayMs,
            parse_timestamp("2023-03-01T00:00:00Z"));
  EXPECT_EQ(*parse_timestamp("2016-12-31T23:59:59Z") + 1000,
            parse_timestamp("2016-12-31T23:59:60Z"));
  for (const char* text :
       {"2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00",
        "1970-01-01T00:00:00+00:01", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60"}) {
    EXPECT_EQ(std::nullopt, parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, EveryTimeCutShortOrFollowedByMoreIsRefused) {
  for (const std::string whole :
       {"2026-11-22T04:45:05.133Z", "2026-11-21T22:45:05-06:00", "21/Nov/2026:22:45:05 -0600"}) {
    EXPECT_EQ(std::nullopt, parse_timestamp(whole + " "));
    EXPECT_EQ(std::nullopt, parse_timestamp(whole + "0"));
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string cut = whole.substr(0, size);
      if (cut.ends_with("-06")) continue;  // whole in itself
      EXPECT_EQ(std::nullopt, parse_iso8601(cut)) << cut;
      EXPECT_EQ(std::nullopt, parse_clf_time(cut)) << cut;
    }
  }
}

TEST(TimeReader, TimesBeforeChangeNoTime) {
  const std::vector<std::string> texts = {
      "1795322705.342",
      "1795322705.342999",
      "1795322705342.342",
      "1795322705342.999",
      "1795322705342999999.123",
      "1795322705.3",
      "1795322705",
      "2026-11-21T22:45:05.342Z",
      "2026-11-21T22:45:05.9-06:00",
      "2026-11-21T22:45:05",
      "2026-11-21T22:45:05,342",
      "2026-11-21T22:45:05.342999+00:00",
      "2026/11/22 04:46:45.1",
      "2026/11/22 04:46:45.008",
      "21/Nov/2026:22:45:05 -0600",
      "12345678.123",
      "9999-12-31T23:59:59.999Z",
      "2026-11-21T22:45:60.500Z",
      "",
      "1795322705.342342342342342Z",
      "-",
  };
  const std::string bytes = "0123456789.,:-+/TZ x";
  std::mt19937 random(1);
  TimeReader reader;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = texts[random() % texts.size()];
    for (unsigned changes = random() % 3; changes > 0 && !text.empty(); --changes)
      text[random() % text.size()] = bytes[random() % bytes.size()];
    for (int again = 0; again < 2; ++again) {
      bool local = false;
      bool local_then = false;
      const std::optional<int64_t> wanted = parse_timestamp(text, &local);
      ASSERT_EQ(wanted, reader.read(text, &local_then)) << text;
      ASSERT_EQ(wanted && local, wanted && local_then) << text;
      if (!text.empty()) text.back() = bytes[random() % 10];
    }
  }
}

}  // namespace
}  // namespace lastseen
