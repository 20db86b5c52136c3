#include "store/sql_text.h"

#include <gtest/gtest.h>

#include "store/upsert_rows.h"

namespace lastseen {
namespace {

TEST(TableName, SplitsAtItsDot) {
  EXPECT_EQ("", parse_table_name("client_activity")->schema);
  EXPECT_EQ("client_activity", parse_table_name("client_activity")->table);
  EXPECT_EQ("stats", parse_table_name("stats.clients")->schema);
  EXPECT_EQ("clients", parse_table_name("stats.clients")->table);
  for (const char* bad : {"", ".", "a.", ".b", "a.b.c"})
    EXPECT_EQ(StatusCode::kFatal, parse_table_name(bad).status().code()) << bad;
}

TEST(Identifier, QuotesAreDoubled) {
  EXPECT_EQ("\"a\"\"b\"", quote_identifier("a\"b"));
  EXPECT_EQ("\"s\".\"t\"", quote_table({"s", "t"}));
  EXPECT_EQ("\"t\"", quote_table({"", "t"}));
}

TEST(ArrayText, EveryTextIsQuotedAndEscaped) {
  ArrayText array;
  EXPECT_EQ("{}", array.take());
  for (const char* text : {"a", "", "NULL", "a,b", "{x}", "q\"q", "b\\b"}) array.add_text(text);
  EXPECT_EQ(R"({"a","","NULL","a,b","{x}","q\"q","b\\b"})", array.take());
  EXPECT_EQ("{}", array.take()) << "empty again";
}

TEST(ArrayText, ANumberThatComesAgainStandsThereAgain) {
  ArrayText array;
  for (int64_t number : {0, 0, 12, 12, 0}) array.add_number(number);
  EXPECT_EQ("{0,0,12,12,0}", array.take());
  array.add_number(0);
  EXPECT_EQ("{0}", array.take()) << "also in the next array";
}

TEST(ArrayText, NumbersKeepAllBits) {
  ArrayText array;
  array.add_number(INT64_MIN);
  array.add_bits(UINT64_MAX);
  array.add_bits(7);
  EXPECT_EQ("{-9223372036854775808,-1,7}", array.take());
  EXPECT_EQ(UINT64_MAX, bits_from_bigint("-1"));
  EXPECT_EQ(UINT64_MAX, from_count("18446744073709551615"));
  EXPECT_EQ(0, from_bigint("seven"));
}

TEST(EscapeBytes, AnyByteComesBackAndTheTextIsAscii) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  bytes += "\\x41 \\";
  const std::string text = escape_bytes(bytes);
  for (char c : text) EXPECT_TRUE(c >= ' ' && c <= '~');
  EXPECT_EQ(bytes, unescape_bytes(text));
  EXPECT_EQ("/var/log/nginx/access.log", escape_bytes("/var/log/nginx/access.log"));
}

TEST(UtcText, IsOfOneLengthAndReadsBack) {
  EXPECT_EQ("1970-01-01 00:00:00.000Z", utc_text(0));
  EXPECT_EQ("2023-11-14 22:13:20.123Z", utc_text(1'700'000'000'123));
  EXPECT_EQ("1969-12-31 23:59:59.999Z", utc_text(-1));
  EXPECT_EQ("0001-01-01 00:00:00.000Z", utc_text(INT64_MIN));
  EXPECT_EQ("9999-12-31 23:59:59.999Z", utc_text(INT64_MAX));
  for (int64_t time : {int64_t{0}, int64_t{-1}, int64_t{951'782'399'999}, kTimeMinMs, kTimeMaxMs}) {
    int64_t read = 7;
    EXPECT_TRUE(parse_utc_text(utc_text(time), &read));
    EXPECT_EQ(time, read);
  }
}

TEST(UtcText, OtherUsualFormsAreReadToo) {
  const auto read = [](const char* text) {
    int64_t time = -7;
    return parse_utc_text(text, &time) ? time : -7;
  };
  EXPECT_EQ(1'700'000'000'000, read("2023-11-14 22:13:20"));
  EXPECT_EQ(1'700'000'000'120, read("2023-11-14T22:13:20.12Z"));
  EXPECT_EQ(1'700'000'000'123, read("2023-11-14 22:13:20.123456"));
  EXPECT_EQ(1'699'920'000'000, read("2023-11-14"));
  for (const char* bad : {"", "now", "2023-13-14", "2023-11-14 2", "2023-11-14 22:13:20.", "2023"})
    EXPECT_EQ(-7, read(bad)) << bad;
}

TEST(FirstLine, EndsAtTheLineOrBetweenCharacters) {
  EXPECT_EQ("one", first_line("one\ntwo", 100));
  EXPECT_EQ("ab", first_line("ab\xc3\xa9", 3));
  EXPECT_EQ("ab\xc3\xa9", first_line("ab\xc3\xa9", 4));
}

}  // namespace
}  // namespace lastseen
