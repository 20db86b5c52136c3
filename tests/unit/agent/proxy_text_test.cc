#include "proxy_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace lastseen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> truncated(std::string_view text, bool truncates = false) {
  return truncated_by_logrotate(text, &truncates);
}

TEST(LogrotateText, BlockThatTruncatesGivesItsPaths) {
  EXPECT_THAT(
      truncated("/var/log/nginx/*.log /srv/a.log\n\"/srv/with blank\" {\n"
                "  daily\n  copytruncate  # as ever\n}\n/var/log/other.log {\n  create\n}\n"),
      ElementsAre("/var/log/nginx/*.log", "/srv/a.log", "/srv/with blank"));
}

TEST(LogrotateText, SettingOutsideHoldsForAllBlocksThatFollow) {
  EXPECT_THAT(truncated("weekly\ncopytruncate\n/a.log {\n}\n/b.log {\n nocopytruncate\n}\n"),
              ElementsAre("/a.log"));
  EXPECT_THAT(truncated("/a.log {\n daily\n}\n", true), ElementsAre("/a.log"));
}

TEST(LogrotateText, ScriptIsNoSetting) {
  EXPECT_THAT(truncated("/a.log {\n create\n postrotate\n  if x; then { y; }\n  fi\n"
                        "  copytruncate\n endscript\n}\n"),
              IsEmpty());
}

TEST(NginxText, FormatsLogsAndTheBufferAreFound) {
  NginxFacts facts;
  read_nginx(
      "http {\n"
      "  log_format activity escape=json '{\"msec\":$msec,'\n"
      "                                  '\"request_body\":\"$request_body\"}';  # body\n"
      "  log_format plain '$msec \"$request\"';\n"
      "  server {\n"
      "    access_log /var/log/nginx/activity.json.log activity buffer=64k flush=1s;\n"
      "    access_log /var/log/nginx/access.log;\n"
      "    access_log syslog:server=unix:/x.sock activity;\n"
      "    access_log off;\n"
      "  }\n}\n",
      facts);
  ASSERT_EQ(2u, facts.logs.size());
  EXPECT_EQ("activity", facts.logs[0].format);
  EXPECT_TRUE(facts.logs[0].buffered);
  EXPECT_EQ("combined", facts.logs[1].format);
  EXPECT_FALSE(facts.logs[1].buffered);
  EXPECT_TRUE(facts.formats["activity"].escapes_json);
  EXPECT_EQ("{\"msec\":$msec,\"request_body\":\"$request_body\"}", facts.formats["activity"].text);
  EXPECT_FALSE(facts.formats["plain"].escapes_json);
  EXPECT_FALSE(facts.body_buffer_set);
  read_nginx("client_body_buffer_size 16k;", facts);
  EXPECT_TRUE(facts.body_buffer_set);
}

TEST(ProxyText, AnyBytesAreReadToTheirEnd) {
  std::mt19937 random(20261128);
  constexpr std::string_view kBytes = "{};#\n \"'\\/log_format copytruncate access_log postrotate";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t length = random() % 200; length > 0; --length)
      text += kBytes[random() % kBytes.size()];
    NginxFacts facts;
    read_nginx(text, facts);
    truncated(text);
  }
}

}  // namespace
}  // namespace lastseen
