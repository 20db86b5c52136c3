#include "pipeline/spill_keeper.h"

#include <gtest/gtest.h>

#include "base/batch.h"

namespace lastseen {
namespace {

// A feed whose sightings all name one client, counted.
std::vector<SpilledInput> brought(uint64_t lines) {
  if (lines == 0) return {};
  SpilledInput input;
  input.name = "feed";
  input.counts.lines_read = lines;
  input.entries.push_back({"A", 1, 1, lines, 0, true});
  return {input};
}

class SpillKeeperTest : public testing::Test {
 protected:
  static Now at(int64_t ms) { return {ms, ms}; }

  // A step of the pipeline; carries out what the keeper orders, and tells whether it did.
  bool step(int64_t ms, bool sealing = false) {
    if (sealing) {
      keeper_.sealed(brought(pending_), at(ms));
      pending_ = 0;
    }
    const auto order =
        keeper_.order(at(ms), sealing, pending_ > 0, lines_, [&] { return brought(pending_); });
    if (!order) return false;
    superseded_ = order->supersedes;
    if (order->bytes) {
      file_ = decode_spill({"agent"}, *order->bytes);
    } else {
      file_.reset();
    }
    keeper_.done(SpillResult::kDone, at(ms));
    return true;
  }
  void bring(uint64_t lines) {
    pending_ += lines;
    lines_ += lines;
  }
  // "41:3 42:1": the parts of the file with their batches and lines.
  std::string file() const {
    if (!file_) return "none";
    std::string text;
    for (const SpillPart& part : **file_) {
      const auto inputs = *decode_part(part.bytes);
      text += (text.empty() ? "" : " ") + std::to_string(part.batch) + ":" +
              std::to_string(inputs.at(0).counts.lines_read);
    }
    return text;
  }

  SpillKeeper keeper_{{"agent"}, 1000, at(0)};
  uint64_t pending_ = 0;
  uint64_t lines_ = 0;
  std::optional<Result<std::vector<SpillPart>>> file_;
  bool superseded_ = false;
};

TEST_F(SpillKeeperTest, NothingIsWrittenWhileCommitsComeInTime) {
  keeper_.positions_known(40);
  for (int64_t ms = 0; ms < 10'000; ms += 1000) {
    bring(1);
    EXPECT_FALSE(step(ms, true));
    EXPECT_FALSE(step(ms + 999));
    keeper_.committed();
  }
}

TEST_F(SpillKeeperTest, LateCommitMakesAFileThatNamesBothBatches) {
  keeper_.positions_known(40);
  bring(3);
  step(0, true);
  bring(1);
  EXPECT_FALSE(step(999));
  EXPECT_EQ(1000, keeper_.next_mono_ms(true, lines_));
  EXPECT_TRUE(step(1000));
  EXPECT_EQ("41:3 42:1", file());
  bring(1);
  EXPECT_FALSE(step(1999));  // at most once a second
  EXPECT_TRUE(step(2000));
  EXPECT_EQ("41:3 42:2", file());
  EXPECT_FALSE(step(5000));  // nothing new
}

TEST_F(SpillKeeperTest, FileGoesWhenAllOfItIsCommitted) {
  keeper_.positions_known(40);
  bring(3);
  step(0, true);
  bring(1);
  step(1000);
  keeper_.committed();
  EXPECT_FALSE(step(1001));  // of batch 42 nothing is committed yet
  step(1002, true);
  keeper_.committed();
  EXPECT_TRUE(step(1003));
  EXPECT_EQ("none", file());
}

TEST_F(SpillKeeperTest, LateBatchOfFilesAloneKeepsFeedsSafeToo) {
  keeper_.positions_known(40);
  step(0, true);
  bring(2);
  EXPECT_TRUE(step(1000));
  EXPECT_EQ("42:2", file());
}

TEST_F(SpillKeeperTest, BeforePositionsAreKnownNoBatchIsNamed) {
  bring(2);
  EXPECT_FALSE(step(999));
  EXPECT_TRUE(step(1000));
  EXPECT_EQ("0:2", file());
}

TEST_F(SpillKeeperTest, WithoutANumberItIsRewrittenBeforeItsContentGoesOut) {
  bring(2);
  step(1000);
  keeper_.positions_known(7);
  EXPECT_FALSE(step(1001));
  EXPECT_TRUE(step(1002, true));
  EXPECT_TRUE(superseded_);
  EXPECT_EQ("8:2", file());
  keeper_.committed();
  EXPECT_TRUE(step(1003));
  EXPECT_EQ("none", file());
}

TEST_F(SpillKeeperTest, OfAFileThatWasFoundOnlyWhatIsNotCommittedIsTakenIn) {
  keeper_.found({{41, encode_part(brought(1))}, {42, encode_part(brought(2))}, {0, "x"}});
  const auto again = keeper_.positions_known(41);
  ASSERT_EQ(2u, again.size());
  EXPECT_EQ(42u, again[0].batch);
  EXPECT_EQ(0u, again[1].batch);
}

TEST_F(SpillKeeperTest, ChangeOfPositionsByHandCommitsNothingOfAFile) {
  keeper_.found({{41, encode_part(brought(1))}, {42, encode_part(brought(2))}});
  const auto again = keeper_.positions_known(2 * kChangedByHand + 41);
  ASSERT_EQ(1u, again.size());
  EXPECT_EQ(42u, again[0].batch);
}

TEST_F(SpillKeeperTest, FileFromAfterAChangeByHandIsAskedAboutByItsBatches) {
  const auto part = [](uint64_t batch) { return SpillPart{batch, encode_part(brought(1))}; };
  keeper_.found({part(kChangedByHand + 41), part(kChangedByHand + 42)});
  EXPECT_EQ(1u, keeper_.positions_known(kChangedByHand + 41).size());
  keeper_.found({part(kChangedByHand + 41), part(kChangedByHand + 42)});
  EXPECT_EQ(2u, keeper_.positions_known(40).size()) << "the store of before the change is back";
}

TEST_F(SpillKeeperTest, FileThatIsAllCommittedGoesAtOnce) {
  keeper_.found({{41, encode_part(brought(1))}});
  EXPECT_TRUE(keeper_.positions_known(41).empty());
  EXPECT_TRUE(step(0));
  EXPECT_EQ("none", file());
}

TEST_F(SpillKeeperTest, FoundPartsStayInTheFileUntilPositionsAreKnown) {
  keeper_.found({{41, encode_part(brought(1))}});
  EXPECT_FALSE(step(5000));
  bring(2);
  EXPECT_TRUE(step(6000));
  EXPECT_EQ("41:1 0:2", file());
}

TEST_F(SpillKeeperTest, StoreThatWentBackVoidsTheBatchAndItsNumber) {
  keeper_.positions_known(40);
  bring(3);
  step(0, true);
  step(1000);
  EXPECT_EQ("41:3", file());
  const auto again = keeper_.positions_known(12);
  ASSERT_EQ(1u, again.size());
  pending_ = 3;  // the pipeline takes it in again
  EXPECT_TRUE(step(1001, true));
  EXPECT_EQ("13:3", file());
}

TEST_F(SpillKeeperTest, StoreThatHasTheBatchAfterAllKeepsIt) {
  keeper_.positions_known(40);
  bring(3);
  step(0, true);
  step(1000);
  EXPECT_TRUE(keeper_.positions_known(41).empty());
}

TEST_F(SpillKeeperTest, SaveWritesAtOnceAndOnlyWhatIsNew) {
  keeper_.positions_known(40);
  bring(1);
  EXPECT_FALSE(keeper_.saved(true, lines_));
  keeper_.save();
  EXPECT_TRUE(step(1));
  EXPECT_EQ("41:1", file());
  EXPECT_TRUE(keeper_.saved(true, lines_));
  EXPECT_FALSE(step(2));
}

TEST_F(SpillKeeperTest, AFileThatCannotBeReplacedStillHoldsWhatWasPendingThen) {
  keeper_.positions_known(40);
  EXPECT_EQ(0u, keeper_.saved_sightings());
  bring(3);
  step(0, true);
  bring(2);
  step(1000);
  EXPECT_EQ("41:3 42:2", file());
  bring(7);
  const auto encode = [] { return brought(9); };
  ASSERT_TRUE(keeper_.order(at(2000), false, true, lines_, encode).has_value());
  keeper_.done(SpillResult::kFailed, at(2000));
  EXPECT_EQ(5u, keeper_.saved_sightings());
  keeper_.committed();
  EXPECT_EQ(2u, keeper_.saved_sightings());
  keeper_.moved(70);
  EXPECT_EQ(2u, keeper_.saved_sightings());
}

TEST_F(SpillKeeperTest, WhatWasFoundIsPendingOnceItIsKnownToBe) {
  keeper_.found({{41, encode_part(brought(1))}, {42, encode_part(brought(4))}});
  EXPECT_EQ(0u, keeper_.saved_sightings());
  bring(2);
  EXPECT_TRUE(step(6000));
  EXPECT_EQ(2u, keeper_.saved_sightings());
  keeper_.positions_known(41);
  EXPECT_EQ(6u, keeper_.saved_sightings());
}

TEST_F(SpillKeeperTest, FailureIsTriedAgainAfterTheInterval) {
  keeper_.positions_known(40);
  bring(1);
  keeper_.sealed(brought(1), at(0));
  const auto encode = [] { return brought(0); };
  ASSERT_TRUE(keeper_.order(at(1000), false, false, 1, encode).has_value());
  keeper_.done(SpillResult::kFailed, at(1000));
  EXPECT_FALSE(keeper_.order(at(1999), false, false, 1, encode).has_value());
  EXPECT_TRUE(keeper_.order(at(2000), false, false, 1, encode).has_value());
}

}  // namespace
}  // namespace lastseen
