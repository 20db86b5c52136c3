#include "base/tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TappedLine sighting(std::string_view client, std::string_view input = "nginx") {
  return {input, "", std::nullopt, client, 1'790'000'000'123};
}

TappedLine skip(SkipReason reason, std::string_view text) {
  return {"nginx", text, reason};
}

size_t lines_in(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Tap, SightingsAreShownAndNeverTheirLine) {
  Taps taps;
  EXPECT_FALSE(taps.any());
  const auto queue = taps.open({});
  EXPECT_TRUE(taps.any());
  taps.offer(sighting("A\"B"));
  taps.offer(skip(SkipReason::kNoClientId, "x"));
  EXPECT_EQ("{\"input\":\"nginx\",\"client_id\":\"A\\\"B\",\"ts\":\"2026-09-21T14:13:20.123Z\"}\n",
            queue->take());
  EXPECT_EQ("", queue->take());
}

TEST(Tap, SkippedLinesAreShownWithTheirReasonFitForATerminal) {
  Taps taps;
  const auto all = taps.open({.skipped = true});
  const auto one = taps.open({.skipped = true, .reason = SkipReason::kMalformed});
  taps.offer(sighting("A"));
  taps.offer(skip(SkipReason::kMalformed, "\x1b[2J\xff"));
  taps.offer(skip(SkipReason::kNoTime, std::string(kTapTextBytesMax + 1, 'x')));
  const std::string shown = all->take();
  EXPECT_EQ(2u, lines_in(shown));
  EXPECT_THAT(shown, HasSubstr("\"skipped\":\"malformed\",\"line\":\"\\\\x1B[2J\\\\xFF\""));
  EXPECT_THAT(shown, HasSubstr("\"cut_to_bytes\":4096"));
  EXPECT_EQ(1u, lines_in(one->take()));
}

TEST(Tap, FiltersByInputAndClient) {
  Taps taps;
  const auto input = taps.open({.input = "envoy"});
  const auto client = taps.open({.client_id = "B"});
  taps.offer(sighting("A", "nginx"));
  taps.offer(sighting("A", "envoy"));
  taps.offer(sighting("B", "nginx"));
  EXPECT_THAT(input->take(), HasSubstr("\"envoy\",\"client_id\":\"A\""));
  EXPECT_THAT(client->take(), Not(HasSubstr("\"A\"")));
}

TEST(Tap, WhatASlowReaderMissesIsCountedAndToldInItsPlace) {
  Taps taps;
  const auto queue = taps.open({});
  for (size_t i = 0; i < kTapLinesMax + 7; ++i) taps.offer(sighting("A"));
  const std::string shown = queue->take();
  EXPECT_EQ(kTapLinesMax + 1, lines_in(shown));
  EXPECT_TRUE(shown.ends_with("\n{\"not_shown\":7}\n")) << shown.substr(shown.size() - 100);
  taps.offer(sighting("B"));
  EXPECT_EQ(1u, lines_in(queue->take()));
}

TEST(Tap, EndsWhenNobodyHoldsIt) {
  Taps taps;
  auto queue = taps.open({});
  queue.reset();
  taps.offer(sighting("A"));
  EXPECT_FALSE(taps.any());
}

TEST(Tap, OnlySoManyAtOnce) {
  Taps taps;
  std::vector<std::shared_ptr<TapQueue>> queues;
  for (size_t i = 0; i < kTapsMax; ++i) queues.push_back(taps.open({}));
  EXPECT_EQ(nullptr, taps.open({}));
  queues.pop_back();
  EXPECT_NE(nullptr, taps.open({}));
}

}  // namespace
}  // namespace lastseen
