// The files in config/ that people get: they load, they hold the defaults, they name every key.
#include <gmock/gmock.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

using ::testing::Contains;

std::string file_text(const std::string& name) {
  std::ifstream in(std::string(LASTSEEN_SOURCE_DIR) + "/config/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct KeyLine {
  size_t column = 0;     ///< Of the key, as if no '#' stood before it.
  bool item = false;     ///< "- " stands before it.
  std::string_view key;  ///< Empty: the line has no key.
};

/// `key: …`, `- key: …` or, turned off, `#key: …`; but prose begins with `# `.
KeyLine key_line(std::string_view line) {
  KeyLine result;
  result.column = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(result.column);
  if (line.starts_with("#")) line.remove_prefix(1);
  if (line.starts_with("- ")) {
    result.item = true;
    result.column += 2;
    line.remove_prefix(2);
  }
  const size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
  if (end != line.npos && line[end] == ':') result.key = line.substr(0, end);
  return result;
}

/// The paths of all keys of a file in block style, also of those that a `#` turns off.
std::set<std::string> keys_in(const std::string& text) {
  std::vector<std::pair<size_t, std::string>> open;  // column and path of each level
  std::set<std::string> keys;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const KeyLine found = key_line(line);
    if (found.key.empty()) continue;
    while (!open.empty() && open.back().first >= found.column) open.pop_back();
    if (found.item && !open.empty()) open.back().second += "[]";
    const std::string path = (open.empty() ? "" : open.back().second + ".").append(found.key);
    keys.insert(path);
    open.emplace_back(found.column, path);
  }
  return keys;
}

class InstalledFiles : public ConfigTest {};

TEST_F(InstalledFiles, AnnotatedFileEqualsTheDefaultsInAllButItsInputs) {
  Config config = good_whole(file_text("lastseen.yaml"));
  ASSERT_EQ(1u, config.inputs.size());
  InputSettings nginx;
  nginx.name = "nginx";
  nginx.path = "/var/log/nginx/access.log";
  nginx.parser.type = "combined";
  EXPECT_EQ(nginx, config.inputs[0]);
  config.inputs.clear();
  config.agent_id.clear();
  EXPECT_EQ(Config{}, config);
}

TEST_F(InstalledFiles, AnnotatedFileNamesEveryKeyAndNoOther) {
  std::vector<std::string> known = known_keys();
  const std::set<std::string> named = keys_in(file_text("lastseen.yaml"));
  for (const std::string& key : known) EXPECT_THAT(named, Contains(key));
  for (const std::string& key : named) {
    const bool is_key = std::any_of(known.begin(), known.end(), [&](const std::string& path) {
      return path == key || path.starts_with(key + ".") || path.starts_with(key + "[");
    });
    EXPECT_TRUE(is_key) << key << " is not a key";
  }
}

TEST_F(InstalledFiles, KnownKeysArePathsToLeaves) {
  const std::vector<std::string> known = known_keys();
  for (const char* key : {"agent_id", "inputs[].parser.type", "store.columns.id", "log.file",
                          "shutdown.timeout", "control.mode"}) {
    EXPECT_THAT(known, Contains(key));
  }
  EXPECT_EQ(std::set<std::string>(known.begin(), known.end()).size(), known.size());
}

TEST_F(InstalledFiles, QuickstartReadsTheBundledLogIntoTheWorkingDirectory) {
  const Config config = good_whole(file_text("quickstart.yaml"));
  ASSERT_EQ(1u, config.inputs.size());
  EXPECT_EQ("tests/corpus/nginx/json_escape.log", config.inputs[0].path);
  EXPECT_EQ(Start::kBegin, config.inputs[0].start);
  EXPECT_EQ("sqlite", config.store.type);
  EXPECT_EQ("./lastseen.db", config.store.path);
  EXPECT_EQ("", config.control.socket);
  variables_["LOG"] = "/x.log";
  EXPECT_EQ("/x.log", good_whole(file_text("quickstart.yaml")).inputs[0].path);
}

/// Any bytes are answered with a Config or with errors, soon, and never with a crash.
TEST_F(InstalledFiles, RandomEditsOfTheAnnotatedFileAreAnsweredSoon) {
  // Process time, so that other work on the machine does not count.
  constexpr std::clock_t kTimeMax = 2 * CLOCKS_PER_SEC;
  constexpr std::string_view kBytes =
      "{}[]:,-#&*!|>'\"%@`$ \n\t\r\\~?<=0123456789azAZ\x00\x7F\x80\xC3\xFF";
  const std::string original = file_text("lastseen.yaml");
  std::mt19937 random(20261122);
  const auto pick = [&](size_t below) { return random() % below; };
  const std::clock_t begin = std::clock();
  size_t rounds = 0;
  for (; rounds < 1000 && std::clock() - begin < kTimeMax; ++rounds) {
    std::string text = original;
    for (size_t edits = 1 + pick(8); edits > 0; --edits) {
      const size_t place = pick(text.size());
      switch (pick(4)) {
        case 0:
          text[place] = kBytes[pick(kBytes.size())];
          break;
        case 1:
          text.insert(place, 1, kBytes[pick(kBytes.size())]);
          break;
        case 2:
          text.erase(place, 1 + pick(40));
          break;
        default:
          text.insert(place, text, pick(text.size()), 1 + pick(200));
      }
    }
    const LoadResult result = parse(text);
    ASSERT_NE(result.config.has_value(), !result.errors.empty()) << text;
    for (const ConfigError& error : result.errors) ASSERT_FALSE(error.to_string().empty());
  }
  EXPECT_GT(rounds, 50u);
}

}  // namespace
}  // namespace lastseen
