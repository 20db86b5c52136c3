#include "config/values.h"

#include <gtest/gtest.h>

#include <array>

#include "config/error_list.h"

namespace lastseen {
namespace {

TEST(ParseDuration, TakesWholeNumbersWithAUnit) {
  EXPECT_EQ(200, parse_duration("200ms"));
  EXPECT_EQ(1000, parse_duration("1s"));
  EXPECT_EQ(300'000, parse_duration("5m"));
  EXPECT_EQ(86'400'000, parse_duration("24h"));
  EXPECT_EQ(604'800'000, parse_duration("7d"));
  EXPECT_EQ(0, parse_duration("0"));
  EXPECT_EQ(0, parse_duration("0s"));
}

TEST(ParseDuration, RefusesAnythingElse) {
  for (const char* text : {"", "5", "s", "1.5s", "-1s", "1 s", " 1s", "1s ", "1sec", "01s", "1h30m",
                           "1S", "1M", "1us", "9223372036854775807s", "99999999999999999999ms"}) {
    EXPECT_EQ(std::nullopt, parse_duration(text)) << text;
  }
}

TEST(ReadSize, TakesBytesAndBinaryUnits) {
  EXPECT_EQ(512, read_size("512").value);
  EXPECT_EQ(65536, read_size("64KiB").value);
  EXPECT_EQ(1 << 20, read_size("1MiB").value);
  EXPECT_EQ(int64_t{10} << 30, read_size("10GiB").value);
  for (const char* text : {"1MB", "1kib", "1K", "1 MiB", "MiB", "1.5MiB", ""}) {
    EXPECT_EQ(NumberError::kNotANumber, read_size(text).error) << text;
  }
  EXPECT_EQ(NumberError::kTooLarge, read_size("9999999999GiB").error);
}

TEST(Words, UseTheLargestWholeUnit) {
  EXPECT_EQ("0", duration_words(0));
  EXPECT_EQ("1500ms", duration_words(1500));
  EXPECT_EQ("90s", duration_words(90'000));
  EXPECT_EQ("1h", duration_words(3'600'000));
  EXPECT_EQ("1KiB", size_words(1024));
  EXPECT_EQ("1023", size_words(1023));
}

TEST(Nearest, FindsTypingErrorsAndNothingFar) {
  constexpr std::array<std::string_view, 4> kKeys = {"interval", "clients_max", "id", "url"};
  EXPECT_EQ("interval", nearest("intervall", kKeys));
  EXPECT_EQ("interval", nearest("intreval", kKeys));
  EXPECT_EQ("interval", nearest("Interval", kKeys));
  EXPECT_EQ("clients_max", nearest("clientsMax", kKeys));
  EXPECT_EQ("clients_max", nearest("clients-max", kKeys));
  EXPECT_EQ("url", nearest("ulr", kKeys));
  EXPECT_EQ("", nearest("timeout", kKeys));
  EXPECT_EQ("", nearest("xy", kKeys));
  EXPECT_EQ("", nearest("", kKeys));
}

TEST(ValidUtf8Prefix, StopsAtTheFirstByteThatIsNot) {
  EXPECT_EQ(7u, valid_utf8_prefix("a\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_EQ(0u, valid_utf8_prefix("\xC0\x80"));          // overlong
  EXPECT_EQ(0u, valid_utf8_prefix("\xE0\x80\x80"));      // overlong
  EXPECT_EQ(1u, valid_utf8_prefix("a\xED\xA0\x80"));     // a surrogate
  EXPECT_EQ(0u, valid_utf8_prefix("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_EQ(1u, valid_utf8_prefix("a\xC3"));             // cut off
  EXPECT_EQ(0u, valid_utf8_prefix("\x80"));
  EXPECT_EQ(0u, valid_utf8_prefix("\xFF"));
}

TEST(MaskSecrets, KeepsWhatIsNone) {
  for (const char* text : {"postgresql://h/db", "postgresql://me@h/db", "host=h user=me", "a: b@c",
                           "http: 127.0.0.1:9464", "curl https://example.com:443/x"}) {
    EXPECT_EQ(text, mask_secrets(text));
  }
  EXPECT_EQ("x://me:***@h", mask_secrets("x://me:p@w@h"));
  EXPECT_EQ("url: postgresql://me:***@h?password=***",
            mask_secrets("url: postgresql://me:p@h?password=q r"));
  EXPECT_EQ("PASSWORD = ***", mask_secrets("PASSWORD = 'a b' host=c"));
}

TEST(Quoted, CutsAndCleans) {
  EXPECT_EQ("'a?b'", quote("a\nb"));
  EXPECT_EQ("'a?z'", quote("a\xFFz"));
  EXPECT_EQ("'" + std::string(64, 'x') + "...'", quote(std::string(65, 'x')));
  EXPECT_EQ("'" + std::string(63, 'x') + "...'", quote(std::string(63, 'x') + "\xC3\xA9"));
  EXPECT_EQ(
      "'a?"
      "?b'",
      quote("a\xC2\x9B"
            "b"));  // CSI of the C1 controls
}

}  // namespace
}  // namespace lastseen
