#include "control/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/human_text.h"
#include "control/status_json.h"
#include "unit/control/fakes.h"
#include "unit/control/golden.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kPid = 4711;

TEST(StatusRead, AnswerReadBackIsTheSameAnswer) {
  const Now now = FakeClock().now();
  const std::string json = status_json(busy_agent(), now, kPid);
  const auto status = read_status(json, now);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ("", status->not_ready);
  EXPECT_EQ(kPid, status->pid);
  AgentSnapshot again = status->snapshot;
  again.store.positions_loaded = true;  // what `not_ready` stands for
  again.flush_interval_ms = busy_agent().flush_interval_ms;
  EXPECT_EQ(json, status_json(again, now, status->pid));
}

TEST(StatusRead, AnythingElseIsNoAnswer) {
  for (const char* text : {"", "{", "[]", "null", "{}", "{\"agent_id\":\"x\"}", "404"})
    EXPECT_FALSE(read_status(text, Now{}).has_value()) << text;
}

TEST(StatusRead, DeepNestingCostsNoStack) {
  EXPECT_FALSE(read_status(std::string(10'000'000, '['), Now{}).has_value());
}

class TopViewTest : public testing::Test {
 protected:
  TopViewTest() {
    AgentSnapshot before = busy_agent();
    view_.before = answer(before, 998'000);
    view_.latest = answer(busy_agent(), 1'000'000);
    LedgerCounts& old = view_.before->snapshot.inputs[0].totals;
    old.lines_read -= 2400;
    old.bytes_read -= 4'200'000;
    old.skipped[0] -= 25;
    view_.before->snapshot.store.batches -= 2;
    view_.before->snapshot.store.rows -= 90;
  }
  static AgentStatus answer(const AgentSnapshot& agent, int64_t mono_ms) {
    AgentStatus status;
    status.version = LASTSEEN_VERSION;
    status.pid = kPid;
    status.snapshot = agent;
    status.snapshot.at_mono_ms = mono_ms;
    return status;
  }
  std::string screen(size_t rows = 0, size_t columns = 0) {
    std::string text;
    for (const TopLine& line : top_screen(view_, FakeClock().now(), rows, columns).lines)
      text += line.text + "\n";
    return text;
  }
  void add_inputs(int count) {
    for (int i = 0; i < count; ++i) {
      InputSnapshot input;
      input.name = "input" + std::to_string(i);
      view_.latest->snapshot.inputs.push_back(input);
    }
  }
  TopView view_;
};

TEST_F(TopViewTest, BusyAgentGivesTheGoldenScreen) {
  EXPECT_EQ(golden("top.txt"), screen());
}

TEST_F(TopViewTest, EveryScreenFitsIntoTheTerminal) {
  add_inputs(30);
  for (size_t rows = 1; rows < 80; ++rows) {
    for (const size_t columns : {1, 20, 79, 80, 200}) {
      const TopScreen shown = top_screen(view_, FakeClock().now(), rows, columns);
      EXPECT_LE(shown.lines.size(), rows);
      for (const TopLine& line : shown.lines) EXPECT_LE(line.text.size(), columns);
    }
  }
}

TEST_F(TopViewTest, LongListIsScrolledToItsEndAndNoFurther) {
  add_inputs(30);  // 63 lines with those of the busy agent
  view_.scroll = 5;
  EXPECT_THAT(screen(20), HasSubstr("lines 6-14 of 63; j and k scroll"));
  view_.scroll = 1000;
  EXPECT_THAT(screen(20), HasSubstr("lines 55-63 of 63"));
  EXPECT_EQ(54u, top_screen(view_, FakeClock().now(), 20, 80).scroll);
  EXPECT_EQ(0u, top_screen(view_, FakeClock().now(), 90, 80).scroll);
}

TEST_F(TopViewTest, RestartedAgentHasNoRatesAtFirst) {
  view_.before->pid = kPid - 1;
  EXPECT_THAT(screen(), HasSubstr("lines    -/s"));
}

TEST_F(TopViewTest, AgentThatDoesNotAnswerLeavesItsLastWordsWithTheirAge) {
  view_.trouble = "no agent listens on /x";
  view_.latest->snapshot.at_mono_ms -= 12'000;
  EXPECT_THAT(screen(), HasSubstr("as of 12.0 s ago: no agent listens on /x\n"));
  view_.latest.reset();
  EXPECT_EQ("lastseen top: waiting for the agent\nno agent listens on /x\n", screen());
}

TEST_F(TopViewTest, TroubleIsSaidAndMarked) {
  view_.latest->not_ready = "the store is not reachable, retrying: gone";
  view_.latest->snapshot.store.state = StoreState::kRetrying;
  const TopScreen shown = top_screen(view_, FakeClock().now(), 0, 0);
  EXPECT_EQ("ready    no: the store is not reachable, retrying: gone", shown.lines[1].text);
  EXPECT_EQ(TopLine::Style::kTrouble, shown.lines[1].style);
}

// A path or an error text is foreign: no escape sequence may reach the terminal.
TEST_F(TopViewTest, ForeignTextCannotMoveTheCursor) {
  view_.latest->snapshot.inputs[0].files[0].path = "/x\x1b[2J";
  view_.latest->not_ready = "\x1b]0;title\x07";
  EXPECT_EQ(std::string::npos, screen().find('\x1b'));
}

TEST(CutToWidth, CountsCharactersNotBytes) {
  EXPECT_EQ("añb", cut_to_width("añbc", 3));
  EXPECT_EQ("añ", cut_to_width("añ", 2));
  EXPECT_EQ("añ", cut_to_width("añ", 0));
}

TEST(HumanText, BytesHaveTheUnitThatSaysMost) {
  EXPECT_EQ("1023 B", bytes_text(1023));
  EXPECT_EQ("1.0 KiB", bytes_text(1024));
  EXPECT_EQ("1.0 MiB", bytes_text((1 << 20) - 1));
  EXPECT_EQ("16384.0 PiB", bytes_text(UINT64_MAX));
}

}  // namespace
}  // namespace lastseen
