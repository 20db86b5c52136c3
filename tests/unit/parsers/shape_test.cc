// What parsers remember of a line to read the next one faster never changes what they say of it.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

std::string answer(const ParseResult& result) {
  return to_text(result) + (result.has_time ? " " + std::to_string(result.seen_at_ms) : "") +
         (result.local_time ? " local" : "");
}

/// Reads the lines, as they are and with some bytes changed, in any order but with many of a kind
/// behind each other, with one parser that has seen all before and with one that has seen none.
void expect_no_memory(const char* type, const std::vector<std::string>& lines,
                      std::string_view bytes) {
  const auto parser = parser_of_type(type);
  std::mt19937 random(1);
  size_t often = 0;
  for (int i = 0; i < 40'000; ++i) {
    if (i % 200 == 0) often = random() % lines.size();
    std::string line = lines[random() % 4 == 0 ? random() % lines.size() : often];
    if (random() % 2 == 1) {  // nearly that line
      const size_t at = random() % line.size();
      if (random() % 2 == 0) {
        line[at] = bytes[random() % bytes.size()];
      } else {
        line.erase(at, random() % 12);
      }
    }
    ASSERT_EQ(answer(parser_of_type(type)->parse(line)), answer(parser->parse(line))) << line;
  }
}

TEST(Shape, JsonLinesBeforeChangeNoAnswer) {
  expect_no_memory(
      "json",
      {
          json_line("", "/?client_id=A"),
          json_line("", "/?client_id=B"),
          R"({"request_uri":"/?client_id=C","msec":1795322705})",
          R"({"msec":1795322705,"request":{"uri":"/?client_id=E"}})",
          R"({"msec":1795322705,"request":"GET /?client_id=F HTTP/1.1"})",
          R"({"request":{"msec":1,"uri":"/?client_id=G"},"msec":1795322705})",
          R"({"msec" : 1795322705, "client_id" : "H"})",
          R"({"msec":1795322705,"client_idx":"D"})",
          R"({"request":{"msec":1{"uri":"/?client_id=J"},"msec":1795322705})",
          R"({"request":{},"msec":"1795322705","client_id":null})",
          R"({"request":{"headers":{"a":[]},"uri":"/?client_id=K"},"msec":1,"x":{}})",
          "{\"msec\":1795322705",
          "{}",
          R"({"a":1,"b":"c","d":[1],"request":{"x":{"y":1},"z":1,"uri":"/?client_id=L"},)"
          R"("e":null,"f":"g","msec":1795322705,"h":{"client_id":"M"},"i":0})",
      },
      "{}[],:\"\\ 1ax");
}

TEST(Shape, BodiesBeforeChangeNoAnswer) {
  const std::vector<std::string> bodies = {
      R"({"client_id":"A","x":1})",
      R"({"x":1,"client_id":"B"})",
      R"({"x":[1,2,{"client_id":"C"}],"client_id":"D"})",
      R"({"x":["1",[2],{}],"y":{"z":null},"client_id":12})",
      R"({"x":{"y":"say \"client_id\": no"}, "client\u005fid" : "E"})",
      "{\"x\":1,\n \"client_id\": \"F\"}\n{\"x\":2}",
      R"({"x":[[[[{}]]]],"x":true,"x":-1.5e3,"client_id":"G"})",
      R"([{"client_id":"H"}])",
      R"({"x":{"client_id":"I"}})",
  };
  std::vector<std::string> lines;
  for (const std::string& body : bodies) {
    lines.push_back(json_line(body));
    lines.push_back(R"({"msec":1795322705,"request_body":")" + escape_json(escape_json(body)) +
                    "\"}");  // within its layer it is no JSON
  }
  expect_no_memory("json", lines, "{}[],:\"\\ 1antu");
}

TEST(Shape, LogfmtLinesBeforeChangeNoAnswer) {
  expect_no_memory("logfmt",
                   {
                       R"(ts=2026-11-22T04:45:05+00:00 uri="/?client_id=A" status=200)",
                       R"(ts=2026-11-22T04:45:06+00:00 uri="/?client_id=B" status=404)",
                       R"(ts=2026-11-22T04:45:05 client_id=C status="200" x)",
                       R"(x y  client_id="D" ts=1795322705.342)",
                       R"(client_id=E\x41 ts="2026-11-22T04:45:05Z")",
                       R"(ts=1795322705 body="{\x22client_id\x22:\x22F\x22,\x22x\x22:[1,2]}" y=)",
                       R"(ts=1795322705 body="{\x22x\x22:1,\x22client_id\x22:\x22G\x22}\x0A{}")",
                       R"(ts=1795322705 body="{\x22x\x22:[{}],\x22client_id\x22:\x22H\x22}")",
                       "x",
                   },
                   "= \t\"\\x012aT:");
}

TEST(Shape, LtsvLinesBeforeChangeNoAnswer) {
  expect_no_memory("ltsv",
                   {
                       "time:22/Nov/2026:04:45:05 +0000\treq:GET /?client_id=A HTTP/1.1\tx:1",
                       "time:22/Nov/2026:04:45:06 +0000\treq:GET /?client_id=B HTTP/1.1\tx:",
                       "time:22/Nov/2026:04:45:06 +0600\tclient_id:C\t",
                       "time:2026/11/22 04:45:06\tclient_id:D\\x41",
                       "client_id:\ttime:1795322705",
                       "time:1795322705\tbody:{\\x22x\\x22:1,\\x22client_id\\x22:\\x22E\\x22}",
                   },
                   ":\t\\x012a/");
}

}  // namespace
}  // namespace lastseen
