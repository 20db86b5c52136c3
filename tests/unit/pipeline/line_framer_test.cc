#include "pipeline/line_framer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace lastseen {
namespace {

// What a framer gives for bytes that arrive in pieces, as a source would hand them over.
struct Framed {
  std::vector<std::string> lines;
  int too_long = 0;
  size_t consumed = 0;
  bool operator==(const Framed&) const = default;
};

Framed frame_in_pieces(const LineFramer& framer, const std::string& bytes,
                       const std::vector<size_t>& ends, bool at_end) {
  Framed framed;
  bool discarding = false;
  for (const size_t end : ends) {
    const bool last = at_end && end == bytes.size();
    const auto progress = framer.frame(
        std::string_view(bytes).substr(framed.consumed, end - framed.consumed), discarding, last,
        [&](std::string_view line) {
          framed.lines.emplace_back(line);
          return true;
        },
        [&] { ++framed.too_long; });
    framed.consumed += progress.consumed;
    discarding = progress.discarding;
  }
  return framed;
}

Framed frame_whole(const std::string& bytes, size_t line_bytes_max = 100, bool at_end = false) {
  return frame_in_pieces(LineFramer(line_bytes_max), bytes, {bytes.size()}, at_end);
}

TEST(LineFramer, WholeLinesAreGivenAndThePartialLastStays) {
  const Framed framed = frame_whole("one\ntwo\nthr");
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), framed.lines);
  EXPECT_EQ(8u, framed.consumed);
}

TEST(LineFramer, CarriageReturnBelongsToTheLineEnding) {
  EXPECT_EQ((std::vector<std::string>{"one", "", "t\rwo"}),
            frame_whole("one\r\n\r\nt\rwo\n").lines);
}

TEST(LineFramer, AtTheEndOfADeletedFileThePartialLastLineIsALine) {
  const Framed framed = frame_whole("one\ntwo", 100, true);
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), framed.lines);
  EXPECT_EQ(7u, framed.consumed);
}

TEST(LineFramer, LineOfExactlyTheMaximumIsALineAndOneByteMoreIsNot) {
  EXPECT_EQ((std::vector<std::string>{"12345"}), frame_whole("12345\n", 5).lines);
  const Framed framed = frame_whole("123456\nnext\n", 5);
  EXPECT_EQ((std::vector<std::string>{"next"}), framed.lines);
  EXPECT_EQ(1, framed.too_long);
}

TEST(LineFramer, OverLongLineIsAnnouncedOnceHoweverManyChunksItTakes) {
  const std::string bytes = std::string(1000, 'x') + "\nnext\n";
  const Framed framed = frame_in_pieces(LineFramer(10), bytes, {50, 400, 900, 1001, 1006}, false);
  EXPECT_EQ((std::vector<std::string>{"next"}), framed.lines);
  EXPECT_EQ(1, framed.too_long);
  EXPECT_EQ(bytes.size(), framed.consumed);
}

TEST(LineFramer, RefusedLineIsTheFirstOfTheRest) {
  int taken = 0;
  const auto progress = LineFramer(100).frame(
      "one\ntwo\nthree\n", false, false, [&](std::string_view) { return taken++ < 1; }, [] {});
  EXPECT_TRUE(progress.refused);
  EXPECT_EQ(4u, progress.consumed);
}

TEST(LineFramer, AnySplitGivesTheSameLines) {
  Random random(20261122);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (size_t i = random.below(120); i > 0; --i)
      bytes += random.below(6) == 0 ? '\n' : random.below(9) == 0 ? '\r' : 'x';
    const bool at_end = random.below(2) == 0;
    std::vector<size_t> ends;
    for (size_t end = 0; end < bytes.size();)
      ends.push_back(end = std::min<size_t>(bytes.size(), end + 1 + random.below(20)));
    if (ends.empty()) continue;
    const LineFramer framer(7);
    EXPECT_EQ(frame_in_pieces(framer, bytes, {bytes.size()}, at_end).lines,
              frame_in_pieces(framer, bytes, ends, at_end).lines)
        << "round " << round;
    EXPECT_EQ(frame_in_pieces(framer, bytes, {bytes.size()}, at_end).too_long,
              frame_in_pieces(framer, bytes, ends, at_end).too_long)
        << "round " << round;
  }
}

}  // namespace
}  // namespace lastseen
