// The rules on client ids (tests/corpus/README.md, "Truth"), one by one, through the parsers.
#include "parsers/client_id.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

std::string body(std::string_view text) {
  return parse_json(json_line(text));
}
std::string body_and_query(std::string_view text) {
  return parse_json(json_line(text, "/items?client_id=Q"));
}
std::string query(std::string_view text) {
  return parse_json(json_line("", "/items?" + std::string(text)));
}
std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(BodyId, TopLevelKeyGivesItsTextOrNumber) {
  EXPECT_EQ("'A1'", body(R"({"client_id":"A1"})"));
  EXPECT_EQ("'A1'", body(" \t\r\n{ \"x\" : 1 , \"client_id\" \t:\r\n \"A1\" }"));
  EXPECT_EQ("'90210'", body(R"({"client_id":90210,"x":1})"));
  EXPECT_EQ("'12345678901234567890'", body(R"({"client_id":12345678901234567890})"));
  EXPECT_EQ("'-12.50e+3'", body(R"({"client_id":-12.50e+3 })"));
  EXPECT_EQ("'0'", body(R"({"client_id":0})"));
}

TEST(BodyId, OtherSpellingsAndNestedKeysAreDecoys) {
  EXPECT_EQ("no_client_id", body(R"({"Client_ID":"D","clientId":"D","client_id ":"D"})"));
  EXPECT_EQ("no_client_id", body(R"({"a":{"client_id":"D"},"b":[{"client_id":"D"}]})"));
  EXPECT_EQ("'A'", body(R"({"a":{"client_id":"D"},"b":[[{"client_id":"D"}]],"client_id":"A"})"));
  EXPECT_EQ("'A'", body(R"({"n":"\"client_id\":\"D\" {\"client_id\":\"D\"}","client_id":"A"})"));
  EXPECT_EQ("'A'", body(R"({"client_id":"A","m":{"client_id":"D"}})"));
  EXPECT_EQ("'A'", body(R"({"x":"client_id","client_id":"A"})"));
}

TEST(BodyId, NestingOfAnyDepthChangesNoAnswer) {
  for (int depth = 1; depth < 200; ++depth) {
    const std::string begin = repeat("{\"a\":", depth);
    EXPECT_EQ("'A'", body(begin + "\"b\"" + repeat("}", depth - 1) + R"(,"client_id":"A"})"));
    EXPECT_EQ("no_client_id", body(begin + R"("b"5,{"c":{"client_id":"D"}}})")) << depth;
  }
}

TEST(BodyId, KeyWrittenWithEscapesIsTheSameKey) {
  EXPECT_EQ("'A'", body(R"({"client\u005fid":"A"})"));
  EXPECT_EQ("'A'", body(R"({"\u0063lient_id":"A"})"));
}

TEST(BodyId, FirstOfTwoKeysCounts) {
  EXPECT_EQ("'A'", body(R"({"client_id":"A","client_id":"B"})"));
  EXPECT_EQ("no_client_id", body(R"({"client_id":null,"client_id":"B"})"));
}

TEST(BodyId, ValuesThatAreNoIdLeaveItToTheQuery) {
  for (const char* value : {"null", "true", "false", "[\"A\"]", "{\"id\":\"A\"}", "\"\""}) {
    const std::string text = "{\"client_id\":" + std::string(value) + "}";
    EXPECT_EQ("no_client_id", body(text)) << text;
    EXPECT_EQ("'Q'", body_and_query(text)) << text;
  }
}

TEST(BodyId, WinsOverTheQueryEvenWhenItMustNotBeStored) {
  EXPECT_EQ("'A'", body_and_query(R"({"client_id":"A"})"));
  EXPECT_EQ("too_long", body_and_query("{\"client_id\":\"" + repeat("x", 51) + "\"}"));
  EXPECT_EQ("invalid_utf8", body_and_query("{\"client_id\":\"\xff\"}"));
}

TEST(BodyId, LengthIsInCodePoints) {
  for (const char* letter : {"L", "\u00f1", "\u20ac", "\U0001f680", "\\u00f1", "\\ud83d\\ude80"}) {
    const std::string begin = "{\"client_id\":\"";
    EXPECT_NE("too_long", body(begin + repeat(letter, 50) + "\"}")) << letter;
    EXPECT_EQ("too_long", body(begin + repeat(letter, 51) + "\"}")) << letter;
  }
  EXPECT_EQ("too_long", body("{\"client_id\":" + repeat("7", 51) + "}"));
}

TEST(BodyId, EachLayerIsUnescapedOnce) {
  EXPECT_EQ("'A\"B\\C/D'", body(R"({"client_id":"A\"B\\C\/D"})"));
  EXPECT_EQ("'L1\nL2\tT'", body(R"({"client_id":"L1\nL2\tT"})"));
  EXPECT_EQ("'\\x41 \\u0041 \\n'", body(R"({"client_id":"\\x41 \\u0041 \\n"})"));
  EXPECT_EQ("'50%25+x'", body(R"({"client_id":"50%25+x"})"));
  EXPECT_EQ("'\u00d1u\U0001f600'", body(R"({"client_id":"\u00d1u\ud83d\uDE00"})"));
  EXPECT_EQ("'\\'", body(R"({"client_id":"\\"})"));
}

TEST(BodyId, BytesThatAreNoTextAreRefused) {
  EXPECT_EQ("invalid_utf8", body(R"({"client_id":"A\u0000B"})"));
  EXPECT_EQ("invalid_utf8", body(R"({"client_id":"bad\ud800x"})"));
  EXPECT_EQ("invalid_utf8", body(R"({"client_id":"bad\udc00"})"));
  EXPECT_EQ("invalid_utf8", body(R"({"client_id":"\ude00\ud83d"})"));
  for (const char* bytes : {"A\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                            "\xc3", "\x80", "\xf8\x88\x80\x80\x80", "\xe0\x9f\xbf"}) {
    EXPECT_EQ("invalid_utf8", body("{\"client_id\":\"" + std::string(bytes) + "\"}"));
  }
}

TEST(BodyId, BadBytesElsewhereDoNoHarm) {
  EXPECT_EQ("'A'", body("{\"n\":\"\xe9\xff\",\"client_id\":\"A\"}"));
  EXPECT_EQ("'A'", body("\xef\xbb\xbf{\"client_id\":\"A\"}"));
  EXPECT_EQ("'A'", body(R"({"n":"\ud800","client_id":"A"})"));
}

TEST(BodyId, NothingAfterTheIdIsLookedAt) {
  EXPECT_EQ("'A'", body(R"({"client_id":"A"} trailing)"));
  EXPECT_EQ("'A'", body(R"({"client_id":"A","r":[{"id":1},{"id")"));
  EXPECT_EQ("'A'", body(R"({"client_id":"A",,,]]])"));
  EXPECT_EQ("'A'", body(R"({"client_id":"A"x)"));
}

TEST(BodyId, WhatIsNoJsonBeforeTheIdGivesNothing) {
  for (const char* text : {R"({/*c*/"client_id":"A"})",
                           R"({'client_id':'A'})",
                           R"({client_id:"A"})",
                           R"({"a":1 "client_id":"A"})",
                           R"({"a":01,"client_id":"A"})",
                           R"({"a":[},"client_id":"A"})",
                           R"({"a":tru,"client_id":"A"})",
                           R"({"a","client_id":"A"})",
                           R"({,"client_id":"A"})",
                           R"({"a":"\x41","client_id":"A"})",
                           R"({"a":[1,],"client_id":"A"})",
                           "{\"a\":\"\n\",\"client_id\":\"A\"}",
                           "{\"client_id\":\"A\nB\"}",
                           R"({"client_id":"\q"})",
                           R"({"client_id":12x})",
                           R"({"client_id":-})",
                           R"({"client_id" "A"})",
                           R"({"a":1}{"client_id":"A"})",
                           R"([{"client_id":"A"}])",
                           R"("client_id")",
                           "client_id=A&x=1",
                           "<r client_id=\"A\"/>",
                           "x{\"client_id\":\"A\"}"}) {
    EXPECT_EQ("no_client_id", body(text)) << text;
    EXPECT_EQ("'Q'", body_and_query(text)) << text;
  }
}

TEST(BodyId, NdjsonTakesTheIdBack) {
  for (const char* text :
       {"{\"client_id\":\"A\"}\n{\"client_id\":\"B\"}\n", "{\"client_id\":\"A\",\"x\":{}}\r\n{",
        "{\"client_id\":7} \t\n\n  {\"x\":1}", "{\"client_id\":\"A\"}\r{}",
        "{\"client_id\":\"A\"}\n{\"client_id\"", "{\"client_id\":7}\n{"}) {
    EXPECT_EQ("no_client_id", body(text)) << text;
    EXPECT_EQ("'Q'", body_and_query(text)) << text;
  }
}

TEST(BodyId, WhatOnlyLooksLikeNdjsonIsNot) {
  for (const char* text :
       {"{\n  \"client_id\": \"A\",\n  \"r\": [\n    {\n    },\n    {\n    }\n  ]\n}\n",
        "{\"client_id\":\"A\"}\n", "{\"client_id\":\"A\"}\n\n", "{\"client_id\":\"A\"}{\"x\":1}",
        R"({"client_id":"A","note":"}\n{"})", "{\"client_id\":\"A\"}\n[{\"x\":1}]",
        "{\"client_id\":\"A\"} x\n{"}) {
    EXPECT_EQ("'A'", body(text)) << text;
  }
}

TEST(BodyId, NdjsonBracesAndBreaksMayBeEscapedByTheLog) {
  const std::string line =
      R"({"ts":1795322705,"body":"{\"client_id\":\"A\"\u007d\u000a\u007b\"x\":1}"})";
  EXPECT_EQ("no_client_id", parse_json(line));
  EXPECT_EQ("'A'", parse_json(R"({"ts":1795322705,"body":"{\"client_id\":\"A\"\u007d"})"));
}

TEST(BodyId, ValueThatIsCutOffIsNone) {
  const std::string whole = R"({"x":1,"client_id":"A\u00d1\"B"})";
  const size_t after_value = whole.size() - 1;
  for (size_t size = whole.find("\"A"); size < after_value; ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_EQ("truncated", body(cut)) << cut;
    EXPECT_EQ("'Q'", body_and_query(cut)) << cut;
  }
  EXPECT_EQ("'A\u00d1\"B'", body(whole.substr(0, after_value)));
  EXPECT_EQ("truncated", body(R"({"client_id":123)"));
  EXPECT_EQ("truncated", body(R"({"client_id":12.)"));
}

TEST(BodyId, HostileBodiesAreHarmless) {
  constexpr int kMany = 1'000'000;
  EXPECT_EQ("no_client_id", body("{\"a\":" + repeat("[", kMany)));
  EXPECT_EQ("no_client_id", body(repeat("[", kMany)));
  EXPECT_EQ("no_client_id", body("{\"a\":\"" + repeat("\\", kMany)));
  EXPECT_EQ("no_client_id", body(repeat("{\"a\":", kMany / 5)));
  EXPECT_EQ("'A'", body("{\"client_id\":\"A\"" + repeat("}\n", kMany / 2)));
  const std::string deep = repeat("[", kMany / 2) + repeat("]", kMany / 2);
  EXPECT_EQ("'A'", body("{\"a\":" + deep + ",\"client_id\":\"A\"}"));
}

TEST(FieldId, StandsInForTheBody) {
  const std::string begin = R"({"ts":1795322705,"request_uri":"/?client_id=Q","client_id":)";
  EXPECT_EQ("'A'", parse_json(begin + R"("A"})"));
  EXPECT_EQ("'A\"B'", parse_json(begin + R"("A\"B"})"));
  EXPECT_EQ("'12.50'", parse_json(begin + "12.50}"));
  EXPECT_EQ("too_long", parse_json(begin + "\"" + repeat("x", 51) + "\"}"));
  for (const char* none : {"\"\"", "\"-\"", "null", "true", "[1]", "{\"a\":1}", "-", "01"}) {
    EXPECT_EQ("'Q'", parse_json(begin + none + "}")) << none;
  }
}

TEST(QueryId, FirstOfThatNameDecodedOnce) {
  EXPECT_EQ("'A'", query("x=1&client_id=A&client_id=B"));
  EXPECT_EQ("'North Zone'", query("client_id=North+Zone"));
  EXPECT_EQ("'a/b/c+%41'", query("client_id=a%2Fb%2fc%2B%2541"));
  EXPECT_EQ("'\u00d1u\U0001f680'", query("client_id=%C3%91u%F0%9F%9A%80"));
  EXPECT_EQ("'\u00d1uble'", query("client_id=\u00d1uble"));
  EXPECT_EQ("'A=B=='", query("client_id=A=B=="));
  EXPECT_EQ("'A'", query("&&client_id=A&&"));
  EXPECT_EQ("'A'", query("client%5Fid=A"));
  EXPECT_EQ("'r\"s\\t'", query("client_id=r\"s\\t"));
  EXPECT_EQ("'a?b'", query("client_id=a?b"));
  EXPECT_EQ("'null'", query("client_id=null"));
}

TEST(QueryId, BeginsBehindTheFirstQuestionMarkEscapedOrNot) {
  const auto target = [](const std::string& escaped) {
    return parse_json("{\"ts\":1795322705,\"request_uri\":\"" + escaped + "\"}");
  };
  for (const char* path : {"/items", "\\/items", "\\/items\\/3", "\\/\\\\", ""}) {
    for (const char* mark : {"?", "\\x3f", "\\x3F", "\\u003f", "\\u003F"}) {
      const std::string begin = std::string(path) + mark;
      EXPECT_EQ("'A'", target(begin + "client_id=A")) << begin;
      EXPECT_EQ("'A/B'", target(begin + "x=1&client_id=A\\/B")) << begin;
      EXPECT_EQ("'A?'", target(begin + "client_id=A?&client_id=B")) << begin;
      EXPECT_EQ("no_client_id", target(begin + "x=1?client_id=A")) << begin;
    }
    EXPECT_EQ("no_client_id", target(path + std::string("client_id=A"))) << path;
  }
  EXPECT_EQ("'A'", target("\\/\\?client_id=A"));  // a backslash that escapes nothing
}

TEST(QueryId, BrokenPercentSequencesStay) {
  EXPECT_EQ("'A%ZZB'", query("client_id=A%ZZB"));
  EXPECT_EQ("'50%'", query("client_id=50%"));
  EXPECT_EQ("'50%4'", query("client_id=50%4"));
  EXPECT_EQ("'%%AA'", query("client_id=%%%41A"));
}

TEST(QueryId, LookAlikesAndEmptyValuesGiveNone) {
  EXPECT_EQ("no_client_id", query("xclient_id=D&client_idx=D&Client_Id=D&my.client_id=D"));
  EXPECT_EQ("no_client_id", query("client_id[]=D&client_id%5B0%5D=D"));
  EXPECT_EQ("no_client_id", query("a=1;client_id=D"));
  EXPECT_EQ("no_client_id", query("client_id=&client_id=SECOND"));
  EXPECT_EQ("no_client_id", query("client_id&client_id=SECOND"));
  EXPECT_EQ("no_client_id", query("x=client_id=D"));
  EXPECT_EQ("no_client_id", parse_json(json_line("", "/client_id=D/items")));
}

TEST(QueryId, JudgedAfterDecoding) {
  EXPECT_EQ("invalid_utf8", query("client_id=A%00B"));
  EXPECT_EQ("invalid_utf8", query("client_id=%FF%FE"));
  EXPECT_EQ("invalid_utf8", query("client_id=%C0%80"));
  EXPECT_EQ("'" + repeat("\u00d1", 50) + "'", query("client_id=" + repeat("%C3%91", 50)));
  EXPECT_EQ("too_long", query("client_id=" + repeat("%C3%91", 51)));
  EXPECT_EQ("'a\nb'", query("client_id=a%0Ab"));
}

TEST(ClientIdRules, LengthLimitIsAnOption) {
  ParserSettings settings;
  settings.type = "json";
  const auto parser = parser_of(settings, {.client_id = {.length_max = 3}, .time_required = true});
  EXPECT_EQ("'abc'", to_text(parser->parse(json_line("", "/?client_id=abc"))));
  EXPECT_EQ("too_long", to_text(parser->parse(json_line("", "/?client_id=abcd"))));
}

}  // namespace
}  // namespace lastseen
