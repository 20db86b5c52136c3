// What a person sees: the text of errors, to the letter.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConfigErrors : public ConfigTest {};

TEST_F(ConfigErrors, MisspeltKeyIsShownWithCaretAndNearestKey) {
  EXPECT_EQ(
      "f.yaml:3:9: unknown key 'intervall'; did you mean 'interval'?\n"
      "flush: {intervall: 5s}\n"
      "        ^\n",
      bad("flush: {intervall: 5s}\n"));
}

TEST_F(ConfigErrors, AllAreReportedAtOnceInOrderOfPlace) {
  EXPECT_EQ(
      "f.yaml:2:5: missing key 'path': the log file, or a glob such as /var/log/nginx/*.log\n"
      "  - name: a b\n"
      "    ^\n"
      "f.yaml:2:11: 'name' is 'a b'; it must be 1 to 64 letters, digits, '_', '.' or '-'\n"
      "  - name: a b\n"
      "          ^\n"
      "f.yaml:3:5: unknown key 'pth'; did you mean 'path'?\n"
      "    pth: /var/log/x\n"
      "    ^\n"
      "f.yaml:4:13: 'type' is 'jsno'; it must be one of json, combined, common, "
      "vhost_combined, log_format, logfmt, ltsv, ndjson, regex, plugin; did you mean "
      "'json'?\n"
      "    parser: jsno\n"
      "            ^\n"
      "f.yaml:5:25: 'clients_max' is '7'; it must be between 100 and 100000000\n"
      "buffer:   {clients_max: 7}\n"
      "                        ^\n"
      "f.yaml:6:19: 'interval' is '5' without a unit; write a duration such as 200ms 1s 5m 24h "
      "7d\n"
      "flush: {interval: 5, interval: 6s}\n"
      "                  ^\n"
      "f.yaml:6:22: duplicate key 'interval'; it is already on line 6\n"
      "flush: {interval: 5, interval: 6s}\n"
      "                     ^\n",
      bad_whole("inputs:\n"
                "  - name: a b\n"
                "    pth: /var/log/x\n"
                "    parser: jsno\n"
                "buffer:   {clients_max: 7}\n"
                "flush: {interval: 5, interval: 6s}\n"));
}

TEST_F(ConfigErrors, CaretStandsBelowAfterTabsAndWideCharacters) {
  EXPECT_EQ(
      "f.yaml:3:18: unknown key 'fil'; did you mean 'file'?\n"
      "log: {\tfile: \xC3\xA9, fil: x}\n"
      "      \t         ^\n",
      bad("log: {\tfile: \xC3\xA9, fil: x}\n"));
}

TEST_F(ConfigErrors, CarriageReturnsAndByteOrderMarkDoNotMoveThePlace) {
  EXPECT_EQ(
      "f.yaml:1:1: unknown key 'flsh'; did you mean 'flush'?\n"
      "flsh: {}\n"
      "^\n"
      "f.yaml:3:8: 'flush' must be a mapping (KEY: VALUE lines), not a list\n"
      "flush: []\n"
      "       ^\n",
      bad_whole("\xEF\xBB\xBF"
                "flsh: {}\r\n"
                "inputs: [{name: a, path: a, parser: json}]\r\n"
                "flush: []\r\n"));
}

TEST_F(ConfigErrors, LongLineIsShownAroundTheCaret) {
  const std::string padding(300, 'x');
  const std::string shown = bad("log: {file: " + padding + ", fil: y, level: info}  # " + padding);
  EXPECT_THAT(shown, HasSubstr("f.yaml:3:315: unknown key 'fil'"));
  const size_t line = shown.find('\n') + 1;
  const size_t caret_line = shown.find('\n', line) + 1;
  EXPECT_LT(caret_line - line, 200u);
  EXPECT_EQ("fil: y", shown.substr(line + shown.find('^') - caret_line, 6));
}

TEST_F(ConfigErrors, MisplacedKeyIsToldWhereItBelongs) {
  EXPECT_THAT(bad("interval: 1s\n"),
              HasSubstr("3:1: unknown key 'interval'; it belongs under 'flush'"));
  EXPECT_THAT(bad("retry: {max: 1s}\n"), HasSubstr("it belongs under 'store'"));
  EXPECT_THAT(bad("store: {http: \"\"}\n"), HasSubstr("it belongs under 'control'"));
}

TEST_F(ConfigErrors, KeyLikeNoOtherListsTheValidOnes) {
  EXPECT_THAT(bad("shutdown: {zzzzzz: 1}\n"),
              HasSubstr("unknown key 'zzzzzz'; valid here: timeout"));
}

TEST_F(ConfigErrors, MissingKeysAreReportedAtTheirParent) {
  const std::string shown = bad_whole("flush: {interval: 1s}\ninputs:\n  - start: end\n");
  EXPECT_THAT(shown, HasSubstr("f.yaml:3:5: missing key 'name'"));
  EXPECT_THAT(shown, HasSubstr("f.yaml:3:5: missing key 'path'"));
  EXPECT_THAT(shown, HasSubstr("f.yaml:3:5: missing key 'parser'"));
  EXPECT_THAT(bad_whole("\nlog: {}\n"), HasSubstr("f.yaml:2:1: missing key 'inputs'"));
}

TEST_F(ConfigErrors, KeyWithoutValueIsReportedAtTheKey) {
  EXPECT_THAT(bad("control:\n  socket:\n  http: \"\"\n"),
              HasSubstr("f.yaml:4:3: 'socket' has no value; it must be text (\"\" for none)"));
}

TEST_F(ConfigErrors, ManyAreCutWithANote) {
  std::string yaml;
  for (int i = 0; i < 5000; ++i) yaml += "zzz" + std::to_string(i) + ": 1\n";
  const LoadResult result = parse(std::string(kMinimal) + yaml);
  EXPECT_EQ(101u, result.errors.size());
  EXPECT_EQ("f.yaml: more than 100 errors; the rest is not shown",
            result.errors.back().to_string());
}

TEST_F(ConfigErrors, ErrorWithoutColumnOrLineNamesWhatItHas) {
  ConfigError error;
  error.file = "f";
  error.message = "m";
  EXPECT_EQ("f: m", error.to_string());
  error.line = 2;
  error.source_line = "abc";
  EXPECT_EQ("f:2: m\nabc", error.to_string());
  error.column = 3;
  EXPECT_EQ("f:2:3: m\nabc\n  ^", error.to_string());
}

// ---- what is not YAML, or too much of it

TEST_F(ConfigErrors, InvalidYamlIsOneErrorWithItsPlace) {
  EXPECT_EQ(
      "f.yaml:3:9: invalid YAML: illegal map value\n"
      "flush: a: b\n"
      "        ^\n",
      bad("flush: a: b\n"));
}

TEST_F(ConfigErrors, TabIndentationIsNamed) {
  EXPECT_THAT(bad("flush:\n\tinterval: 1s\n"), HasSubstr("YAML does not take tabs"));
}

TEST_F(ConfigErrors, OpenQuoteIsReportedWhereItOpens) {
  EXPECT_THAT(bad("log: \n  file: \"/var/log/x\n"),
              HasSubstr("f.yaml:4:9: the quote that opens here is never closed"));
  EXPECT_THAT(bad("log: \n  file: 'it''s\n"), HasSubstr("f.yaml:4:9: the quote that opens here"));
  EXPECT_EQ("it's", good("log: {file: 'it''s'}\n").log.file);
  EXPECT_EQ("a\"b", good("log: {file: \"a\\\"b\"}\n").log.file);
}

TEST_F(ConfigErrors, DuplicateKeysAreFoundAtEveryLevel) {
  EXPECT_THAT(bad("log: {}\nlog: {}\n"),
              HasSubstr("f.yaml:4:1: duplicate key 'log'; it is already on line 3"));
  EXPECT_THAT(bad("store:\n  retry: {max: 1s, max: 1s}\n"),
              HasSubstr("f.yaml:4:20: duplicate key 'max'"));
  EXPECT_THAT(bad_whole("inputs:\n  - {name: a, path: a, path: b, parser: json}\n"),
              HasSubstr("f.yaml:2:24: duplicate key 'path'"));
}

TEST_F(ConfigErrors, WhatYamlHasBesideIsRefused) {
  EXPECT_THAT(bad("log: {file: !!str x}\n"), HasSubstr("f.yaml:3:13: tags such as"));
  EXPECT_THAT(bad("? [a]\n: b\n"), HasSubstr("f.yaml:3:3: a key must be a plain word"));
  EXPECT_THAT(bad("---\nlog: {}\n"), HasSubstr("it must be one document"));
  EXPECT_THAT(bad_whole("{inputs: []} x"), HasSubstr("f.yaml:1:14: the configuration ended"));
  EXPECT_THAT(bad_whole(",,,,"), HasSubstr("f.yaml:1:1: "));
}

TEST_F(ConfigErrors, AliasesWorkButNotInCircles) {
  const Config config = good_whole(
      "inputs:\n"
      "  - {name: a, path: a, parser: &p {type: json, time: t}}\n"
      "  - {name: b, path: b, parser: *p}\n");
  EXPECT_EQ(config.inputs[0].parser, config.inputs[1].parser);
  EXPECT_THAT(bad("log: &l {file: *l}\n"), HasSubstr("f.yaml:3:16: an alias can not stand inside"));
  EXPECT_THAT(bad("log: *nowhere\n"), HasSubstr("f.yaml:3:6: invalid YAML: the referenced anchor"));
}

TEST_F(ConfigErrors, DepthIsBoundedHoweverItIsReached) {
  EXPECT_THAT(bad_whole(std::string(100'000, '[')), HasSubstr("nested too deeply"));
  std::string tower = "inputs: []\na0: &a0 {}\n";
  for (int i = 1; i < 20'000; ++i) {
    const std::string now = std::to_string(i);
    tower += "a" + now + ": &a" + now + " {x: *a" + std::to_string(i - 1) + "}\n";
  }
  EXPECT_THAT(bad_whole(tower), HasSubstr("nested too deeply"));
}

TEST_F(ConfigErrors, RootThatIsNoMappingIsOneError) {
  EXPECT_THAT(bad_whole("- a\n"),
              HasSubstr("f.yaml:1:1: the configuration must be a mapping (KEY: VALUE lines), not "
                        "a list"));
  EXPECT_EQ(1u, parse("just text\n").errors.size());
}

TEST_F(ConfigErrors, BytesThatNoTextFileHasAreOneError) {
  using std::string_literals::operator""s;
  EXPECT_EQ(
      "f.yaml:2:4: the byte 0x00 has no place in a text file; is this the right file?\n"
      "b: ?c\n"
      "   ^\n",
      bad_whole("a: 1\nb: \0c\n"s));
  EXPECT_THAT(bad("log: {file: \x1B[31m}\n"), HasSubstr("f.yaml:3:13: the byte 0x1B"));
  EXPECT_THAT(bad("log: {file: \xE9}\n"),
              HasSubstr("f.yaml:3:13: the byte 0xE9 is not UTF-8; save the file as UTF-8 text\n"
                        "log: {file: ?}\n"));
  EXPECT_THAT(bad("log: {file: \"a\\0b\"}\n"), HasSubstr("'file' holds a NUL character"));
}

TEST_F(ConfigErrors, EmptyFileIsOneErrorThatSaysWhatItNeeds) {
  for (const char* yaml : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"}) {
    const LoadResult result = parse(yaml);
    ASSERT_EQ(1u, result.errors.size()) << yaml;
    EXPECT_THAT(result.errors[0].to_string(), HasSubstr("f.yaml: is empty; it needs at least"));
  }
}

TEST_F(ConfigErrors, HugeFileIsOneError) {
  const LoadResult result = parse(std::string((1 << 20) + 1, '#'));
  ASSERT_EQ(1u, result.errors.size());
  EXPECT_THAT(result.errors[0].to_string(), HasSubstr("f.yaml: is larger than 1 MiB"));
  EXPECT_TRUE(parse(std::string(kMinimal) + std::string((1 << 20) - kMinimal.size(), '#')).config);
}

// ---- passwords

TEST_F(ConfigErrors, PasswordsAreMaskedInLinesAndTheCaretStaysRight) {
  EXPECT_EQ(
      "f.yaml:3:67: unknown key 'tabel'; did you mean 'table'?\n"
      "store: {type: postgres, url: \"postgresql://me:***@h/db\", tabel: x}\n"
      "                                                         ^\n",
      bad("store: {type: postgres, url: \"postgresql://me:hunter2-zwei@h/db\", tabel: x}\n"));
}

TEST_F(ConfigErrors, PasswordsNeverShowWhereverTheyStand) {
  for (const char* yaml : {
           "store: {url: \"postgresql://me:hunter2@h/db\"}\n",
           "store: {url: \"host=h password=hunter2\"}\n",
           "store: {url: \"host=h password = 'x hunter2'\"}\n",
           "store: {urll: \"postgresql://me:hunter2@h/db\"}\n",
           "store: {type: postgres, url: \"postgresql:/me:hunter2@h/db\"}\n",
           "store: {type: postgres, url: \"mysql://me:hunter2@h/db\"}\n",
           "store: {type: postgres, url: \"postgresql://me:hunter2@hunter2@h/db\"}\n",
           "store: {type: postgres, url: \"postgresql://me:hunter2/hunter2@h/db\"}\n",
           "store: {type: postgres, url: \"host=h password='hunter2\"}\n",
           "store: {type: postgres, url: \"me:hunter2@h\"}\n",
           "store: {type: postgres, url: [\"postgresql://me:hunter2@h/db\"]}\n",
           "store: {type: postgres, url: postgresql://me:hunter2@h/db: x}\n",
           "store: {type: postgres, url: \"postgresql://h/db?password=hunter2&x\"}\n",
           "store: {type: postgres, url: \"postgresql://me:a${hunter2!}@h/db\"}\n",
           "store: postgresql://me:hunter2@h/db\n",
           "store: {password: hunter2}\n",
           "store: {PG_PASSWORD: hunter2, user: x}\n",
           "store:\n  url: \"postgresql://me:hunter2@h/db\n",
           "postgresql://me:hunter2@h/db: x\n",
       }) {
    EXPECT_THAT(bad(yaml), Not(HasSubstr("hunter2"))) << yaml;
  }
}

TEST_F(ConfigErrors, ForeignTextInMessagesCannotForgeALine) {
  variables_["V"] = "x\nf.yaml: all is well\x1B[0m";
  const std::string shown = bad("log: {level: \"${V}\"}\n");
  EXPECT_THAT(shown, HasSubstr("'x?f.yaml: all is well?[0m'"));
}

// ---- files

class ConfigFile : public ConfigTest {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "config_XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(pattern.data()));
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  std::string error_of(const std::string& path) {
    const LoadResult result = load_config(path, process_environment());
    EXPECT_FALSE(result.config.has_value());
    EXPECT_EQ(1u, result.errors.size());
    return result.errors.empty() ? "" : result.errors[0].to_string();
  }

  std::string directory_;
};

TEST_F(ConfigFile, GoodFileLoads) {
  const LoadResult result = load_config(write("f.yaml", kMinimal), process_environment());
  EXPECT_TRUE(result.config.has_value()) << all(result);
}

TEST_F(ConfigFile, MissingFileSaysHowToNameOne) {
  const std::string path = directory_ + "/none.yaml";
  EXPECT_EQ(path + ": there is no such file; name the configuration with -c FILE", error_of(path));
}

TEST_F(ConfigFile, DirectoryIsRefused) {
  EXPECT_EQ(directory_ + ": is a directory; name the file in it, such as lastseen.yaml",
            error_of(directory_));
}

TEST_F(ConfigFile, EmptyFileIsRefused) {
  EXPECT_THAT(error_of(write("empty.yaml", "")), HasSubstr("empty.yaml: is empty; it needs"));
}

TEST_F(ConfigFile, HugeFileIsRefusedWithoutReadingItAll) {
  const std::string path = write("huge.yaml", "a");
  ASSERT_EQ(0, ::truncate(path.c_str(), off_t{1} << 33));
  EXPECT_THAT(error_of(path), HasSubstr("is larger than 1 MiB"));
}

TEST_F(ConfigFile, UnreadableFileSaysSo) {
  const std::string path = write("secret.yaml", kMinimal);
  ASSERT_EQ(0, ::chmod(path.c_str(), 0));
  // Root may read everything, so root steps down for the moment of reading.
  constexpr uid_t kNobody = 65534;
  const bool is_root = ::geteuid() == 0;
  ASSERT_EQ(0, is_root ? ::seteuid(kNobody) : 0);
  const std::string error = error_of(path);
  ASSERT_EQ(0, is_root ? ::seteuid(0) : 0);
  EXPECT_THAT(error, HasSubstr("secret.yaml: permission denied; run as a user who may read it"));
}

}  // namespace
}  // namespace lastseen
