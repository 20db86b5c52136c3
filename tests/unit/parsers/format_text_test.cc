// Format strings themselves: what they compile to, and what is said of those that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/format_reading.h"

namespace lastseen {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(FormatText, WordThatLooksLikeADirectiveIsTextOfABareFormat) {
  EXPECT_EQ("'y' 1795322705342",
            read("nginx", "log_format $client_id $msec", "log_format y 1795322705.342"));
  EXPECT_EQ("'y' 1795322705000",
            read("apache", "LogFormat %{client_id}e %{sec}t", "LogFormat y 1795322705"));
  EXPECT_EQ("'y' 1795322705342", read("haproxy", "log-format %[var(txn.client_id)] %Ts.%ms",
                                      "log-format y 1795322705.342"));
  // And where it is one:
  EXPECT_EQ("'y' 1795322705342",
            read("haproxy", R"(log-format %[var(txn.client_id)]\ %Ts.%ms)", "y 1795322705.342"));
  EXPECT_EQ("'y' 1795322705000",
            read("apache", "LogFormat %{client_id}e|%{sec}t short", "y|1795322705"));
  EXPECT_EQ("'y' 1795322705342",
            read("nginx", "log_format x $client_id|$msec;", "y|1795322705.342"));
}

TEST(FormatText, WithoutAnyFieldNothingCanBeRead) {
  EXPECT_THAT(problem("haproxy", "%{+E}o"), HasSubstr("there is no field in this format"));
  for (const char* dialect : {"nginx", "apache", "envoy", "haproxy"}) {
    EXPECT_THAT(problem(dialect, "GET /?client_id=A"), HasSubstr("there is no field"));
    EXPECT_THAT(problem(dialect, "100%%"), HasSubstr("there is no field")) << dialect;
  }
}

TEST(FormatText, ErrorPointsAtItsPlace) {
  EXPECT_EQ(
      "log_format: there is no directive `%Q` (character 4)\n"
      "  %h %Q %t\n"
      "     ^",
      problem("apache", "%h %Q %t"));
  EXPECT_EQ(
      "log_format: a variable's name must follow the `$` (character 24)\n"
      "  log_format m '$msec ' '$ x';\n"
      "                         ^",
      problem("nginx", "log_format m '$msec ' '$ x';"));
}

TEST(FormatText, ErrorInALongFormatShowsItsSurroundings) {
  const std::string before(300, 'a');
  const std::string message = problem("haproxy", before + "\u00e9\u00e9%nope " + before);
  EXPECT_THAT(message, HasSubstr("no variable `%nope` (character 305)\n"));
  EXPECT_THAT(message, EndsWith("\n  " + std::string(38, ' ') + "^"));
  EXPECT_LT(message.size(), 250U);
}

TEST(FormatText, MistakesAreErrors) {
  EXPECT_THAT(problem("nginx", ""), HasSubstr("either"));
  EXPECT_THAT(problem("nginx", "\n"), HasSubstr("the format is empty"));
  EXPECT_THAT(problem("nginx", "${msec"), HasSubstr("never closed"));
  EXPECT_THAT(problem("nginx", "escape=no '$msec'"), HasSubstr("default, json or none"));
  EXPECT_THAT(problem("nginx", "log_format x '$msec"), HasSubstr("never closed"));
  EXPECT_THAT(problem("nginx", "log_format x '$msec' y"), HasSubstr("expected a quoted string"));
  EXPECT_THAT(problem("apache", "%"), HasSubstr("must follow the `%`"));
  EXPECT_THAT(problem("apache", "%{x"), HasSubstr("never closed"));
  EXPECT_THAT(problem("apache", "%{%Y-%E}t"), HasSubstr("`%E`, which cannot be read back"));
  EXPECT_THAT(problem("envoy", "%REQ(:PATH)"), HasSubstr("has no `%` at its end"));
  EXPECT_THAT(problem("envoy", "%REQ(:PATH%"), HasSubstr("never closed"));
  EXPECT_THAT(problem("envoy", "%REQ(:PATH):x%"), HasSubstr("a length"));
  EXPECT_THAT(problem("envoy", "% x%"), HasSubstr("command's name"));
  EXPECT_THAT(problem("haproxy", "%[var(x)"), HasSubstr("never closed"));
  EXPECT_THAT(problem("haproxy", "%{+Q"), HasSubstr("never closed"));
  EXPECT_THAT(problem("haproxy", "% ci"), HasSubstr("variable's name"));
}

TEST(FormatText, FieldsThatCannotBeToldApartAreAnError) {
  EXPECT_THAT(problem("nginx", "$request_uri$request_body"), HasSubstr("nothing tells where"));
  EXPECT_THAT(problem("nginx", "$http_x$msec"), HasSubstr("nothing tells where"));
  EXPECT_THAT(problem("apache", "%r%q"), HasSubstr("nothing tells where"));
}

TEST(FormatText, SettingsMustFit) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.format = "$msec";
  EXPECT_THAT(make_parser(settings, {}).status().message(), HasSubstr("`dialect` must be"));
  settings.dialect = "nginx";
  settings.preset = "combined";
  EXPECT_THAT(make_parser(settings, {}).status().message(), HasSubstr("either"));
  settings.format = "";
  settings.preset = "httplog";
  EXPECT_THAT(make_parser(settings, {}).status().message(),
              HasSubstr("no preset `httplog` of nginx; there are: combined, common"));
}

TEST(FormatText, DirectiveAndBareFormatAreTheSame) {
  const std::string line = R"(1795322705.342 "A")";
  for (const char* format : {R"($msec "$client_id")", R"(${msec} "${client_id}")",
                             R"('$msec "$client_id"')", R"(log_format m '$msec ' '"$client_id"';)",
                             "log_format m\n  '$msec '\n\t\"\\\"$client_id\\\"\"",
                             R"(escape=json '$msec "$client_id"')", "$msec \"$client_id\"\n"}) {
    EXPECT_EQ(kA, read("nginx", format, line)) << format;
  }
  for (const char* format : {R"(LogFormat "%{msec}t \"%{client_id}n\"" x)",
                             R"(%{msec}t "%{client_id}n")", R"(%{msec}t \"%{client_id}n\")"}) {
    EXPECT_EQ(kA, read("apache", format, R"(1795322705342 "A")")) << format;
  }
  for (const char* format :
       {R"(log-format "%Ts.%ms \"%[var(txn.cid)]\"")", R"(log-format '%Ts.%ms "%[var(txn.cid)]"')",
        R"(%Ts.%ms\ %{+Q}[var(txn.cid)])", R"(%{+Q}o  %Ts.%ms   %[var(txn.cid)])"}) {
    EXPECT_EQ(kA, read("haproxy", format, line)) << format;
  }
}

}  // namespace
}  // namespace lastseen
