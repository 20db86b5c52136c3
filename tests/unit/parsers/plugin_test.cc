// The example plugin, built as its users build it, and plugins that must be refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ParserSettings plugin(const std::string& name, const std::string& options = "") {
  ParserSettings settings;
  settings.type = "plugin";
  settings.path = std::string(LASTSEEN_PLUGIN_DIR) + "/" + name + ".so";
  settings.options = options;
  return settings;
}

std::string problem(const ParserSettings& settings) {
  const auto parser = make_parser(settings, {});
  return parser ? "" : parser.status().message();
}

TEST(Plugin, ReadsLines) {
  const auto parser = parser_of(plugin("pipe_log"));
  const ParseResult result = parser->parse("1795322705342|200|tenant-7|/items?page=2");
  EXPECT_EQ("'tenant-7'", to_text(result));
  EXPECT_EQ(1795322705342, result.seen_at_ms);
  EXPECT_EQ("field", result.origin);
  EXPECT_EQ("'A'", to_text(parser->parse("1795322705342|200|-|/items?client_id=A")));
  EXPECT_EQ("no_client_id", to_text(parser->parse("1795322705342|200||/")));
  for (const char* line : {"", "|", "||", "|||", "x|200|A|/", "1795322705342|200|A"}) {
    EXPECT_EQ("malformed", to_text(parser->parse(line))) << line;
  }
}

TEST(Plugin, RulesOnIdsAreTheAgents) {
  ParserOptions options;
  options.client_id.status = {{200, 299}};
  const auto parser = parser_of(plugin("pipe_log"), options);
  EXPECT_EQ("not_allowed", to_text(parser->parse("1795322705342|404|A|/")));
  EXPECT_EQ("'A'", to_text(parser->parse("1795322705342|204|A|/")));
  EXPECT_EQ("too_long", to_text(parser->parse("1795322705342|200|" + std::string(51, 'x') + "|/")));
  EXPECT_EQ("invalid_utf8", to_text(parser->parse("1795322705342|200|\xff|/")));
  EXPECT_EQ("no_time", to_text(parser->parse("999999999999999|200|A|/")));
}

TEST(Plugin, OptionsAreItsOwn) {
  EXPECT_EQ("'A'", to_text(parser_of(plugin("pipe_log", "comma"))->parse("1795322705342,200,A,/")));
  EXPECT_THAT(problem(plugin("pipe_log", "semicolon")),
              AllOf(HasSubstr("pipe_log.so: there is no option 'semicolon'")));
}

TEST(Plugin, InstancesAreApart) {
  const auto one = parser_of(plugin("pipe_log"));
  const auto other = parser_of(plugin("pipe_log", "comma"));
  EXPECT_EQ("'A'", to_text(one->parse("1795322705342|200|A|/")));
  EXPECT_EQ("'B'", to_text(other->parse("1795322705342,200,B,/")));
  EXPECT_EQ("'A'", to_text(one->parse("1795322705342|200|A|/")));
}

TEST(Plugin, UnusableOneIsRefusedWithTheReason) {
  EXPECT_THAT(problem(plugin("broken_1")), HasSubstr("of version 2 of the interface"));
  EXPECT_THAT(problem(plugin("broken_2")), HasSubstr("misses functions"));
  EXPECT_THAT(problem(plugin("broken_3")), HasSubstr("its table has 8 bytes"));
  EXPECT_THAT(problem(plugin("broken_4")), HasSubstr("has no function `lastseen_plugin_table`"));
  EXPECT_THAT(problem(plugin("broken_5")), HasSubstr("does not say why"));
  EXPECT_THAT(problem(plugin("missing")), HasSubstr("missing.so"));
  ParserSettings text = plugin("x");
  text.path = __FILE__;
  EXPECT_THAT(problem(text), HasSubstr("plugin: "));
}

}  // namespace
}  // namespace lastseen
