// client_id.from, pattern and status: where an id may stand, in which order, and which count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

using Kind = IdPlace::Kind;

ParserOptions from(std::vector<IdPlace> places) {
  ParserOptions options;
  options.client_id.from = std::move(places);
  return options;
}

std::string json(const ParserOptions& options, const std::string& members) {
  ParserSettings settings;
  settings.type = "json";
  const auto parser = parser_of(settings, options);
  const std::string line = "{\"ts\":1795322705," + members + "}";
  const ParseResult result = parser->parse(line);
  return to_text(result) + (result.sighted ? " " + std::string(result.origin) : "");
}

TEST(IdPlaces, AskedInTheOrderGiven) {
  constexpr const char* kAll =
      R"("request_body":"{\"client_id\":\"B\"}","client_id":"F","request_uri":"/?client_id=Q")";
  const IdPlace body{Kind::kBody, "client_id"};
  const IdPlace field{Kind::kField, "client_id"};
  const IdPlace query{Kind::kQuery, "client_id"};
  EXPECT_EQ("'B' body", json(from({body, field, query}), kAll));
  EXPECT_EQ("'F' field", json(from({field, body}), kAll));
  EXPECT_EQ("'Q' query", json(from({query, field, body}), kAll));
  EXPECT_EQ("no_client_id", json(from({{Kind::kField, "tenant"}}), kAll));
}

TEST(IdPlaces, OtherNamesOfKeysAndParameters) {
  EXPECT_EQ("'A' body", json(from({{Kind::kBody, "user"}}), R"("body":"{\"user\":\"A\"}")"));
  EXPECT_EQ("'A' query", json(from({{Kind::kQuery, "u"}}), R"("request_uri":"/?uu=1&u=A")"));
  EXPECT_EQ("'A' query", json(from({{Kind::kQuery, "u"}}), R"("arg_u":"A")"));
  EXPECT_EQ("'A' field", json(from({{Kind::kField, "auth.user"}}), R"("auth":{"user":"A"})"));
}

TEST(IdPlaces, HeadersAsEachProxySpellsThem) {
  const ParserOptions options = from({{Kind::kHeader, "X-Client-Id"}});
  for (const char* member :
       {R"("http_x_client_id":"A")", R"("x_client_id":"A")", R"("X-Client-Id":"A")",
        R"("x-client-id":"A")", R"("request":{"headers":{"X-Client-Id":["A"]}})",
        R"("request":{"headers":{"X-Client-Id":["A","B"]}})"}) {
    EXPECT_EQ("'A' header", json(options, member)) << member;
  }
  EXPECT_EQ("no_client_id", json(options, R"("http_x_client_id":"-")"));
  EXPECT_EQ("no_client_id", json(options, R"("http_x_client_id":"")"));
  EXPECT_EQ("no_client_id", json(options, R"("request":{"headers":{"X-Client-Id":[]}})"));
}

TEST(IdPlaces, Cookies) {
  const ParserOptions options = from({{Kind::kCookie, "sid"}});
  EXPECT_EQ("'A' cookie", json(options, R"("cookie_sid":"A")"));
  EXPECT_EQ("'A' cookie", json(options, R"("http_cookie":"x=1; sid=A; y=2")"));
  EXPECT_EQ("'A=B' cookie", json(options, R"("http_cookie":"sid=\"A=B\"")"));
  EXPECT_EQ("'A%20B' cookie", json(options, R"("http_cookie":"sid=A%20B")"));
  EXPECT_EQ("'A' cookie", json(options, R"("request":{"headers":{"Cookie":["x=1; sid=A"]}})"));
  EXPECT_EQ("no_client_id", json(options, R"("http_cookie":"xsid=A; SID=A; x=sid=A")"));
  EXPECT_EQ("no_client_id", json(options, R"("http_cookie":"sid=; sid=A")"));
  EXPECT_EQ("no_client_id", json(options, R"("request":{"headers":{"Cookie":[]}})"));
}

TEST(IdPlaces, SegmentsOfThePath) {
  const ParserOptions options = from({{Kind::kPath, "/v*/clients/{id}/..."}});
  EXPECT_EQ("no_client_id", json(options, R"("request_uri":"/v1/clients/A")"));
  const ParserOptions any = from({{Kind::kPath, "/*/clients/{id}"}});
  EXPECT_EQ("'A' path", json(any, R"("request_uri":"/v1/clients/A/items?client_id=Q")"));
  EXPECT_EQ("'a b/c+d' path", json(any, R"("request_uri":"/v1/clients/a%20b%2Fc+d")"));
  EXPECT_EQ("'A' path", json(any, R"("request":"GET http://h/v1/clients/A HTTP/1.1")"));
  EXPECT_EQ("truncated", json(any, R"("request":"GET /v1/clients/A")"));
  for (const char* target : {"/v1/clients", "/v1/clients/", "/clients/A", "/v1/Clients/A", "/",
                             "/v1/x/clients/A", "", "-"}) {
    EXPECT_EQ("no_client_id", json(any, "\"request_uri\":\"" + std::string(target) + "\""))
        << target;
  }
}

TEST(IdPlaces, ClaimsOfATokenUnverified) {
  // {"alg":"none"} . {"sub":"A","n":7,"act":{"sub":"B"}}
  const std::string token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJBIiwibiI6NywiYWN0Ijp7InN1YiI6IkIifX0.";
  const auto claim = [&](const char* name, const std::string& value) {
    return json(from({{Kind::kJwt, name}}), "\"http_authorization\":\"" + value + "\"");
  };
  EXPECT_EQ("'A' jwt", claim("sub", "Bearer " + token));
  EXPECT_EQ("'A' jwt", claim("sub", "bearer  " + token + "signature"));
  EXPECT_EQ("'A' jwt", claim("sub", token));
  EXPECT_EQ("'7' jwt", claim("n", "Bearer " + token));
  for (const std::string value :
       {"Basic dXNlcjpw", "Bearer", "Bearer a.b", "Bearer a.b.c.d", "-"}) {
    EXPECT_EQ("no_client_id", claim("sub", value)) << value;
  }
  EXPECT_EQ("no_client_id", claim("act", "Bearer " + token));
  EXPECT_EQ("no_client_id", claim("aud", "Bearer " + token));
}

TEST(IdPlaces, PatternMustMatchTheWholeId) {
  ParserOptions options;
  options.client_id.pattern = "[A-Z]{1,3}";
  EXPECT_EQ("'AB' field", json(options, R"("client_id":"AB")"));
  for (const char* id : {"ab", "ABCD", "AB ", "xAB"}) {
    EXPECT_EQ("not_allowed", json(options, "\"client_id\":\"" + std::string(id) + "\"")) << id;
  }
  EXPECT_EQ("no_client_id", json(options, R"("client_id":"")"));
}

TEST(IdPlaces, StatusSaysWhichResponsesCount) {
  ParserOptions options;
  options.client_id.status = {{200, 299}, {304, 304}};
  const auto with = [&](const std::string& status) {
    return json(options, "\"client_id\":\"A\"" + status);
  };
  for (const char* status : {"200", "\"204\"", "299", "304"}) {
    EXPECT_EQ("'A' field", with(",\"status\":" + std::string(status))) << status;
  }
  for (const char* status : {"199", "300", "404", "\"-\"", "0", "-1", "2000", "null"}) {
    EXPECT_EQ("not_allowed", with(",\"status\":" + std::string(status))) << status;
  }
  EXPECT_EQ("not_allowed", with(""));
  EXPECT_EQ("'A' field", with(",\"response_code\":201"));
}

TEST(IdPlaces, InTextFormatsToo) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = "nginx";
  settings.format = R"($msec $status "$http_x_id" "$cookie_sid" "$request")";
  const auto read = [&](const IdPlace& place) {
    ParserOptions options = from({place});
    options.client_id.status = {{200, 200}};
    return to_text(parser_of(settings, options)
                       ->parse("1795322705.342 200 \"H\" \"C\" \"GET /a/P?q=Q HTTP/1.1\""));
  };
  EXPECT_EQ("'H'", read({Kind::kHeader, "X-Id"}));
  EXPECT_EQ("'C'", read({Kind::kCookie, "sid"}));
  EXPECT_EQ("'P'", read({Kind::kPath, "/a/{id}"}));
  EXPECT_EQ("'Q'", read({Kind::kQuery, "q"}));
}

}  // namespace
}  // namespace lastseen
