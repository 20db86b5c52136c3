#include "base/log.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace lastseen {
namespace {

struct LogTest : testing::Test {
  LogTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lastseen-XXXXXX").string();
    directory = mkdtemp(pattern.data());
    path = directory + "/agent.log";
  }
  ~LogTest() override { std::filesystem::remove_all(directory); }
  static std::string read(const std::string& path) {
    std::stringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
  }

  std::string directory;
  std::string path;
};

// "2026-11-22T10:27:42.123Z": a digit stands for any.
bool is_time(std::string text) {
  for (char& c : text)
    if (c >= '0' && c <= '9') c = '0';
  return text == "0000-00-00T00:00:00.000Z";
}
constexpr size_t kTimeLength = 24;

TEST_F(LogTest, TextHasTimeLevelMessageAndFields) {
  auto log = make_log(LogLevel::kInfo, false, path);
  log->info("flushed 47 clients", {{"input", "web"}, {"reason", "it is time"}});
  const std::string line = read(path);
  EXPECT_TRUE(is_time(line.substr(0, kTimeLength))) << line;
  EXPECT_EQ(" info  flushed 47 clients input=web reason=\"it is time\"\n",
            line.substr(kTimeLength));
}

TEST_F(LogTest, JsonIsOneObjectALine) {
  auto log = make_log(LogLevel::kTrace, true, path);
  log->warn("odd \"path\"\n", {{"path", "/x\x01\xFF"}});
  std::string line = read(path);
  EXPECT_EQ(1, std::count(line.begin(), line.end(), '\n'));
  rapidjson::Document json;
  json.Parse(line.c_str());
  ASSERT_FALSE(json.HasParseError()) << line;
  EXPECT_TRUE(is_time(json["ts"].GetString()));
  EXPECT_STREQ("warn", json["level"].GetString());
  EXPECT_STREQ("odd \"path\"\\x0A", json["message"].GetString());
  EXPECT_STREQ("/x\\x01\\xFF", json["path"].GetString());
}

TEST_F(LogTest, NumbersAreNumbersInJsonAndDigitsInTextAreText) {
  make_log(LogLevel::kInfo, true, path)
      ->info("m", {{"lines", UINT64_MAX}, {"skew_ms", int64_t{-5}}, {"agent_id", "17"}});
  const std::string line = read(path);
  EXPECT_NE(std::string::npos,
            line.find(R"("lines":18446744073709551615,"skew_ms":-5,"agent_id":"17"})"))
      << line;
  make_log(LogLevel::kInfo, false, path + "2")->info("m", {{"lines", 47}, {"agent_id", "17"}});
  EXPECT_NE(std::string::npos, read(path + "2").find(" m lines=47 agent_id=17\n"));
}

TEST_F(LogTest, BelowTheLevelNothingIsWritten) {
  auto log = make_log(LogLevel::kWarn, false, path);
  log->info("quiet");
  EXPECT_EQ("", read(path));
  log->error("loud");
  EXPECT_NE("", read(path));
}

TEST_F(LogTest, ForeignBytesCannotForgeALine) {
  auto log = make_log(LogLevel::kInfo, false, path);
  log->info("seen\n2026-01-01T00:00:00.000Z error forged", {{"id", "x\" reason=\"forged {} %s"}});
  std::string text = read(path);
  EXPECT_EQ(1, std::count(text.begin(), text.end(), '\n'));
  EXPECT_NE(std::string::npos, text.find(R"(id="x\" reason=\"forged {} %s")"));
}

TEST_F(LogTest, ReopenGoesOnInANewFile) {
  auto log = make_log(LogLevel::kInfo, false, path);
  log->info("one");
  std::filesystem::rename(path, path + ".1");
  log->info("two");
  log->reopen();
  log->info("three");
  EXPECT_NE(std::string::npos, read(path + ".1").find("two"));
  EXPECT_EQ(std::string::npos, read(path + ".1").find("three"));
  EXPECT_NE(std::string::npos, read(path).find("three"));
}

TEST_F(LogTest, AReopenThatFailsKeepsTheOldFile) {
  std::filesystem::create_directory(directory + "/d");
  std::string inside = directory + "/d/agent.log";
  auto log = make_log(LogLevel::kInfo, false, inside);
  std::filesystem::rename(directory + "/d", directory + "/e");
  std::ofstream(directory + "/d") << "in the way";
  log->reopen();
  log->info("still here");
  EXPECT_NE(std::string::npos, read(directory + "/e/agent.log").find("still here"));
  EXPECT_NE(std::string::npos, read(directory + "/e/agent.log").find("cannot open log.file"));
}

TEST(EscapeForLog, LeavesTextAndEscapesTheRest) {
  EXPECT_EQ("plain \"quoted\" ü 漢 😀", escape_for_log("plain \"quoted\" ü 漢 😀"));
  EXPECT_EQ("\\x00\\x0A\\x1B\\x7F\\x5C", escape_for_log(std::string_view("\0\n\x1b\x7f\\", 5)));
  EXPECT_EQ("\\xFF\\xC3(", escape_for_log("\xFF\xC3("));
  EXPECT_EQ("\\xC0\\x80", escape_for_log("\xC0\x80"));           // overlong
  EXPECT_EQ("\\xED\\xA0\\x80", escape_for_log("\xED\xA0\x80"));  // surrogate
  EXPECT_EQ("\\xC2\\x9B", escape_for_log("\xC2\x9B"));           // C1: CSI
  EXPECT_EQ("\\xE2\\x80\\xAE", escape_for_log("\xE2\x80\xAE"));  // right-to-left override
  EXPECT_EQ("\\xE2\\x80\\xA8", escape_for_log("\xE2\x80\xA8"));  // line separator
  EXPECT_EQ("\\xF0\\x9F", escape_for_log("\xF0\x9F"));           // cut off
}

}  // namespace
}  // namespace lastseen
