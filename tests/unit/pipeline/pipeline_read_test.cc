// Reading with several threads says exactly what reading with one says.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>

#include "fakes/backwards_workers.h"
#include "pipeline_fixture.h"

namespace lastseen {
namespace {

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
    options.piece_bytes = piece_bytes_;
    options.workers = std::move(workers);
    more_parsers_ = options.workers->count() - 1;
    build(std::move(options));
    load_known();
    sources_[0]->bytes = text;
    sources_[0]->chunk_bytes = chunk_bytes_;
    sources_[0]->over = true;
    sources_[0]->on_pread = on_pread_;
    std::string all;
    clients_.clear();
    for (int64_t ms = 0; ms < 200'000 && !pipeline_->finished(); ms += 1000) {
      if (const auto batch = step(ms)) {
        all += text_of(*batch);
        for (const Entry& entry : batch->entries) merge(entry);
        commit();
      }
      expect_balanced();
    }
    EXPECT_TRUE(pipeline_->finished());
    stretches_ = sources_[0]->stretches;
    const LedgerCounts totals = ledger().totals;
    all += std::to_string(totals.lines_read) + " lines, " + std::to_string(totals.bytes_read) +
           " bytes";
    for (const uint64_t skipped : totals.skipped) all += ", " + std::to_string(skipped);
    totals_ = all.substr(all.rfind('\n') + 1);
    return all;
  }
  // What comes of it all together, in however many batches.
  std::string sum(const std::string& text, std::shared_ptr<Workers> workers) {
    outcome(text, std::move(workers));
    std::string all = totals_;
    for (const auto& [id, client] : clients_)
      all += "\n" + id + " " + std::to_string(client.first_seen_ms) + " " +
             std::to_string(client.last_seen_ms) + " " + std::to_string(client.count);
    return all;
  }
  void merge(const Entry& entry) {
    const auto [at, fresh] = clients_.try_emplace(std::string(entry.client_id), entry);
    Entry& client = at->second;
    client.client_id = {};  // the batch owned it
    if (fresh) return;
    client.first_seen_ms = std::min(client.first_seen_ms, entry.first_seen_ms);
    client.last_seen_ms = std::max(client.last_seen_ms, entry.last_seen_ms);
    client.count += entry.count;
  }

  std::map<std::string, Entry> clients_;
  std::string totals_;
  uint64_t clients_max_ = 100'000;
  size_t chunk_bytes_ = 1 << 20;
  size_t piece_bytes_ = 1 << 20;  // no stretches, unless it is less
  std::function<Status()> on_pread_;
  int stretches_ = 0;
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

TEST_F(PipelineReadTest, PiecesThatWorkersReadSayWhatTheWholeSays) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    const std::string text = random_text(seed, 400'000);
    const std::string alone = sum(text, std::make_shared<NoWorkers>());
    chunk_bytes_ = 1000;  // of what is read apart from them
    piece_bytes_ = seed % 2 == 0 ? 700 + seed : 9000;
    EXPECT_TRUE(alone == sum(text, std::make_shared<BackwardsWorkers>(2 + seed % 3))) << seed;
    EXPECT_GE(stretches_, 1);
    chunk_bytes_ = piece_bytes_ = 1 << 20;
  }
}

TEST_F(PipelineReadTest, APieceOfAStretchThatFindsNoRoomIsCountedLineByLine) {
  const std::string text = random_text(99, 400'000);
  for (const uint64_t clients_max : {100u, 500u, 2000u, 3700u}) {
    clients_max_ = clients_max;
    const std::string alone = sum(text, std::make_shared<NoWorkers>());
    chunk_bytes_ = 3000;
    piece_bytes_ = 1000;
    EXPECT_TRUE(alone == sum(text, std::make_shared<BackwardsWorkers>(3))) << clients_max;
    EXPECT_GE(stretches_, 1);
    chunk_bytes_ = piece_bytes_ = 1 << 20;
  }
}

TEST_F(PipelineReadTest, APieceThatCannotBeReadIsReadAgain) {
  const std::string text = random_text(7, 400'000);
  const std::string alone = sum(text, std::make_shared<NoWorkers>());
  chunk_bytes_ = 1000;
  piece_bytes_ = 2000;
  int calls = 0;
  on_pread_ = [&] { return ++calls % 7 == 0 ? Status::retry("the disk is gone") : Status::ok(); };
  EXPECT_TRUE(alone == sum(text, std::make_shared<BackwardsWorkers>(2)));
  EXPECT_GT(calls, 50);
}

TEST_F(PipelineReadTest, AFileThatIsCutWhileItIsReadEndsWhatIsCountedWithALine) {
  const std::string text = random_text(8, 400'000);
  chunk_bytes_ = 1000;
  piece_bytes_ = 2000;
  int calls = 0;
  on_pread_ = [&] {
    if (++calls == 40) sources_[0]->bytes.resize(85'000);
    return Status::ok();
  };
  const std::string cut = sum(text, std::make_shared<BackwardsWorkers>(2));
  on_pread_ = nullptr;
  piece_bytes_ = 1 << 20;
  EXPECT_TRUE(cut == sum(text.substr(0, 85'000), std::make_shared<NoWorkers>()));
}

TEST_F(PipelineReadTest, MoreLinesThanFitIntoAPieceOfAStretchAreReadAgain) {
  std::string text;
  for (size_t line = 0; line < 40 * ParsedLines::kPassingLinesMax; ++line) text += "a 1\n";
  chunk_bytes_ = 1000;
  piece_bytes_ = 5 * ParsedLines::kPassingLinesMax;
  int reads = 0;
  on_pread_ = [&] { return ++reads, Status::ok(); };
  EXPECT_THAT(sum(text, std::make_shared<BackwardsWorkers>(2)),
              testing::HasSubstr("\na 1 1 327680"));
  EXPECT_GE(stretches_, 1);
  EXPECT_LT(reads, 200);  // once that is known, a piece has as many bytes as have room
}

TEST_F(PipelineReadTest, WhileLinesFindNoRoomNothingIsReadInVain) {
  std::string text;
  for (int line = 0; line < 10'000; ++line) text += "c" + std::to_string(line) + " 1\n";
  clients_max_ = 100;
  chunk_bytes_ = 3000;
  piece_bytes_ = 1000;
  const auto workers = std::make_shared<BackwardsWorkers>(4);
  outcome(text, workers);
  EXPECT_LE(stretches_, 1);
}

}  // namespace
}  // namespace lastseen
