// Format strings of the four dialects: what they compile to, seen by what is read from lines, and
// what is said of those that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/format_reading.h"

namespace lastseen {
namespace {

// ---- nginx

TEST(NginxFormat, EveryPlaceOfTheId) {
  EXPECT_EQ(kA, nginx("\"$request_body\"", R"("{\x22client_id\x22:\x22A\x22}")"));
  EXPECT_EQ(kA, nginx("\"$request\"", "\"GET /?client_id=A HTTP/1.1\""));
  EXPECT_EQ(kA, nginx("\"$request_uri\"", "\"/?client_id=A\""));
  EXPECT_EQ(kA, nginx("$request_uri $status", "/?client_id=A 200"));
  EXPECT_EQ(kA, nginx("\"$args\"", "\"x=1&client_id=A\""));
  EXPECT_EQ(kA, nginx("\"$arg_client_id\"", "\"%41\""));
  EXPECT_EQ(kA, nginx("\"$client_id\"", "\"A\""));
  EXPECT_EQ(kA, nginx("$uri$is_args$args $status", "/x?client_id=A 200"));
  EXPECT_EQ(kA, nginx("$scheme://$host$request_uri $status", "http://h/x?client_id=A 200"));
  EXPECT_EQ(kNone, nginx("\"$uri\"", "\"/?client_id=A\""));
  EXPECT_EQ(kNone, nginx("\"$http_client_id\" \"$cookie_client_id\"", "\"A\" \"A\""));
  EXPECT_EQ(kNone, nginx("\"$http_referer\"", "\"/?client_id=A\""));
}

TEST(Format, QuestionMarkOfTheClientsOwnIsPartOfAName) {
  EXPECT_EQ(kNone, nginx("\"$args\"", "\"?client_id=A\""));
  EXPECT_EQ(kNone, nginx("\"$query_string\"", "\"?client_id=A\""));
  EXPECT_EQ(kNone, nginx("\"$request_uri\"", "\"/??client_id=A\""));
  EXPECT_EQ(kNone, apache("\"%q\"", "\"??client_id=A\""));
  EXPECT_EQ(kNone, haproxy("\"%HQ\"", "\"??client_id=A\""));
  EXPECT_EQ("no_client_id", parse_json(R"({"ts":1795322705,"args":"?client_id=A"})"));
  EXPECT_EQ("'A'", parse_json(R"({"ts":1795322705,"query":"?client_id=A"})"));
}

TEST(NginxFormat, NotSetIsNoId) {
  for (const char* value : {"-", ""}) {
    const std::string quoted = "\"" + std::string(value) + "\"";
    for (const char* name : {"request_body", "request", "request_uri", "args", "client_id"}) {
      EXPECT_EQ(kNone, nginx("\"$" + std::string(name) + "\"", quoted)) << name << value;
    }
  }
  EXPECT_EQ(kNone, nginx("\"$arg_client_id\"", "\"-\""));
}

TEST(NginxFormat, RefusedRequestsHaveNoUriButARequestLine) {
  EXPECT_EQ(kA, nginx("\"$request_uri\" \"$request\"", "\"-\" \"get /?client_id=A HTTP/1.1\""));
}

TEST(NginxFormat, EscapesAreUndoneOnce) {
  EXPECT_EQ("'\"\\x41' 1795322705342", nginx("\"$client_id\"", R"("\x22\x5Cx41")"));
  EXPECT_EQ("'\"\\x41' 1795322705342",
            read("nginx", "escape=json '$msec \"$client_id\"'", R"(1795322705.342 "\"\\x41")"));
  EXPECT_EQ("'\\x41' 1795322705342",
            read("nginx", "escape=none '$msec \"$client_id\"'", R"(1795322705.342 "\x41")"));
}

TEST(NginxFormat, LiteralTextMustBeThere) {
  const std::string format = R"(a="$http_a" b=$status; "$client_id")";
  EXPECT_EQ(kA, nginx(format, R"(a="x" b=200; "A")"));
  for (const char* line : {R"(a="x" b=200; "A" )", R"(a="x" b=200; "A"x)", R"(a="x" b=200;  "A")",
                           R"(a="x" b=2o0; "A")", R"(a="x"b=200; "A")", R"(a=x b=200; "A")",
                           R"(a="x" b=200; A)", R"(a="x" b=200; ")", R"(a="x" b=200; "A"B")",
                           R"(a="x" b=200)", "a=\"", "", R"(a="x" b="y" b=200; "A")"}) {
    EXPECT_EQ("malformed", nginx(format, line)) << line;
  }
}

TEST(NginxFormat, TextWithBlanksEndsWhereTheRestFits) {
  const std::string format = "$remote_user [$time_local] \"$request\"";
  const std::string time = "[21/Nov/2026:22:45:05 -0600]";
  for (const char* user : {"-", "", "two words", "[x]", "a [21/Nov/2026:22:45:05 -0600] b"}) {
    EXPECT_EQ(kA, nginx(format, std::string(user) + " " + time + " \"GET /?client_id=A HTTP/1.1\""))
        << user;
  }
}

// ---- escape=none

constexpr const char* kNoneFormat =
    R"(log_format n escape=none '$msec "$request" $status "$http_user_agent" )"
    R"(body="$request_body"';)";

std::string none_line(const std::string& request, const std::string& agent,
                      const std::string& body) {
  return read("nginx", kNoneFormat,
              "1795322705.342 \"" + request + "\" 200 \"" + agent + "\" body=\"" + body + "\"");
}

TEST(UnescapedFormat, QuotesInFieldsAreOnlyQuotes) {
  const std::string body = R"({"client_id":"A"})";
  EXPECT_EQ(kA, none_line("POST / HTTP/1.1", "x", body));
  EXPECT_EQ(kA, none_line("POST /\" HTTP/1.1", "a \"b\" c", body));
  EXPECT_EQ(kA, none_line("POST /?x=\" 2 \" HTTP/1.1", "\"", body));
  EXPECT_EQ(kA, none_line("POST / HTTP/1.1", "", R"({"note":"\"body=","client_id":"A"})"));
  EXPECT_EQ("'r\"s\\t' 1795322705342", none_line("GET /?client_id=r\"s\\t HTTP/1.1", "x", ""));
  EXPECT_EQ(kNone, none_line("GET / HTTP/1.1", R"(x "client_id":"D" {"client_id":"D"})", ""));
}

TEST(UnescapedFormat, TwoWaysToReadABodyAreNone) {
  constexpr const char* kMalformed = "malformed 1795322705342";
  EXPECT_EQ(kMalformed, none_line("POST / HTTP/1.1", R"(x" body="{"client_id":"D"})", ""));
  EXPECT_EQ(kMalformed,
            none_line("POST / HTTP/1.1", "x", R"({"client_id":"A","note":"\" body=""})"));
}

TEST(UnescapedFormat, BodyBrokenByTheLineGivesOnlyWhatIsSure) {
  const auto broken = [](const std::string& body) {
    return read("nginx", kNoneFormat,
                "1795322705.342 \"POST /?client_id=A HTTP/1.1\" 200 \"x\" body=\"" + body);
  };
  EXPECT_EQ(kA, broken(""));
  EXPECT_EQ(kA, broken("{"));
  EXPECT_EQ(kA, broken(R"({"client_id":"B)"));
  EXPECT_EQ(kA, broken(R"({"client_id":"B","x":1})"));  // NDJSON may follow
  EXPECT_EQ(kA, broken("{\"client_id\":\"B\",\"x\":1} \r"));
  EXPECT_EQ("'B' 1795322705342", broken(R"({"client_id":"B",)"));
  EXPECT_EQ("malformed", read("nginx", kNoneFormat, R"(1795322705.342 "POST / HTTP/1.1" 200 "x)"));
  EXPECT_EQ("malformed", read("nginx", kNoneFormat, R"({"client_id":"B"})"));
  EXPECT_EQ("malformed", read("nginx", kNoneFormat, "\""));
}

// ---- Apache

TEST(ApacheFormat, EveryPlaceOfTheId) {
  EXPECT_EQ(kA, apache("\"%r\"", "\"GET /?client_id=A HTTP/1.1\""));
  EXPECT_EQ(kA, apache("%m %U%q %H", "GET /x?client_id=A HTTP/1.1"));
  EXPECT_EQ(kA, apache("\"%q\"", "\"?client_id=A\""));
  EXPECT_EQ(kA, apache("\"%{client_id}e\"", "\"A\""));
  EXPECT_EQ(kNone,
            apache("\"%U\" \"%{client_id}i\" \"%{client_id}C\"", "\"/?client_id=A\" \"A\" \"A\""));
}

TEST(ApacheFormat, ModifiersAndEscapes) {
  EXPECT_EQ(kA,
            apache("%400,501{User-agent}i %!200{Referer}i %>s \"%{client_id}n\"", "- - 200 \"A\""));
  EXPECT_EQ(kA, apache("100%% %{X}^ti \"%r\"", "100% - \"GET /?client_id=A HTTP/1.1\""));
  EXPECT_EQ("'\"\\\t\u00d1' 1795322705342", apache("\"%{client_id}n\"", R"("\"\\\t\xc3\x91")"));
}

TEST(ApacheFormat, TimesInEveryForm) {
  const auto time = [](const std::string& format, const std::string& text) {
    return read("apache", format + " \"%{client_id}n\"", text + " \"A\"");
  };
  EXPECT_EQ("'A' 1795322705000", time("%t", "[21/Nov/2026:22:45:05 -0600]"));
  EXPECT_EQ(kA, time("%{%Y-%m-%dT%T}t.%{msec_frac}t%{%z}t", "2026-11-21T22:45:05.342-0600"));
  EXPECT_EQ(kA, time("%t %{usec_frac}t", "[21/Nov/2026:22:45:05 -0600] 342999"));
  EXPECT_EQ(kA, time("%{usec}t", "1795322705342999"));
  EXPECT_EQ("'A' 1795322705000", time("%{sec}t", "1795322705"));
  EXPECT_EQ(kA, time("%{end:%Y%m%d %H%M%S}t.%{end:msec_frac}t", "20261122 044505.342"));
  EXPECT_EQ("'A' 1795322705000",
            time("%{%a, %d %b %Y %I:%M:%S %p %Z}t", "Sun, 22 Nov 2026 04:45:05 AM UTC"));
  EXPECT_EQ("no_time", time("%t", "[31/Feb/2026:22:45:05 -0600]"));
  EXPECT_EQ("malformed", time("%t", "[yesterday]"));
}

// ---- Envoy

TEST(EnvoyFormat, EveryPlaceOfTheId) {
  EXPECT_EQ(kA,
            envoy("\"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%\"", "\"GET /?client_id=A HTTP/2\""));
  EXPECT_EQ(kA, envoy("%REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%",
                      "/?client_id=A 200"));
  EXPECT_EQ(kA, envoy("\"%DYNAMIC_METADATA(lastseen:client_id)%\"", "\"A\""));
  EXPECT_EQ(kA, envoy("\"%DYNAMIC_METADATA(lastseen:client_id)%\"", "\"\"A\"\""));
  EXPECT_EQ(kA, envoy("\"%DYNAMIC_METADATA(envoy.filters.http.lua:request_body)%\"",
                      R"("{"client_id":"A"}")"));
  EXPECT_EQ(kA, envoy("\"%DYNAMIC_METADATA(envoy.filters.http.lua:request_body)%\"",
                      R"(""{\"client_id\":\"A\"}"")"));
  EXPECT_EQ(kNone, envoy("\"%REQ(CLIENT_ID)%\" 50%%", "\"A\" 50%"));
}

TEST(EnvoyFormat, ValueAtItsLimitMayBeCut) {
  EXPECT_EQ(kA, envoy("\"%REQ(:PATH):20%\"", "\"/?client_id=A\""));
  EXPECT_EQ(kCut, envoy("\"%REQ(:PATH):13%\"", "\"/?client_id=A\""));
  EXPECT_EQ(kA, envoy("\"%REQ(:PATH):16%\"", "\"/?client_id=A&xy\""));
  EXPECT_EQ(kCut, envoy("\"%DYNAMIC_METADATA(a:client_id):1%\"", "\"A\""));
}

TEST(EnvoyFormat, AgentWithQuotesTakesNoOtherField) {
  const std::string format = R"("%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%UPSTREAM_HOST%" )"
                             R"("%DYNAMIC_METADATA(x:client_id)%")";
  for (const char* agent :
       {"x", "", "-", "\"", "a \"b\" c", "\" ", " \"", "a\" \"b", "\" \" \" \""}) {
    const std::string line = "\"" + std::string(agent) + R"(" "e8595f01" "10.0.0.1:80" "A")";
    EXPECT_EQ(kA, envoy(format, line)) << agent;
  }
  EXPECT_EQ("malformed 1795322705342",
            envoy(format, R"("a" "b" "1:2" "D" "e8595f01" "10.0.0.1:80" "A")"));
}

// ---- HAProxy

TEST(HaproxyFormat, EveryPlaceOfTheId) {
  EXPECT_EQ(kA, haproxy("%{+Q}r", "\"GET /?client_id=A HTTP/1.1\""));
  EXPECT_EQ(kA, haproxy("%HM %HU %HV", "GET /?client_id=A HTTP/1.1"));
  EXPECT_EQ(kA, haproxy("%HP%HQ %ST", "/?client_id=A 200"));
  EXPECT_EQ(kA, haproxy("%HP %HQ %ST", "/ ?client_id=A 200"));
  EXPECT_EQ(kA, haproxy("\"%[var(txn.uri)]\"", "\"/?client_id=A\""));
  EXPECT_EQ(kA, haproxy("\"%[var(txn.body),json(utf8s)]\"", R"("{\"client_id\":\"A\"}")"));
  EXPECT_EQ(kA, haproxy("\"%[capture.req.hdr(0)]\"", R"("{"client_id":"A"}")"));
  EXPECT_EQ(kNone, haproxy("%{+Q}r", "\"<BADREQ>\""));
}

TEST(HaproxyFormat, CapturesMayBeAbsent) {
  const std::string format = "%ST %hr %hs %{+Q}r";
  const std::string request = "\"GET /?client_id=Q HTTP/1.1\"";
  const std::string body = "#7B#22client_id#22:#22A#22#7D";
  EXPECT_EQ(kA, haproxy(format, "200 {" + body + "|x} {y} " + request));
  EXPECT_EQ(kA, haproxy(format, "200 {x|" + body + "} " + request));
  EXPECT_EQ("'Q' 1795322705342", haproxy(format, "200 " + request));
  EXPECT_EQ("'Q' 1795322705342", haproxy(format, "200 {} {} " + request));
  EXPECT_EQ("malformed", haproxy(format, "200  " + request));
  EXPECT_EQ("malformed", haproxy(format, "200 {} {} {} " + request));
}

TEST(HaproxyFormat, HashesAreUndoneOnce) {
  EXPECT_EQ("'#41\"{\u00d1#' 1795322705342",
            haproxy("%{+Q}r", "\"GET /?client_id=#2341#22{#C3#91# HTTP/1.1\""));
}

TEST(HaproxyFormat, AddressesHaveColonsToo) {
  for (const char* address : {"127.0.0.1:80", "::1:80", "2001:db8::1:80", "unix:1", "-:0"}) {
    EXPECT_EQ(kA,
              haproxy("%ci:%cp %{+Q}r", std::string(address) + " \"GET /?client_id=A HTTP/1.1\""))
        << address;
  }
}

TEST(HaproxyFormat, LineCutAnywhereGivesNoHalfId) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = "haproxy";
  settings.preset = "httplog";
  const auto parser = parser_of(settings);
  const std::string line =
      "127.0.0.1:1 [22/Nov/2026:04:45:05.342] fe app/s1 0/0/0/0/0 200 90 - - ---- 1/1/0/0/0 0/0 "
      "{#7B#22client_id#22:#22BODY#22,#22x#22:1#7D|} \"GET /?client_id=QUERY&x=1 HTTP/1.1\"";
  for (size_t size = 0; size <= line.size(); ++size) {
    const std::string cut = line.substr(0, size);
    const std::string said = to_text(parser->parse(cut));
    // Behind the body's last brace a line break and more records may have been cut off.
    const bool whole = size > line.find("BODY#22") + 6 && size != line.find("|}");
    if (whole) {
      EXPECT_EQ("'BODY'", said) << cut;
    } else {
      EXPECT_TRUE(said == "malformed" || said == "truncated") << cut << " " << said;
    }
  }
  const std::string bare =
      "127.0.0.1:1 [22/Nov/2026:04:45:05.342] fe app/s1 0/0/0/0/0 200 90 - - "
      "---- 1/1/0/0/0 0/0 \"GET /?client_id=QUERY&x=1 HTTP/1.1\"";
  for (size_t size = 0; size <= bare.size(); ++size) {
    const std::string said = to_text(parser->parse(bare.substr(0, size)));
    if (size > bare.find("QUERY&") + 5) {
      EXPECT_EQ("'QUERY'", said) << size;
    } else {
      EXPECT_TRUE(said == "malformed" || said == "truncated" || said == "no_client_id") << size;
    }
  }
}

TEST(HaproxyFormat, TimeHasNoOffsetAndIsTakenAsUtc) {
  EXPECT_EQ(kA, read("haproxy", "[%tr] %{+Q}r",
                     "[22/Nov/2026:04:45:05.342] \"GET /?client_id=A HTTP/1.1\""));
  EXPECT_EQ(kA, read("haproxy", "[%T] %Ts%ms %{+Q}r",
                     "[22/Nov/2026:04:45:05 +0000] 1795322705342 \"GET /?client_id=A HTTP/1.1\""));
}

// ---- every dialect

TEST(Format, HostileLinesAreHarmless) {
  const std::string end = "\" 200 \"x\" body=\"\"";
  for (const std::string unit :
       {"\"", "\" ", "\" 2", "\" 200 \"", "[", "{", "\\", " ", "#", "|", "-"}) {
    std::string many;
    while (many.size() < 1'000'000) many += unit;
    const std::string line = "1795322705.342 \"" + many;
    EXPECT_NE("", read("nginx", kNoneFormat, line));
    EXPECT_NE("", read("nginx", kNoneFormat, line + end));
    EXPECT_NE("", read("nginx", "$msec $http_a|$remote_addr $http_b|$http_c", line));
    EXPECT_NE("", read("haproxy", "%Ts.%ms %hr %hs %{+Q}r", line));
    EXPECT_NE("",
              read("envoy", "%START_TIME(%s.%3f)% \"%REQ(A)%\" \"%REQ(:METHOD)%\" \"%REQ(:PATH)%\"",
                   line));
  }
}

TEST(NginxFormat, ByteOrderMarkOfABodyMayBeWrittenAsEscapes) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = "nginx";
  settings.format = R"($msec "$request_body")";
  const auto parser = make_parser(settings, {});
  ASSERT_TRUE(parser.is_ok());
  const std::string line = R"(1795322705.342 "\xEF\xBB\xBF{\x22client_id\x22:\x22A\x22}")";
  EXPECT_EQ("A", (*parser)->parse(line).client_id);
}

}  // namespace
}  // namespace lastseen
