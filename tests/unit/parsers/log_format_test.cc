#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

std::string request(std::string_view escaped) {
  return parse_combined(combined_line(escaped));
}

TEST(Combined, GivesClientAndTime) {
  const auto parser = parser_of_type("combined");
  const std::string line = combined_line("GET /items?limit=10&client_id=zona-7%2Fsur HTTP/1.1");
  const ParseResult result = parser->parse(line);
  EXPECT_EQ("'zona-7/sur'", to_text(result));
  EXPECT_EQ("query", result.origin);
  EXPECT_EQ(kLineSeconds * 1000, result.seen_at_ms);
}

TEST(Combined, EscapesOfBothServersAreUndoneOnce) {
  EXPECT_EQ("'r\"s\\t'", request(R"(GET /?client_id=r\x22s\x5Ct HTTP/1.1)"));
  EXPECT_EQ("'r\"s\\t'", request(R"(GET /?client_id=r\"s\\t HTTP/1.1)"));
  EXPECT_EQ("'\u00d1uble'", request(R"(GET /?client_id=\xC3\x91uble HTTP/1.1)"));
  EXPECT_EQ("'\u00d1uble'", request(R"(GET /?client_id=\xc3\x91uble HTTP/1.1)"));
  EXPECT_EQ("'\\x41'", request(R"(GET /?client_id=\x5Cx41 HTTP/1.1)"));
  EXPECT_EQ("'\\x41'", request(R"(GET /?client_id=\\x41 HTTP/1.1)"));
  EXPECT_EQ(
      "'A\x01"
      "B'",
      request(R"(GET /?client_id=A\x01B HTTP/1.1)"));
  EXPECT_EQ("invalid_utf8", request(R"(GET /?client_id=A\xD1B HTTP/1.1)"));
}

TEST(Combined, ProtocolAndMethodDoNotMatter) {
  for (const char* text :
       {"get /?client_id=A HTTP/1.1", "GET /?client_id=A HTTP/9.9", "POST /?client_id=A HTTP/2.0",
        "GET /?client_id=A HTTP/3", "M-SEARCH http://h:1/x?client_id=A HTTP/1.0"}) {
    EXPECT_EQ("'A'", request(text)) << text;
  }
}

TEST(Combined, ValueWhoseEndIsNotSureIsNone) {
  for (const char* text :
       {"GET /?client_id=A", "GET /?client_id=two words HTTP/1.1", "GET /?client_id=two words",
        R"(GET /?client_id=tab\x09bed HTTP/1.1)", "GET /?client_id=A HTTP/",
        "GET /?client_id=A HTTP/1.", "GET /?client_id=", "GET /?x=1&client_id=CUTA_01"}) {
    EXPECT_EQ("truncated", request(text)) << text;
  }
  EXPECT_EQ("'A'", request("GET /?client_id=A&pad=www"));
  EXPECT_EQ("no_client_id", request("GET /?x=1&client_i"));
}

TEST(Combined, GarbageRequestsNameNobody) {
  for (const char* text :
       {"", "-", "hello client_id=D world", R"(\x16\x03\x01\x02\x00\x01)", "?client_id=D",
        "(GET) /?client_id=D HTTP/1.1", "GET", "GET ", " /?client_id=D HTTP/1.1"}) {
    EXPECT_EQ("no_client_id", request(text)) << text;
  }
}

TEST(Combined, DecoysInOtherFieldsAreNeverTaken) {
  const std::string begin = "127.0.0.1 - - [21/Nov/2026:22:45:05 -0600] \"GET / HTTP/1.1\" 200 1 ";
  EXPECT_EQ("no_client_id", parse_combined(begin + R"("http://h/?client_id=D" "?client_id=D&")"));
  EXPECT_EQ("no_client_id", parse_combined(begin + R"("-" "x\" \"GET /?client_id=D HTTP/1.1\"")"));
  EXPECT_EQ("no_client_id", parse_combined(begin + R"("-" "-" "GET /?client_id=D HTTP/1.1")"));
}

TEST(Combined, UserNameCannotForgeATimeOrRequest) {
  const std::string rest =
      R"( [21/Nov/2026:22:45:05 -0600] "GET /?client_id=A HTTP/1.1" 200 1 "-" "-")";
  for (const char* user : {"john doe", "x [01/Jan/2020:00:00:00 +0000]", R"(a\x22b)", R"(a\"b)",
                           R"(x [01/Jan/2020:00:00:00 +0000] \"GET /?client_id=D HTTP/1.1\" 1)"}) {
    const auto parser = parser_of_type("combined");
    const std::string line = std::string("127.0.0.1 - ") + user + rest;
    const ParseResult result = parser->parse(line);
    EXPECT_EQ("'A'", to_text(result)) << user;
    EXPECT_EQ(kLineSeconds * 1000, result.seen_at_ms) << user;
  }
}

TEST(Combined, UserNameCannotForgeATimeThatIsRemembered) {
  const auto parser = parser_of_type("combined");
  const auto line = [](const std::string& user, const std::string& minute) {
    return "127.0.0.1 - " + user + " [21/Nov/2026:22:" + minute +
           R"(:05 -0600] "GET /?client_id=A HTTP/1.1" 200 1 "-" "-")";
  };
  EXPECT_EQ((kLineSeconds - 60) * 1000, parser->parse(line("-", "44")).seen_at_ms);
  const std::string forged = line("x [21/Nov/2026:22:44:05 -0600]", "45");
  EXPECT_EQ(kLineSeconds * 1000, parser->parse(forged).seen_at_ms);
}

TEST(Combined, MoreFieldsMayFollow) {
  const std::string line = combined_line("GET /?client_id=A HTTP/1.1");
  EXPECT_EQ("'A'", parse_combined(line + " \"10.0.0.1\" rt=0.001"));
  EXPECT_EQ("'A'", parse_combined("www.example.test:80 " + line + " 1234"));
}

TEST(Combined, EveryTornLineIsMalformed) {
  const std::string line = combined_line("GET /?client_id=A HTTP/1.1");
  const auto parser = parser_of_type("combined");
  for (size_t size = 0; size < line.size(); ++size) {
    EXPECT_EQ("malformed", to_text(parser->parse(line.substr(0, size)))) << size;
  }
}

TEST(Combined, LinesGluedBehindTheFirstsRequestAreMalformed) {
  const std::string line = combined_line("GET /?client_id=A HTTP/1.1");
  const auto parser = parser_of_type("combined");
  for (size_t size = line.find('"') + 1; size <= line.size(); ++size) {
    EXPECT_EQ("malformed", to_text(parser->parse(line.substr(0, size) + line))) << size;
  }
}

TEST(Combined, OtherLinesAreMalformed) {
  for (const char* line :
       {"", "-", "\"", "] \"", "[] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"",
        "h - - [x] \"GET / HTTP/1.1\" 20 1 \"-\" \"-\"", "h - - [x] \"GET / HTTP/1.1\" 200 x",
        "h - - [x] \"GET / HTTP/1.1\" 200 1 - -", "{\"client_id\":\"A\"}",
        "h - - x] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\""}) {
    EXPECT_EQ("malformed", parse_combined(line)) << line;
  }
}

TEST(Combined, TimeThatCannotBeReadIsNoTime) {
  EXPECT_EQ("no_time",
            parse_combined(R"(h - - [31/Feb/2026:22:45:05 -0600] "GET /?client_id=A HTTP/1.1" )"
                           R"(200 1 "-" "-")"));
}

TEST(Combined, HostileLinesAreHarmless) {
  for (const char c : {'[', '"', '\\', ' ', '%', '&', '\0', '\xff'}) {
    const std::string many(1'000'000, c);
    EXPECT_EQ("malformed", parse_combined(many));
    EXPECT_NE("", request("GET /?" + many + " HTTP/1.1"));
    EXPECT_NE("", request("GET /?client_id=" + many + " HTTP/1.1"));
  }
}

TEST(Common, NeedsNoRefererAndAgent) {
  const auto parser = parser_of_type("common");
  const std::string line =
      R"(h - - [21/Nov/2026:22:45:05 -0600] "GET /?client_id=A HTTP/1.1" 200 -)";
  EXPECT_EQ("'A'", to_text(parser->parse(line)));
  EXPECT_EQ("'A'", to_text(parser->parse(line + " \"-\" \"-\"")));
  EXPECT_EQ("malformed", to_text(parser->parse(line + "x")));
  EXPECT_EQ("malformed", parse_combined(line));
}

}  // namespace
}  // namespace lastseen
