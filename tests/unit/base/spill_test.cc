#include "base/spill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lastseen {
namespace {

using ::testing::HasSubstr;

SpilledInput some_input() {
  SpilledInput input;
  input.name = "haproxy";
  input.counts.lines_read = 7;
  input.counts.bytes_read = 700;
  input.counts.skip(SkipReason::kMalformed);
  input.counts.lost[static_cast<size_t>(LossReason::kQueueFull)] = 2;
  input.entries.push_back({"A", 1, 9, 3, 0, true});
  input.entries.push_back({std::string_view("\0\xff", 2), -5, -5, 1, 0, true});
  return input;
}

SpillPart some_part(uint64_t batch) {
  return {batch, encode_part({some_input()})};
}

std::string some_file() {
  const SpillPart first = some_part(41);
  const SpillPart second = some_part(0);
  return encode_spill({"web-1"}, {&first, &second});
}

TEST(Spill, WhatIsWrittenIsRead) {
  const auto parts = decode_spill({"web-1"}, some_file());
  ASSERT_TRUE(parts.is_ok()) << parts.status().message();
  ASSERT_EQ(2u, parts->size());
  EXPECT_EQ(41u, (*parts)[0].batch);
  EXPECT_EQ(0u, (*parts)[1].batch);
  const auto inputs = decode_part((*parts)[0].bytes);
  ASSERT_TRUE(inputs.is_ok());
  const SpilledInput& input = inputs->at(0);
  EXPECT_EQ("haproxy", input.name);
  EXPECT_EQ(some_input().counts, input.counts);
  ASSERT_EQ(2u, input.entries.size());
  EXPECT_EQ("A", input.entries[0].client_id);
  EXPECT_EQ(1, input.entries[0].first_seen_ms);
  EXPECT_EQ(9, input.entries[0].last_seen_ms);
  EXPECT_EQ(3u, input.entries[0].count);
  EXPECT_EQ(std::string_view("\0\xff", 2), input.entries[1].client_id);
  EXPECT_EQ(-5, input.entries[1].first_seen_ms);
}

TEST(Spill, NumbersOfAnotherStoreMeanNothing) {
  const SpillPart part = some_part(41);
  const std::string file = encode_spill({"web-1", "here"}, {&part});
  EXPECT_EQ(41u, (*decode_spill({"web-1", "here"}, file))[0].batch);
  EXPECT_EQ(0u, (*decode_spill({"web-1", "there"}, file))[0].batch);
}

TEST(Spill, NumbersOfTheStoreUnderItsFormerNameAreItsOwn) {
  const SpillPart part = some_part(41);
  const std::string file = encode_spill({"web-1", "before"}, {&part});
  EXPECT_EQ(41u, (*decode_spill({"web-1", "now", "before"}, file))[0].batch);
  EXPECT_EQ(0u, (*decode_spill({"web-1", "now", "other"}, file))[0].batch);
  const std::string nameless = encode_spill({"web-1"}, {&part});
  EXPECT_EQ(0u, (*decode_spill({"web-1", "now"}, nameless))[0].batch);
}

TEST(Spill, CutAtAnyLengthItIsRefused) {
  const std::string file = some_file();
  for (size_t length = 0; length < file.size(); ++length)
    EXPECT_FALSE(decode_spill({"web-1"}, file.substr(0, length)).is_ok()) << length;
  EXPECT_FALSE(decode_spill({"web-1"}, file + '\0').is_ok());
}

TEST(Spill, AnyChangedByteIsNoticed) {
  const std::string file = some_file();
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] ^= 0x10;
    EXPECT_FALSE(decode_spill({"web-1"}, changed).is_ok()) << i;
  }
}

TEST(Spill, RefusalSaysWhatItIs) {
  const std::string file = some_file();
  const auto why = [](std::string_view agent, std::string_view bytes) {
    return decode_spill({std::string(agent)}, bytes).status().message();
  };
  EXPECT_EQ("it belongs to agent_id 'web-1'", why("web-2", file));
  EXPECT_EQ("it is not a spill file", why("web-1", "SQLite format 3"));
  EXPECT_THAT(why("web-1", "lastseen spill 3\n..."), HasSubstr("another version"));
  EXPECT_THAT(why("web-1", file.substr(0, 50)), HasSubstr("torn"));
  EXPECT_EQ(StatusCode::kReject, decode_spill({"web-1"}, "").status().code());
}

TEST(Spill, PartThatDoesNotBalanceIsRefused) {
  SpilledInput input = some_input();
  ++input.counts.lines_read;
  EXPECT_FALSE(decode_part(encode_part({input})).is_ok());
  input = some_input();
  input.entries[0].count = 0;
  EXPECT_FALSE(decode_part(encode_part({input})).is_ok());
  input = some_input();
  input.entries[0].count = UINT64_MAX;  // wraps around to a sum that fits
  input.counts.lines_read = 3;
  EXPECT_FALSE(decode_part(encode_part({input})).is_ok());
  EXPECT_TRUE(decode_part(encode_part({})).is_ok());
}

TEST(Spill, CountsBeyondTheBytesAreNotAllocatedFor) {
  EXPECT_FALSE(decode_part("\xff\xff\xff\xff").is_ok());
  std::string part = encode_part({some_input()});
  for (size_t i = 0; i < part.size(); ++i) {
    std::string changed = part;
    changed[i] = '\xff';
    (void)decode_part(changed).is_ok();  // whatever it says, it says it soon
  }
}

}  // namespace
}  // namespace lastseen
