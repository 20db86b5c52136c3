// The section `inputs`, and what must not clash in it.
#include <gmock/gmock.h>

#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

class ConfigInputs : public ConfigTest {};

TEST_F(ConfigInputs, TwoInputsWithOneNameClash) {
  EXPECT_EQ(
      "f.yaml:3:12: two inputs have the name 'a', this one and number 1; positions are kept by "
      "name\n"
      "  - {name: a, path: y, parser: json}\n"
      "           ^\n",
      bad_whole("inputs:\n"
                "  - {name: a, path: x, parser: json}\n"
                "  - {name: a, path: y, parser: json}\n"));
}

TEST_F(ConfigInputs, TwoInputsMayShareAPath) {
  EXPECT_EQ(2u, good_whole("inputs:\n"
                           "  - {name: a, path: x, parser: json}\n"
                           "  - {name: b, path: x, parser: json}\n")
                    .inputs.size());
}

TEST_F(ConfigInputs, InputsMustBeAListWithItems) {
  EXPECT_THAT(bad_whole("inputs: {name: a}\n"),
              HasSubstr("f.yaml:1:9: 'inputs' must be a list (each item begins with '- '), not a "
                        "mapping"));
  EXPECT_THAT(bad_whole("inputs: []\n"), HasSubstr("f.yaml:1:9: 'inputs' is empty"));
  EXPECT_THAT(bad_whole("inputs:\n"), HasSubstr("f.yaml:1:1: 'inputs' must be a list"));
  EXPECT_THAT(bad_whole("inputs:\n  -\n"), HasSubstr("f.yaml:2:3: item 1 of 'inputs' is empty"));
}

TEST_F(ConfigInputs, UnknownParserListsTheKnownOnes) {
  EXPECT_THAT(bad_input("path: x, parser: nginx"),
              HasSubstr("'type' is 'nginx'; it must be one of json, combined, common"));
  EXPECT_THAT(bad_input("path: x, parser: {type: combned}"), HasSubstr("did you mean 'combined'?"));
  EXPECT_THAT(bad_input("path: x, parser: {time: t}"), HasSubstr("missing key 'type'"));
  EXPECT_THAT(bad_input("path: x, parser: [json]"), HasSubstr("must be a mapping"));
}

TEST_F(ConfigInputs, FieldNamesFitOnlyParsersWhoseFieldsHaveNames) {
  EXPECT_THAT(bad_input("path: x, parser: {type: common, body: b}"),
              HasSubstr("f.yaml:2:53: 'body' is for parser 'json' (also logfmt, ltsv, ndjson, "
                        "regex); 'common' has no such key"));
  EXPECT_THAT(bad_input("path: x, parser: {type: json, body: \"\"}"),
              HasSubstr("'body' must not be empty"));
}

TEST_F(ConfigInputs, FeedsHaveAPlaceWithItsOwner) {
  const Config config = good_whole(
      "inputs:\n"
      "  - {name: a, type: unix_datagram, path: /run/a, mode: \"0622\", owner: www, group: '33',\n"
      "     parser: json}\n"
      "  - {name: b, type: unix_stream, path: /run/b, parser: ndjson}\n"
      "  - {name: c, type: fifo, path: /run/c, parser: ndjson}\n"
      "  - {name: d, type: stdin, parser: ndjson}\n");
  EXPECT_EQ("unix_datagram", config.inputs[0].type);
  EXPECT_EQ(0622, config.inputs[0].mode);
  EXPECT_EQ("www", config.inputs[0].owner);
  EXPECT_EQ("33", config.inputs[0].group);
  EXPECT_EQ(0660, config.inputs[1].mode);
  EXPECT_EQ("", config.inputs[3].path);
}

TEST_F(ConfigInputs, KeysOfAnotherTypeOfInputAreErrors) {
  EXPECT_EQ(
      "f.yaml:2:50: 'start' is for files, and this input's type is 'unix_stream'; remove it\n"
      "  - {name: a, type: unix_stream, path: x, start: begin, parser: json}\n"
      "                                                 ^\n",
      bad_input("type: unix_stream, path: x, start: begin, parser: json"));
  EXPECT_THAT(bad_input("path: x, mode: \"0600\", parser: json"),
              HasSubstr("'mode' is for sockets and fifos, and this input's type is 'file'"));
  EXPECT_THAT(bad_input("type: stdin, path: x, parser: json"),
              HasSubstr("'path' is for files, sockets and fifos"));
  EXPECT_THAT(bad_input("type: fifo, parser: json"), HasSubstr("missing key 'path': where the"));
  EXPECT_THAT(bad_input("type: unix_stream, parser: json, path: " + std::string(108, 'p')),
              HasSubstr("'path' is 108 bytes long; a socket's path has at most 107"));
}

TEST_F(ConfigInputs, TwoInputsCannotReceiveFromOnePlace) {
  const std::string two =
      "inputs:\n"
      "  - {name: a, type: unix_stream, path: /run/x, parser: json}\n"
      "  - {name: b, type: unix_datagram, path: /run/x, parser: json}\n";
  EXPECT_THAT(bad_whole(two), HasSubstr("f.yaml:3:42: two inputs receive from '/run/x', this one "
                                        "and 'a'"));
  EXPECT_THAT(bad_whole("inputs:\n"
                        "  - {name: a, type: stdin, parser: json}\n"
                        "  - {name: b, type: stdin, parser: json}\n"),
              HasSubstr("two inputs receive from standard input"));
}

TEST_F(ConfigInputs, LogFormatIsTakenAsItIsWritten) {
  const Config config = good_whole(
      "inputs:\n"
      "  - name: a\n"
      "    path: x\n"
      "    parser: {type: log_format, dialect: nginx, format: '${a}b $$c ${D:-e}', syslog: true}\n"
      "  - name: b\n"
      "    path: y\n"
      "    parser: {type: log_format, dialect: haproxy, preset: httplog}\n"
      "  - {name: c, path: z, parser: {type: json, syslog: true}}\n");
  EXPECT_EQ("nginx", config.inputs[0].parser.dialect);
  EXPECT_EQ("${a}b $$c ${D:-e}", config.inputs[0].parser.format);
  EXPECT_TRUE(config.inputs[0].parser.syslog);
  EXPECT_EQ("httplog", config.inputs[1].parser.preset);
  EXPECT_FALSE(config.inputs[1].parser.syslog);
  EXPECT_TRUE(config.inputs[2].parser.syslog);
}

TEST_F(ConfigInputs, LogFormatNeedsADialectAndOneFormat) {
  const auto problem = [this](const std::string& keys) {
    return bad_input("path: x, parser: {type: log_format, " + keys + "}");
  };
  EXPECT_THAT(problem("format: f"), HasSubstr("missing key 'dialect': whose format it is: nginx"));
  EXPECT_THAT(problem("dialect: ngnix, format: f"), HasSubstr("did you mean 'nginx'?"));
  EXPECT_THAT(problem("dialect: nginx"), HasSubstr("missing key 'format'"));
  EXPECT_THAT(problem("dialect: nginx, format: ''"), HasSubstr("'format' must not be empty"));
  EXPECT_THAT(problem("dialect: nginx, format: f, preset: p"), HasSubstr("not both"));
  EXPECT_THAT(problem("dialect: nginx, format: f, syslog: 1"), HasSubstr("one of false, true"));
  EXPECT_THAT(bad_input("path: x, parser: {type: json, format: f}"),
              HasSubstr("'format' is for parser 'log_format'; 'json' has no such key"));
}

TEST_F(ConfigInputs, RangesOfInputsHold) {
  EXPECT_THAT(bad_input("path: x, parser: json, line_bytes_max: 1023"),
              HasSubstr("'line_bytes_max' is '1023'; it must be between 1KiB and 64MiB"));
  EXPECT_THAT(bad_input("path: x, parser: json, line_bytes_max: 65MiB"), HasSubstr("64MiB"));
  EXPECT_THAT(bad_input("path: \"\", parser: json"), HasSubstr("'path' must not be empty"));
  EXPECT_THAT(bad_whole("inputs: [{name: " + std::string(65, 'a') + ", path: x, parser: json}]"),
              HasSubstr("1 to 64 letters"));
}

}  // namespace
}  // namespace lastseen
