// Every line of the corpus that text parsers read, with the settings that a user would write: the
// format strings are those of the proxies' configurations in tests/corpus/README.md.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "parsers/parser.h"
#include "unit/parsers/corpus.h"

namespace lastseen {
namespace {

struct FormatCase {
  const char* name;  // below tests/corpus, without extension
  const char* label;
  const char* dialect;
  const char* format;
  const char* preset;
  bool syslog;
};

constexpr const char* kCombined = R"($remote_addr - $remote_user [$time_local] "$request" $status )"
                                  R"($body_bytes_sent "$http_referer" "$http_user_agent")";
constexpr const char* kCombinedCustom =
    "log_format combined_custom '$remote_addr - $remote_user [$time_local] \"$request\" $status "
    "$body_bytes_sent '\n    '\"$http_referer\" \"$http_user_agent\" \"$http_x_forwarded_for\" '\n"
    "    'rt=$request_time host=\"$host\" xcid=\"$http_x_client_id\" ck=\"$cookie_client_id\"';\n";
constexpr const char* kCombinedBody =
    R"('$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
       '"$http_referer" "$http_user_agent" "$request_body"')";
constexpr const char* kTextNone =
    R"(log_format text_none escape=none '$remote_addr [$time_iso8601] "$request" $status )"
    R"("$http_user_agent" body="$request_body"';)";
constexpr const char* kApacheCombined =
    R"(LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined)";
constexpr const char* kVhostCombined =
    R"(%v:%p %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D)";
constexpr const char* kEnvoyDefault =
    R"([%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" )"
    R"(%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% )"
    R"(%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" )"
    R"("%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n)";
constexpr const char* kEnvoyLua =
    "[%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%] \"%REQUEST_HEADER(:METHOD)% "
    "%REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESPONSE_HEADER(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    "\"%REQUEST_HEADER(X-FORWARDED-FOR)%\" \"%REQUEST_HEADER(USER-AGENT)%\" "
    "\"%REQUEST_HEADER(X-REQUEST-ID)%\" \"%REQUEST_HEADER(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" "
    "\"%DYNAMIC_METADATA(envoy.filters.http.lua:client_id)%\"\n";
constexpr const char* kHttplog =
    R"(log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc )"
    R"(%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r")";

class FormatCorpus : public testing::TestWithParam<FormatCase> {};

TEST_P(FormatCorpus, EveryLineMatchesItsTruth) {
  const FormatCase& test = GetParam();
  ParserSettings settings;
  settings.type = test.dialect == nullptr ? test.preset : "log_format";
  if (test.dialect != nullptr) {
    settings.dialect = test.dialect;
    settings.format = test.format == nullptr ? "" : test.format;
    settings.preset = test.preset == nullptr ? "" : test.preset;
  }
  settings.syslog = test.syslog;
  auto parser = make_parser(settings, {});
  ASSERT_TRUE(parser) << parser.status().message();
  expect_truth(**parser, test.name, read_records(test.name));
}

INSTANTIATE_TEST_SUITE_P(
    Files, FormatCorpus,
    testing::Values(
        FormatCase{"nginx/combined", "format", "nginx", kCombined, nullptr, false},
        FormatCase{"nginx/combined", "preset", "nginx", nullptr, "combined", false},
        FormatCase{"nginx/combined_custom", "format", "nginx", kCombinedCustom, nullptr, false},
        FormatCase{"nginx/combined_body", "format", "nginx", kCombinedBody, nullptr, false},
        FormatCase{"nginx/text_none", "format", "nginx", kTextNone, nullptr, false},
        FormatCase{"nginx/syslog_combined", "type", nullptr, nullptr, "combined", true},
        FormatCase{"nginx/syslog_json", "type", nullptr, nullptr, "json", true},
        FormatCase{"nginx/gzip_combined", "type", nullptr, nullptr, "combined", false},
        FormatCase{"nginx/buffered_reads", "type", nullptr, nullptr, "json", false},
        FormatCase{"haproxy/httplog_rfc3164", "preset", "haproxy", nullptr, "httplog", true},
        FormatCase{"haproxy/httplog_rfc3164", "format", "haproxy", kHttplog, nullptr, true},
        FormatCase{"haproxy/httplog_capture_rfc5424", "preset", "haproxy", nullptr, "httplog",
                   true},
        FormatCase{"haproxy/httplog_capture_rfc5424", "format", "haproxy", kHttplog, nullptr, true},
        FormatCase{"apache/combined", "format", "apache", kApacheCombined, nullptr, false},
        FormatCase{"apache/vhost_combined", "format", "apache", kVhostCombined, nullptr, false},
        FormatCase{"apache/vhost_combined", "type", nullptr, nullptr, "vhost_combined", false},
        FormatCase{"envoy/default_text", "format", "envoy", kEnvoyDefault, nullptr, false},
        FormatCase{"envoy/default_text", "preset", "envoy", nullptr, "default", false},
        FormatCase{"envoy/text_body_lua", "format", "envoy", kEnvoyLua, nullptr, false}),
    [](const auto& param) {
      std::string name = std::string(param.param.name) + "_" + param.param.label;
      for (char& c : name) c = c == '/' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace lastseen
