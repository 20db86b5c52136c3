#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/parser.h"

namespace lastseen {
namespace {

using testing::HasSubstr;

TEST(Registry, EveryTypeCanBeMade) {
  EXPECT_THAT(parser_types(),
              testing::ElementsAre("json", "combined", "common", "vhost_combined", "log_format",
                                   "logfmt", "ltsv", "ndjson", "regex", "plugin"));
  for (const std::string_view type : parser_types()) {
    if (type == "plugin") continue;  // needs one: plugin_test.cc
    ParserSettings settings;
    settings.type = type;
    if (type == "regex") settings.regex = "(?P<client_id>.*)";
    if (type == "log_format") {
      settings.dialect = "nginx";
      settings.format = "$msec";
    }
    EXPECT_TRUE(make_parser(settings, {})) << type;
  }
}

TEST(Registry, UnknownTypeIsFatalAndNamesTheKnown) {
  ParserSettings settings;
  settings.type = "jsn";
  const auto made = make_parser(settings, {});
  EXPECT_EQ(StatusCode::kFatal, made.status().code());
  EXPECT_THAT(made.status().message(), HasSubstr("`jsn`"));
  EXPECT_THAT(made.status().message(),
              HasSubstr("json, combined, common, vhost_combined, log_format"));
}

TEST(Registry, OptionThatDoesNotFitIsFatal) {
  const auto message = [](const ParserSettings& settings) {
    return make_parser(settings, {}).status().message();
  };
  EXPECT_THAT(message({.type = "combined", .time = "", .uri = "", .body = "b"}),
              HasSubstr("`body`"));
  EXPECT_THAT(message({.type = "common", .time = "t", .uri = "", .body = ""}), HasSubstr("`time`"));
  EXPECT_THAT(message({.type = "common", .time = "", .uri = "u", .body = ""}), HasSubstr("`uri`"));
  for (const char* path : {".", "a.", ".a", "a..b", "a.b.c.d"}) {
    EXPECT_THAT(message({.type = "json", .time = "", .uri = path, .body = ""}), HasSubstr("uri"));
  }
}

}  // namespace
}  // namespace lastseen
