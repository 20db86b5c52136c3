#include "parsers/syslog.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

/// What stands behind the header, in brackets; "none" without a header.
std::string message(std::string_view line) {
  const std::optional<std::string_view> message = skip_syslog_header(line);
  return message ? "[" + std::string(*message) + "]" : "none";
}

TEST(SyslogHeader, Rfc3164InEveryUsualForm) {
  for (const char* header :
       {"<190>Nov 21 22:45:05 edge-1 nginx: ", "<157>Nov 21 22:45:05 edge_api: ",
        "<134>Nov 22 04:45:19 haproxy[4812]: ", "<0>Nov  2 04:45:19 h haproxy[1]: ",
        "Nov 22 04:45:19 host haproxy[4812]: ", "Nov  2 04:45:19 fe80::1 t: ",
        "2026-11-22T04:45:33.632115+00:00 host haproxy[4812]: ",
        "<134>2026-11-22T04:45:33Z host nginx: "}) {
    EXPECT_EQ("[1 - a: b]", message(std::string(header) + "1 - a: b")) << header;
    EXPECT_EQ("[]", message(header)) << header;
  }
}

TEST(SyslogHeader, Rfc5424InEveryUsualForm) {
  for (const char* header :
       {"<134>1 2026-11-22T04:45:33.632115+00:00 - haproxy 4812 - - ", "<134>1 - - - - - - ",
        "<134>1 2026-11-22T04:45:33Z h a p m [x@1 a=\"b\" c=\"d ] \\\" \\] \\\\\"] ",
        "<134>1 2026-11-22T04:45:33Z h a p m [x][y a=\"\"] ",
        "<134>1 2026-11-22T04:45:33Z h a p m - \xef\xbb\xbf"}) {
    EXPECT_EQ("[1 - a: b]", message(std::string(header) + "1 - a: b")) << header;
  }
  EXPECT_EQ("[]", message("<134>1 - - - - - -"));
}

TEST(SyslogHeader, OtherLinesHaveNone) {
  for (const char* line : {"",
                           "<",
                           "<>",
                           "<134>",
                           "<192>Nov 21 22:45:05 t: x",
                           "<1234>Nov 21 22:45:05 t: x",
                           "<13Nov 21 22:45:05 t: x",
                           "<134>Nov 21 22:45:05 ",
                           "<134>Nov 21 22:45:05 t:x",
                           "<134>Nov 21 22:45:05 a b c: x",
                           "<134>Nov 21 22:45:05 : x",
                           "<134>Nox 21 22:45:05 t: x",
                           "<134>Nov 2122:45:05 t: x",
                           "<134>Nov 21 2x:45:05 t: x",
                           "<134>1 - - - - ",
                           "<134>1 2026-11-22 - - - - - x",
                           "<134>1 - - - - - [x",
                           "<134>1 - - - - - [x \"a] y",
                           "<134>1 - - - - - -x",
                           "<134>1  - - - - - x",
                           "{\"client_id\":\"A\"}",
                           "t: x"}) {
    EXPECT_EQ("none", message(line)) << line;
  }
}

TEST(SyslogHeader, EveryCutHeaderIsNone) {
  const std::string line = "<134>1 2026-11-22T04:45:33.632115+00:00 - haproxy 4812 - [x a=\"b\"] m";
  for (size_t size = 0; size < line.size() - 2; ++size) {
    EXPECT_EQ("none", message(line.substr(0, size))) << size;
  }
}

TEST(Syslog, AnyParserReadsWhatIsInside) {
  ParserSettings settings;
  settings.type = "json";
  settings.syslog = true;
  const auto parser = parser_of(settings);
  const std::string inside = json_line(R"({"client_id":"A"})");
  EXPECT_EQ("'A'", to_text(parser->parse("<190>Nov 21 22:45:05 edge-1 nginx: " + inside)));
  EXPECT_EQ("malformed", to_text(parser->parse(inside)));
  EXPECT_EQ("malformed", to_text(parser->parse("<190>Nov 21 22:45:05 edge-1 nginx: ")));
}

}  // namespace
}  // namespace lastseen
