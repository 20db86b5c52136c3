// logfmt, LTSV, an application's own feed, and regular expressions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

using testing::HasSubstr;

std::string read(const char* type, std::string_view line) {
  return to_text(parser_of_type(type)->parse(line));
}
std::string logfmt(const std::string& line) {
  return read("logfmt", "ts=1795322705.342 " + line);
}
std::string ltsv(const std::string& line) {
  return read("ltsv", "time:1795322705.342\t" + line);
}
std::string feed(const std::string& line) {
  return read("ndjson", line);
}

// ---- logfmt

TEST(Logfmt, ValuesWithAndWithoutQuotes) {
  EXPECT_EQ("'A'", logfmt("client_id=A"));
  EXPECT_EQ("'A'", logfmt("client_id=\"A\""));
  EXPECT_EQ("'two words = \"x\"'", logfmt(R"(client_id="two words = \"x\"")"));
  EXPECT_EQ("'A'", logfmt("level=info msg=\"a b\" done  client_id=A "));
  EXPECT_EQ("'a=b'", logfmt("client_id=a=b"));
  EXPECT_EQ("'A'", logfmt(R"(uri="/x?client_id=A")"));
  EXPECT_EQ("'A'", logfmt(R"(body="{\x22client_id\x22:\x22A\x22}")"));
  EXPECT_EQ("'A'", logfmt(R"(body={"client_id":"A"})"));  // as of Go loggers that do not quote it
}

TEST(Logfmt, NothingSetIsNoId) {
  for (const char* line : {"client_id=", "client_id=-", "client_id=\"\"", "client_id", "x=1",
                           "Client_id=A", "client_id_=A", "msg=\"client_id=A\"", "a=client_id=A"}) {
    EXPECT_EQ("no_client_id", logfmt(line)) << line;
  }
}

TEST(Logfmt, EscapesAreUndoneOnce) {
  EXPECT_EQ("'\\x41'", logfmt(R"(client_id="\x5Cx41")"));
  EXPECT_EQ("'\u00d1'", logfmt(R"(client_id="\xC3\x91")"));
  EXPECT_EQ("'\u00d1\n'", logfmt(R"(client_id="\u00d1\n")"));
}

TEST(Logfmt, FirstOfTwoValuesCounts) {
  EXPECT_EQ("'A'", logfmt("client_id=A client_id=B"));
}

TEST(Logfmt, WhatIsNoLogfmtIsMalformed) {
  for (const char* line : {"", "   ", "words only", "=A", "a=\"b", "a=\"b\"c", "a=\"b\"\"c\"",
                           "a=1 \"b\"=2", "a=1 =2"}) {
    EXPECT_EQ("malformed", read("logfmt", line)) << line;
  }
}

// ---- LTSV

TEST(Ltsv, LabelsAndValues) {
  EXPECT_EQ("'A'", ltsv("client_id:A"));
  EXPECT_EQ("'a:b c=d\"'", ltsv("x:1\tclient_id:a:b c=d\"\tz:"));
  EXPECT_EQ("'A'", ltsv("req:GET /?client_id=A HTTP/1.1\tua:x"));
  EXPECT_EQ("'A'", ltsv(R"(body:{\x22client_id\x22:\x22A\x22})"));
  EXPECT_EQ("'A'", ltsv("client_id:A\t"));
  EXPECT_EQ("no_client_id", ltsv("client_id:"));
  EXPECT_EQ("no_client_id", ltsv("client_id:-"));
  EXPECT_EQ("no_client_id", ltsv("xclient_id:A\tua:client_id:A"));
}

TEST(Ltsv, RequestThatIsCutOffGivesNoHalfId) {
  EXPECT_EQ("truncated", ltsv("req:GET /?client_id=A"));
  EXPECT_EQ("'A'", ltsv("req:GET /?client_id=A&x=1"));
  EXPECT_EQ("truncated", ltsv("req:GET /?client_id=two words HTTP/1.1"));
}

TEST(Ltsv, WhatIsNoLtsvIsMalformed) {
  for (const char* line : {"", "\t", "time", "time:1795322705\tclient_id", "time:1795322705\t\tx:1",
                           "a b:1", ":1", "time:1795322705\t:A"}) {
    EXPECT_EQ("malformed", read("ltsv", line)) << line;
  }
}

// ---- an application's own feed

TEST(Feed, ClientAndTimeAreAllThatIsRead) {
  EXPECT_EQ("'A'", feed(R"({"client_id":"A","ts":1795322705})"));
  EXPECT_EQ("'7'", feed(R"({"ts":"2026-11-22T04:45:05Z","client_id":7})"));
  EXPECT_EQ("no_time", feed(R"({"client_id":"A"})"));
  EXPECT_EQ("no_client_id", feed(R"({"ts":1795322705,"request_uri":"/?client_id=A"})"));
  EXPECT_EQ("no_client_id", feed(R"({"ts":1795322705,"request_body":"{\"client_id\":\"A\"}"})"));
  EXPECT_EQ("no_client_id", feed(R"({"ts":1795322705,"user":{"client_id":"A"}})"));
  EXPECT_EQ("malformed", feed(R"([{"client_id":"A","ts":1795322705}])"));
}

// ---- regular expressions

ParserSettings regex(const char* expression, bool escaped = false) {
  ParserSettings settings;
  settings.type = "regex";
  settings.regex = expression;
  settings.escaped = escaped;
  return settings;
}

TEST(Regex, NamedGroupsAreTheFields) {
  const auto parser = parser_of(regex(R"(^(?P<time>\S+) \[(?P<client_id>[^]]*)\] (?P<uri>\S+)$)"));
  EXPECT_EQ("'A'", to_text(parser->parse("1795322705 [A] /?client_id=B")));
  EXPECT_EQ("'B'", to_text(parser->parse("1795322705 [-] /?client_id=B")));
  EXPECT_EQ("'B'", to_text(parser->parse("1795322705 [] client_id=B")));
  EXPECT_EQ("no_time", to_text(parser->parse("yesterday [A] /")));
  EXPECT_EQ("malformed", to_text(parser->parse("1795322705 A /")));
  EXPECT_EQ("malformed", to_text(parser->parse("")));
}

TEST(Regex, GroupThatTookNoPartIsNotSet) {
  const auto parser =
      parser_of(regex(R"((?P<time>\d+)(?: id=(?P<client_id>\w+))?(?P<body>{.*})?)"));
  EXPECT_EQ("'A'", to_text(parser->parse("1795322705 id=A")));
  EXPECT_EQ("no_client_id", to_text(parser->parse("1795322705")));
  EXPECT_EQ("'B'", to_text(parser->parse(R"(1795322705{"client_id":"B"})")));
}

TEST(Regex, EscapesAreUndoneWhereItSaysSo) {
  constexpr const char* kExpression = R"((?P<time>\d+) (?P<client_id>.+))";
  EXPECT_EQ("'\\x41'", to_text(parser_of(regex(kExpression))->parse(R"(1795322705 \x41)")));
  EXPECT_EQ("'A'", to_text(parser_of(regex(kExpression, true))->parse(R"(1795322705 \x41)")));
}

TEST(Regex, BytesThatAreNotUtf8DoNoHarm) {
  const auto parser = parser_of(regex(R"((?P<time>\d+) .* id=(?P<client_id>\w+))"));
  EXPECT_EQ("'A'", to_text(parser->parse("1795322705 \xff\xfe\x80 id=A")));
}

TEST(Regex, UselessExpressionIsRefused) {
  const auto problem = [](const char* expression) {
    return make_parser(regex(expression), {}).status().message();
  };
  EXPECT_THAT(problem("(?P<client_id>"), HasSubstr("regex: "));
  EXPECT_THAT(problem("(?P<time>.*)"), HasSubstr("no group could give an id"));
  EXPECT_THAT(problem("(?P<clientid>.*)"), HasSubstr("nothing is read from a group named"));
}

}  // namespace
}  // namespace lastseen
