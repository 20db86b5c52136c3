// Reading with several threads says exactly what reading with one says.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "pipeline_fixture.h"

namespace lastseen {
namespace {

// The last part is done first, each by another worker than the one before.
class BackwardsWorkers final : public Workers {
 public:
  explicit BackwardsWorkers(size_t count) : count_(count) {}
  size_t count() const override { return count_; }
  void run(size_t parts, const Job& job, const Take& take) override {
    parts_most_ = std::max(parts_most_, parts);
    for (size_t part = parts; part-- > 0;) job(part, part % count_);
    for (size_t part = 0; part < parts && take(part);) ++part;
  }
  size_t parts_most() const { return parts_most_; }

 private:
  size_t count_;
  size_t parts_most_ = 0;
};

// What a batch says, in a form that can be compared and read.
std::string text_of(const Batch& batch) {
  std::string text = "at " + std::to_string(batch.inputs[0].positions[0].position) +
                     (batch.inputs[0].positions[0].discarding ? " discarding" : "") + ", read " +
                     std::to_string(batch.inputs[0].delta.lines_read) + "\n";
  for (const Entry& entry : batch.entries)
    text += std::string(entry.client_id) + " " + std::to_string(entry.first_seen_ms) + " " +
            std::to_string(entry.last_seen_ms) + " " + std::to_string(entry.count) + "\n";
  return text;
}

class PipelineReadTest : public PipelineTest {
 protected:
  // Everything that comes of the text: a batch a paragraph, and the ledger.
  std::string outcome(const std::string& text, std::shared_ptr<Workers> workers) {
    PipelineOptions options;
    options.clients_max = clients_max_;
    options.workers = std::move(workers);
    more_parsers_ = options.workers->count() - 1;
    build(std::move(options));
    load_known();
    sources_[0]->bytes = text;
    sources_[0]->chunk_bytes = chunk_bytes_;
    sources_[0]->over = true;
    std::string all;
    for (int64_t ms = 0; ms < 200'000 && !pipeline_->finished(); ms += 1000) {
      if (const auto batch = step(ms)) {
        all += text_of(*batch);
        commit();
      }
      expect_balanced();
    }
    EXPECT_TRUE(pipeline_->finished());
    const LedgerCounts totals = ledger().totals;
    all += std::to_string(totals.lines_read) + " lines, " + std::to_string(totals.bytes_read) +
           " bytes";
    for (const uint64_t skipped : totals.skipped) all += ", " + std::to_string(skipped);
    return all;
  }

  uint64_t clients_max_ = 100'000;
  size_t chunk_bytes_ = 1 << 20;
};

// Lines with sightings, without, and too long; the last one without its newline.
std::string random_text(uint64_t seed, size_t bytes) {
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < bytes) {
    switch (random() % 16) {
      case 0:
        text += "nothing\r\n";
        break;
      case 1:
        text += std::string(65 + random() % 3000, 'x') + "\n";
        break;
      case 2:
        text += "\n";
        break;
      default:
        text += "c" + std::to_string(random() % 3000) + " " + std::to_string(random() % 900) + "\n";
    }
  }
  return text + "last 7";
}

TEST_F(PipelineReadTest, PiecesSayWhatTheWholeSays) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const std::string text = random_text(seed, 400'000);
    chunk_bytes_ = 110'000 + (seed % 4) * 100'000;  // so that one turn reads it all
    const std::string alone = outcome(text, std::make_shared<NoWorkers>());
    const auto workers = std::make_shared<BackwardsWorkers>(2 + seed % 3);
    EXPECT_EQ(alone, outcome(text, workers)) << "seed " << seed;
    EXPECT_GT(workers->parts_most(), workers->count());
  }
}

TEST_F(PipelineReadTest, ALineThatFindsNoRoomEndsWhatIsCountedInWhicheverPieceItIs) {
  const std::string text = random_text(99, 400'000);
  for (const uint64_t clients_max : {100u, 500u, 2000u, 3700u}) {
    clients_max_ = clients_max;
    const std::string alone = outcome(text, std::make_shared<NoWorkers>());
    EXPECT_EQ(alone, outcome(text, std::make_shared<BackwardsWorkers>(4))) << clients_max;
  }
}

TEST_F(PipelineReadTest, MoreLinesThanFitAreTakenInTheNextRound) {
  std::string text;
  for (size_t line = 0; line < 10 * ParsedLines::kLinesMax; ++line) text += "a 1\n";
  const std::string alone = outcome(text, std::make_shared<NoWorkers>());
  EXPECT_THAT(alone, testing::HasSubstr("a 1 1 40960\n"));
  EXPECT_EQ(alone, outcome(text, std::make_shared<BackwardsWorkers>(2)));
}

TEST_F(PipelineReadTest, ALineLongerThanEveryPieceIsReadAlone) {
  const std::string text = "a 1\n" + std::string(300'000, 'y') + "\nb 2\n";
  const std::string alone = outcome(text, std::make_shared<NoWorkers>());
  EXPECT_EQ(alone, outcome(text, std::make_shared<BackwardsWorkers>(3)));
}

}  // namespace
}  // namespace lastseen
