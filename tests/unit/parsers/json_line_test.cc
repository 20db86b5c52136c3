#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

const std::string kLine = json_line(R"({"x":[1,"a"],"client_id":"A"})");

std::string with_target(std::string_view members) {
  return R"({"ts":1795322705.5,)" + std::string(members) + "}";
}

TEST(JsonLine, GivesClientTimeAndOrigin) {
  const auto parser = parser_of_type("json");
  const ParseResult result = parser->parse(kLine);
  EXPECT_EQ("'A'", to_text(result));
  EXPECT_EQ("body", result.origin);
  EXPECT_TRUE(result.has_time);
  EXPECT_EQ(kLineSeconds * 1000 + 342, result.seen_at_ms);
  EXPECT_EQ("query", parser->parse(json_line("", "/?client_id=A")).origin);
  EXPECT_EQ("field", parser->parse(R"({"ts":1795322705,"client_id":"A"})").origin);
}

TEST(JsonLine, EveryTornLineIsMalformed) {
  const auto parser = parser_of_type("json");
  for (size_t size = 0; size < kLine.size(); ++size) {
    EXPECT_EQ("malformed", to_text(parser->parse(std::string(kLine, 0, size)))) << size;
    const std::string rest(kLine, size + 1);
    EXPECT_EQ("malformed", to_text(parser->parse(rest))) << size;
  }
}

TEST(JsonLine, GluedLinesAndTrailingBytesAreMalformed) {
  EXPECT_EQ("malformed", parse_json(kLine + kLine));
  for (size_t size = 1; size < kLine.size(); ++size) {
    EXPECT_EQ("malformed", parse_json(kLine.substr(0, size) + kLine)) << size;
  }
  EXPECT_EQ("malformed", parse_json(kLine + "x"));
  EXPECT_EQ("malformed", parse_json(kLine + std::string(1, '\0')));
  EXPECT_EQ("'A'", parse_json(" " + kLine + " \t"));
}

TEST(JsonLine, WhatIsNoObjectIsMalformed) {
  for (const char* line : {"",
                           " ",
                           "-",
                           "null",
                           "\"client_id\"",
                           "[]",
                           "[{\"client_id\":\"A\"}]",
                           "{",
                           "}",
                           "{{}}",
                           "{]",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":1,}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":[}]}",
                           "{\"a\":{]}",
                           "{\"a\":[1}",
                           "{\"a\":1]",
                           "{\"a\" 1}",
                           "{a:1}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":1}}",
                           "{\"a\":b\"c\"}",
                           "\x16\x03\x01",
                           "client_id=A"}) {
    EXPECT_EQ("malformed", parse_json(line)) << line;
  }
  EXPECT_EQ("no_client_id", parse_json("{}"));
}

TEST(JsonLine, RawControlCharactersInStringsAreMalformed) {
  for (const char c : {'\0', '\x01', '\n', '\r', '\t', '\x1f'}) {
    std::string line = kLine;
    line[line.find("items")] = c;
    EXPECT_EQ("malformed", parse_json(line));
  }
}

TEST(JsonLine, BytesThatAreNotUtf8DoNoHarm) {
  std::string line = json_line("", "/?client_id=A");
  line.insert(1, "\"user_agent\":\"bot\xff\xfe\x80 v1\",");
  EXPECT_EQ("'A'", parse_json(line));
}

TEST(JsonLine, BareValuesThatAreNoJsonDoNoHarm) {
  for (const char* value : {"000", "-", "", "0.001,", "true", "1e5", "NaN"}) {
    const std::string members =
        std::string(R"("a":)") + value + R"(,"request_uri":"/?client_id=A")";
    if (std::string(value).ends_with(',')) continue;
    EXPECT_EQ("'A'", parse_json(with_target(members))) << value;
  }
}

TEST(JsonLine, DecoysInOtherMembersAreNeverTaken) {
  EXPECT_EQ("no_client_id",
            parse_json(with_target(R"("request_uri":"/","referer":"http://x/?client_id=D",)"
                                   R"("user_agent":"\"client_id\":\"D\" ?client_id=D&",)"
                                   R"("x_client_id":"D","cookie_client_id":"D",)"
                                   R"("headers":{"client_id":"D","request_uri":"/?client_id=D"},)"
                                   R"("list":[{"client_id":"D"}])")));
}

TEST(JsonLine, DecodedPathIsNoTargetBesideTheQuery) {
  EXPECT_EQ("no_client_id", parse_json(with_target(R"("uri":"/items?client_id=D","args":"")")));
  EXPECT_EQ("'A'", parse_json(with_target(R"("uri":"/items?client_id=D","query":"?client_id=A")")));
  EXPECT_EQ("'A'", parse_json(with_target(R"("args":"x=1","request_uri":"/?client_id=A")")));
}

TEST(JsonLine, ObjectsAndListsAreNoTargets) {
  EXPECT_EQ("no_client_id", parse_json(with_target(R"("request_uri":{"a":"/?client_id=D"})")));
  EXPECT_EQ("no_client_id", parse_json(with_target(R"("args":["client_id=D"])")));
}

TEST(JsonLine, UsualTargetsOfEachProxy) {
  for (const char* members :
       {R"("request_uri":"/items?client_id=A")", R"("args":"x=1&client_id=A")",
        R"("query_string":"client_id=A")", R"("path":"/items?client_id=A")",
        R"("uri":"\/items?client_id=A")", R"("request":{"uri":"/?client_id=A","x":{}})",
        R"("request":"GET /items?client_id=A HTTP/1.1")",
        R"("request_uri":"http://h/items?client_id=A")"}) {
    EXPECT_EQ("'A'", parse_json(with_target(members))) << members;
  }
  EXPECT_EQ("truncated", parse_json(with_target(R"("request":"GET /items?client_id=A")")));
}

TEST(JsonLine, MostPreciseTimeCounts) {
  const auto parser = parser_of_type("json");
  const auto time_of = [&](const std::string& members) {
    const ParseResult result = parser->parse("{" + members + "}");
    return result.has_time ? result.seen_at_ms - kLineSeconds * 1000 : -1;
  };
  EXPECT_EQ(342, time_of(R"("time":"2026-11-21T22:45:05-06:00","msec":1795322705.342)"));
  EXPECT_EQ(342, time_of(R"("msec":"1795322705.342","time_iso8601":"2026-11-21T22:45:05-06:00")"));
  EXPECT_EQ(0, time_of(R"("time_local":"21/Nov/2026:22:45:05 -0600")"));
  EXPECT_EQ(0, time_of(R"("time_local":"21\/Nov\/2026:22:45:05 -0600")"));
  EXPECT_EQ(636, time_of(R"("ts_ms":1795322705636)"));
  EXPECT_EQ(670, time_of(R"("start_time":"2026-11-22T04:45:05.670Z")"));
  EXPECT_EQ(0, time_of(R"("ts":null,"time":"2026-11-21T22:45:05-06:00")"));
  EXPECT_EQ(-1, time_of(R"("time":0.005)"));
  EXPECT_EQ(-1, time_of(R"("x":1795322705)"));
}

TEST(JsonLine, ClientWithoutTimeIsSkippedUnlessTheArrivalCounts) {
  const std::string line = R"({"msec":"-","client_id":"A"})";
  EXPECT_EQ("no_time", parse_json(line));
  EXPECT_EQ("no_client_id", parse_json("{\"x\":1}"));
  ParserSettings settings;
  settings.type = "json";
  const auto parser = parser_of(settings, {.client_id = {}, .time_required = false});
  EXPECT_EQ("'A'", to_text(parser->parse(line)));
}

TEST(JsonLine, SkippedLinesKeepTheirTime) {
  const auto parser = parser_of_type("json");
  EXPECT_TRUE(parser->parse(json_line("{}")).has_time);
  EXPECT_TRUE(parser->parse(json_line("{\"client_id\":\"\xff\"}")).has_time);
  EXPECT_TRUE(parser->parse(kLine + "x").has_time);
}

TEST(JsonLine, MappedNamesReplaceTheUsualOnes) {
  ParserSettings settings{
      .type = "json", .time = "t.end", .uri = "http.raw.target", .body = "payload"};
  const auto parser = parser_of(settings);
  const std::string time = R"({"t":{"start":1,"end":1795322705},)";
  EXPECT_EQ("'A'", to_text(parser->parse(time + R"("payload":"{\"client_id\":\"A\"}"})")));
  EXPECT_EQ("'A'", to_text(parser->parse(time + R"("http":{"raw":{"target":"/?client_id=A"}}})")));
  EXPECT_EQ("'A'", to_text(parser->parse(time + R"("http":{"raw":{"target":"client_id=A"}}})")));
  EXPECT_EQ(
      "'A'",
      to_text(parser->parse(time + R"("http":{"raw":{"target":"GET /?client_id=A HTTP/2.0"}}})")));
  EXPECT_EQ("no_client_id",
            to_text(parser->parse(time + R"("request_body":"{\"client_id\":\"D\"}",)"
                                         R"("request_uri":"/?client_id=D"})")));
}

TEST(JsonLine, NameWithEscapesIsTheSameName) {
  EXPECT_EQ("'A'", parse_json(R"({"\u0074s":1795322705,"client\u005fid":"A"})"));
}

TEST(JsonLine, BodyThatIsNotQuotedIsReadAsItStands) {
  EXPECT_EQ(
      "'A\u00d1'",
      parse_json(with_target(R"("request_body":{"x":{"client_id":"D"},"client_id":"A\u00d1"})")));
}

TEST(JsonLine, HostileLinesAreHarmless) {
  constexpr size_t kMany = 1'000'000;
  for (const char c : {'[', '{', '"', '\\', ',', ' ', '}', '\xff', '\0'}) {
    const std::string many(kMany, c);
    EXPECT_EQ("malformed", parse_json(many));
    EXPECT_EQ("malformed", parse_json("{\"a\":" + many));
    EXPECT_EQ("malformed", parse_json("{\"a\":\"" + many));
  }
  const std::string deep = std::string(kMany, '[') + std::string(kMany, ']');
  EXPECT_EQ("no_client_id", parse_json("{\"a\":" + deep + "}"));
}

TEST(JsonLine, NothingBehindTheLineIsRead) {
  // Exactly as much memory as the line has: AddressSanitizer sees any byte too many.
  const auto parser = parser_of_type("json");
  for (size_t pad = 0; pad < 130; ++pad) {
    const std::string line =
        json_line(R"({"p":")" + std::string(pad, 'x') + R"(","client_id":"A"})");
    const std::vector<char> exact(line.begin(), line.end());
    EXPECT_EQ("'A'", to_text(parser->parse({exact.data(), exact.size()})));
    const std::vector<char> torn(line.begin(), line.end() - 3);
    EXPECT_EQ("malformed", to_text(parser->parse({torn.data(), torn.size()})));
  }
}

}  // namespace
}  // namespace lastseen
