#include "input_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/recording_log.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

AgentSnapshot with_skips(SkipReason reason, uint64_t skipped, uint64_t lines) {
  AgentSnapshot snapshot;
  InputSnapshot& input = snapshot.inputs.emplace_back();
  input.name = "nginx";
  input.totals.lines_read = lines;
  input.totals.skipped[static_cast<size_t>(reason)] = skipped;
  return snapshot;
}

TEST(InputWarnings, FirstMalformedLinesAreSaidWithParserAndShare) {
  RecordingLog log;
  InputWarnings warnings(std::map<std::string, std::string>{{"nginx", "json"}});
  warnings.look(with_skips(SkipReason::kMalformed, 12, 40), 0, log);
  ASSERT_EQ(1u, log.lines().size());
  EXPECT_THAT(log.lines()[0].text, HasSubstr("lastseen parse"));
  EXPECT_THAT(log.lines()[0].text, HasSubstr("parser=json"));
  EXPECT_THAT(log.lines()[0].text, HasSubstr("lines=12"));
  EXPECT_THAT(log.lines()[0].text, HasSubstr("of=40"));
}

TEST(InputWarnings, MoreOfThemAreSaidAnHourLaterAsTheirNumberSince) {
  RecordingLog log;
  InputWarnings warnings(std::map<std::string, std::string>{});
  warnings.look(with_skips(SkipReason::kLineTooLong, 1, 1), 1000, log);
  warnings.look(with_skips(SkipReason::kLineTooLong, 9, 9), 1000 + kSkipWarningsEveryMs - 1, log);
  EXPECT_EQ(1u, log.lines().size());
  warnings.look(with_skips(SkipReason::kLineTooLong, 10, 10), 1000 + kSkipWarningsEveryMs, log);
  ASSERT_EQ(2u, log.lines().size());
  EXPECT_THAT(log.lines()[1].text, HasSubstr("lines=9"));
}

TEST(InputWarnings, SkipsOfEarlierRunsAndOfClientsAreNotSaid) {
  RecordingLog log;
  InputWarnings warnings(std::map<std::string, std::string>{});
  AgentSnapshot snapshot = with_skips(SkipReason::kMalformed, 12, 40);
  snapshot.inputs[0].before = snapshot.inputs[0].totals;
  warnings.look(snapshot, 0, log);
  warnings.look(with_skips(SkipReason::kNoClientId, 12, 40), 0, log);
  warnings.look(with_skips(SkipReason::kInvalidUtf8, 12, 40), 0, log);
  EXPECT_TRUE(log.lines().empty());
}

TEST(InputWarnings, WhatFeedsLoseIsSaidAtOnceAndThenLaterAsItsNumberSince) {
  RecordingLog log;
  InputWarnings warnings(std::map<std::string, std::string>{});
  AgentSnapshot snapshot;
  snapshot.inputs.emplace_back().name = "haproxy";
  uint64_t& lost = snapshot.inputs[0].totals.lost[static_cast<size_t>(LossReason::kQueueFull)];
  warnings.look(snapshot, 0, log);
  EXPECT_TRUE(log.lines().empty());
  lost = 5;
  warnings.look(snapshot, 1000, log);
  lost = 12;
  warnings.look(snapshot, 1000 + kLossWarningsEveryMs - 1, log);
  warnings.look(snapshot, 1000 + kLossWarningsEveryMs, log);
  warnings.look(snapshot, 1000 + 3 * kLossWarningsEveryMs, log);
  ASSERT_EQ(2u, log.lines().size());
  EXPECT_THAT(log.lines()[0].text, HasSubstr("input=haproxy reason=queue_full lines=5"));
  EXPECT_THAT(log.lines()[1].text, HasSubstr("input=haproxy reason=queue_full lines=7"));
}

TEST(InputWarnings, ConnectionsTurnedAwayAreSaidAgainWhenTheFeedWasMadeAnew) {
  RecordingLog log;
  InputWarnings warnings(std::map<std::string, std::string>{});
  AgentSnapshot snapshot;
  InputSnapshot& input = snapshot.inputs.emplace_back();
  input.files.resize(1);
  input.files[0].refused = 3;
  warnings.look(snapshot, 0, log);
  input.files[0].refused = 1;  // by a reload
  warnings.look(snapshot, 2 * kLossWarningsEveryMs, log);
  input.files[0].refused = 2;
  warnings.look(snapshot, 2 * kLossWarningsEveryMs, log);
  ASSERT_EQ(2u, log.lines().size());
  EXPECT_THAT(log.lines()[0].text, HasSubstr("refused=3"));
  EXPECT_THAT(log.lines()[1].text, HasSubstr("refused=1"));
}

}  // namespace
}  // namespace lastseen
