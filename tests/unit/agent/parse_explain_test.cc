#include "parse_explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastseen {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string explained(const ParserSettings& settings, std::string_view line,
                      const ParserOptions& options = {}) {
  const auto parser = *make_parser(settings, options);
  const ParseResult parsed = parser->parse(line);
  Explanation explanation;
  parser->explain(&explanation);
  return explain_line(7, line, parsed, explanation);
}

std::string explained(const char* type, std::string_view line, const ParserOptions& options = {}) {
  ParserSettings settings;
  settings.type = type;
  return explained(settings, line, options);
}

TEST(ExplainLine, SightingShowsWhatWasAskedAndWhereTheIdStands) {
  EXPECT_EQ(
      "line 7: client_id 'Ñ1', seen 2026-11-22T04:45:05.342Z\n"
      "  parser                  json\n"
      "  time                    gives the time; field msec, bytes 8-21: 1795322705.342\n"
      "  body.client_id          the line has no such field\n"
      "  field.client_id         the line has no such field\n"
      "  query.client_id         gives the id; field request_uri, bytes 38-54: /?client_id=Ñ1&x\n"
      "  id                      bytes 50-52: Ñ1\n"
      "      0  {\"msec\":1795322705.342,\"request_uri\":\"/?client_id=Ñ1&x\"}\n"
      "                 tttttttttttttt                ~~~~~~~~~~~~^^~~\n"
      "\n",
      explained("json", R"({"msec":1795322705.342,"request_uri":"/?client_id=Ñ1&x"})"));
}

TEST(ExplainLine, DecodedIdIsSaidToBe) {
  EXPECT_THAT(
      explained("logfmt",
                R"(msec=1795322705.342 request_body="{\x22client_id\x22:\x22a\x5C/b\x22}")"),
      HasSubstr("  id                      decoded from what the line holds: a/b\n"));
}

TEST(ExplainLine, MalformedLineShowsWhereItStopsFitting) {
  const std::string json = explained("json", R"({"msec":1} x)");
  EXPECT_THAT(json, HasSubstr("line 7: skipped, malformed: the line is not of the format\n"));
  EXPECT_THAT(json, HasSubstr("  does not fit            from byte 11 on\n"));
  EXPECT_THAT(json, HasSubstr("{\"msec\":1} x\n                 t  !\n"));
  EXPECT_THAT(explained("json", R"({"msec":1)"), HasSubstr("the line ends too early"));
  EXPECT_THAT(explained("combined", "127.0.0.1 - - [yesterday] \"GET / HTTP/1.1\" 200 1"),
              HasSubstr("from byte 12 on"));
  EXPECT_THAT(explained("ltsv", "time:1\tno label"), HasSubstr("from byte 7 on"));
  EXPECT_THAT(explained("logfmt", "a=1 \"b\""), HasSubstr("from byte 4 on"));
  ParserSettings syslog;
  syslog.type = "json";
  syslog.syslog = true;
  EXPECT_THAT(explained(syslog, "{}"), HasSubstr("there is no syslog header"));
}

TEST(ExplainLine, RefusalNamesTheRule) {
  ParserOptions options;
  options.client_id.pattern = "[a-z]+";
  const char* line = R"({"ts":1795322705,"client_id":"A","status":404})";
  EXPECT_THAT(explained("json", line, options), HasSubstr("does not match client_id.pattern"));
  options = {};
  options.client_id.status = {{200, 399}};
  EXPECT_THAT(explained("json", line, options), HasSubstr("response's status, 404"));
  EXPECT_THAT(explained("json", R"({"ts":1795322705,"client_id":"\u0000"})"),
              HasSubstr("  field.client_id         the id is not UTF-8"));
  EXPECT_THAT(explained("json", R"({"ts":"soon","client_id":"A"})"),
              HasSubstr("  time                    it is no time; field ts, bytes 7-10: soon\n"));
}

TEST(ExplainLine, LongLineShowsOnlyRowsWithSomethingInThem) {
  const std::string line =
      R"({"msec":1795322705.342,"x":")" + std::string(100'000, 'x') + R"(","client_id":"A"})";
  const std::string text = explained("json", line);
  EXPECT_LT(text.size(), 1000U);
  EXPECT_THAT(text, HasSubstr("lient_id\":\"A\"}"));
}

TEST(ExplainLine, NoByteReachesTheTerminalAsItIs) {
  std::string line = R"({"msec":1795322705.342,"client_id":")";
  for (int byte = 1; byte < 256; ++byte) line.push_back(static_cast<char>(byte));
  for (const char* type : {"json", "combined", "logfmt", "ltsv"}) {
    for (const char c : explained(type, line)) {
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << int{c};
    }
  }
}

}  // namespace
}  // namespace lastseen
