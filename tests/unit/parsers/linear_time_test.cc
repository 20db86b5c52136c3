// No line costs more than linear time, whatever is in it: a line of 1 MB against one of 256 KB.
#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

constexpr size_t kShort = 256 << 10;
constexpr size_t kLong = 4 * kShort;
constexpr double kRatioMax = 10;    // linear is 4, quadratic 16
constexpr double kHarmlessMs = 10;  // too little for a ratio, and quick for 1 MB in any build
constexpr const char* kUnits[] = {"[",           "{",          "\\",      "\"",   "%",     " ",
                                  "#",           "|",          "=",       "&",    "?",     "\t",
                                  "}",           "-",          "/",       ";",    "%4",    "\\u",
                                  "[\"",         "\" \"",      "a=\"",    "\\\"", "}\\n{", "\\\\\"",
                                  "?client_id=", "&client_id", "{\"a\":", "\\x",  "\xc3",  ":1 "};

std::string repeated(const std::string& unit, size_t size) {
  std::string text;
  text.reserve(size + unit.size());
  while (text.size() < size) text += unit;
  return text;
}

/// Process time, so that other work on the machine does not count.
double parse_ms(Parser& parser, const std::string& line) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const std::clock_t start = std::clock();
    parser.parse(line);
    best = std::min(best, 1000.0 * double(std::clock() - start) / CLOCKS_PER_SEC);
    if (best < kHarmlessMs) break;
  }
  return best;
}

struct Shape {
  const char* before;
  const char* behind;
};

struct Format {
  const char* label;
  ParserSettings settings;
  std::vector<Shape> shapes;  // what stands around the many
};

ParserSettings type(const char* name) {
  ParserSettings settings;
  settings.type = name;
  return settings;
}

ParserSettings format(const char* dialect, const char* text, const char* preset = "") {
  ParserSettings settings = type("log_format");
  settings.dialect = dialect;
  settings.format = text;
  settings.preset = preset;
  return settings;
}

std::vector<Format> formats() {
  constexpr const char* kStart = "127.0.0.1 - - [21/Nov/2026:22:45:05 -0600] \"";
  constexpr const char* kHaproxy =
      "127.0.0.1:1 [22/Nov/2026:04:45:05.342] fe app/s1 0/0/0/0/0 200 90 - - ---- 1/1/0/0/0 0/0 ";
  ParserSettings base64 = type("json");
  base64.body = "b";
  base64.base64 = {"b"};
  ParserSettings regex = type("regex");
  regex.regex = R"((?P<time>\S+) (?P<uri>\S*) (?P<body>.*)$)";
  regex.escaped = true;
  ParserSettings syslog = type("json");
  syslog.syslog = true;
  return {
      {"json",
       type("json"),
       {{"{\"msec\":1795322705.342,\"request_body\":\"{\\\"a\\\":", "\"}"},
        {"{\"msec\":1795322705.342,\"request_body\":\"{\\\"client_id\\\":\\\"A\\\"", "\"}"},
        {"{\"msec\":1795322705.342,\"request_uri\":\"/?", "\"}"},
        {"{\"msec\":1795322705.342,\"x\":", "}"},
        {"2026/11/22 04:46:45.008\t", "\t{"}}},
      {"json_base64", base64, {{"{\"msec\":1795322705.342,\"b\":\"", "\"}"}}},
      {"ndjson", type("ndjson"), {{"{\"ts\":1795322705,\"client_id\":\"", "\"}"}}},
      {"combined", type("combined"), {{kStart, "\" 200 1 \"-\" \"x\""}, {"a ", " b"}}},
      {"vhost_combined", type("vhost_combined"), {{"a:80 b - ", ""}}},
      {"logfmt", type("logfmt"), {{"msec=1795322705.342 body=\"", "\""}, {"uri=/?", ""}}},
      {"ltsv", type("ltsv"), {{"time:1795322705\tbody:", ""}, {"time:1795322705\treq:GET /?", ""}}},
      {"regex", regex, {{"1795322705 / ", ""}, {"1795322705 /?", " x"}}},
      {"syslog", syslog, {{"<134>1 - - - - - ", ""}, {"<134>Nov 22 04:45:19 ", ": {}"}}},
      {"nginx_none",
       format("nginx",
              R"(escape=none '$msec "$request" $status "$http_user_agent" b="$request_body"')"),
       {{"1795322705.342 \"", ""}, {"1795322705.342 \"", "\" 200 \"x\" b=\"\""}}},
      {"nginx_texts",
       format("nginx",
              "escape=none '$msec $http_a|$remote_addr $http_b $request_method:$http_c x'"),
       {{"1795322705.342 ", ""}, {"1795322705.342 ", " x"}}},
      {"httplog",
       format("haproxy", "", "httplog"),
       {{kHaproxy, ""}, {kHaproxy, "} \"GET / HTTP/1.1\""}}},
      {"captures", format("haproxy", "%Ts.%ms %hr %hs %{+Q}r"), {{"1795322705.342 {", "} \"x\""}}},
      {"envoy", format("envoy", "", "default"), {{"[2026-11-22T05:00:00.765Z] \"GET /", "\" 200"}}},
  };
}

ParserOptions every_place() {
  ParserOptions options;
  options.client_id.pattern = "[a-z]+";
  options.client_id.from = {
      {IdPlace::Kind::kBody, "client_id"},  {IdPlace::Kind::kField, "client_id"},
      {IdPlace::Kind::kQuery, "client_id"}, {IdPlace::Kind::kHeader, "user-agent"},
      {IdPlace::Kind::kCookie, "sid"},      {IdPlace::Kind::kPath, "/a/*/{id}"},
      {IdPlace::Kind::kJwt, "sub"}};
  return options;
}

TEST(LinearTime, AMegabyteOfAnythingIsHarmless) {
  for (const Format& format : formats()) {
    const auto parser = parser_of(format.settings, every_place());
    std::vector<Shape> shapes = format.shapes;
    shapes.push_back({"", ""});
    for (const Shape& shape : shapes) {
      for (const std::string unit : kUnits) {
        const auto line = [&](size_t size) {
          return shape.before + repeated(unit, size) + shape.behind;
        };
        const double long_ms = parse_ms(*parser, line(kLong));
        if (long_ms < kHarmlessMs) continue;
        const double short_ms = parse_ms(*parser, line(kShort));
        EXPECT_LT(long_ms, kRatioMax * short_ms)
            << format.label << ": '" << shape.before << "' and many '" << unit << "'";
      }
    }
  }
}

}  // namespace
}  // namespace lastseen
