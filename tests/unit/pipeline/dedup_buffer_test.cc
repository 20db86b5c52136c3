#include "pipeline/dedup_buffer.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace lastseen {
namespace {

constexpr uint64_t kSeed = 7;

TEST(DedupBuffer, SightingsOfOneClientBecomeOneEntryWithOldestNewestAndCount) {
  ClientBudget budget(10);
  DedupBuffer buffer(3, budget, kSeed);
  for (const int64_t seen : {200, 100, 300}) ASSERT_TRUE(buffer.add("A", seen, 10));
  Batch batch;
  buffer.seal_into(batch);
  ASSERT_EQ(1u, batch.entries.size());
  const Entry& entry = batch.entries[0];
  EXPECT_EQ("A", entry.client_id);
  EXPECT_EQ(100, entry.first_seen_ms);
  EXPECT_EQ(300, entry.last_seen_ms);
  EXPECT_EQ(3u, entry.count);
  EXPECT_EQ(3u, entry.input);
}

TEST(DedupBuffer, NewClientIsRefusedAtTheLimitAndKnownOnesAreStillMerged) {
  ClientBudget budget(2);
  DedupBuffer buffer(0, budget, kSeed);
  ASSERT_TRUE(buffer.add("A", 1, 2));
  ASSERT_TRUE(buffer.add("B", 1, 2));
  EXPECT_FALSE(buffer.add("C", 1, 2));
  EXPECT_TRUE(buffer.add("A", 2, 2));
  EXPECT_EQ(3u, buffer.sightings());
}

TEST(DedupBuffer, SealedClientsKeepTheirBudgetUntilItIsGivenBack) {
  ClientBudget budget(1);
  DedupBuffer buffer(0, budget, kSeed);
  ASSERT_TRUE(buffer.add("A", 1, 1));
  Batch batch;
  buffer.seal_into(batch);
  EXPECT_FALSE(buffer.add("B", 1, 1));
  budget.give_back(batch.entries.size());
  EXPECT_TRUE(buffer.add("B", 1, 1));
}

TEST(DedupBuffer, BudgetIsSharedBetweenInputs) {
  ClientBudget budget(1);
  DedupBuffer one(0, budget, kSeed);
  DedupBuffer two(1, budget, kSeed);
  ASSERT_TRUE(one.add("A", 1, 1));
  EXPECT_FALSE(two.add("A", 1, 1));
}

TEST(DedupBuffer, IdsInASealedBatchOutliveTheBufferAndLaterSightings) {
  Batch batch;
  {
    ClientBudget budget(100'000);
    DedupBuffer buffer(0, budget, kSeed);
    for (int i = 0; i < 20'000; ++i)
      ASSERT_TRUE(buffer.add("client-" + std::to_string(i), i, 100'000));
    buffer.seal_into(batch);
    ASSERT_TRUE(buffer.add("other", 1, 100'000));
  }
  ASSERT_EQ(20'000u, batch.entries.size());
  EXPECT_EQ("client-0", batch.entries[0].client_id);
  EXPECT_EQ("client-19999", batch.entries[19'999].client_id);
}

TEST(DedupBuffer, AgreesWithAMapOnRandomSightings) {
  Random random(1);
  ClientBudget budget(1'000'000);
  DedupBuffer buffer(0, budget, kSeed);
  for (int round = 0; round < 5; ++round) {
    std::map<std::string, std::pair<int64_t, uint64_t>> model;
    for (int i = 0; i < 30'000; ++i) {
      // Lengths around the hash's word sizes, and ids that share long beginnings.
      std::string id(random.below(40), 'a');
      id += std::to_string(random.below(500));
      const int64_t seen = static_cast<int64_t>(random.below(1000));
      auto& [last, count] = model[id];
      last = std::max(last, seen);
      ++count;
      ASSERT_TRUE(buffer.add(id, seen, 1'000'000));
    }
    Batch batch;
    buffer.seal_into(batch);
    ASSERT_EQ(model.size(), batch.entries.size());
    for (const Entry& entry : batch.entries) {
      const auto& [last, count] = model.at(std::string(entry.client_id));
      EXPECT_EQ(last, entry.last_seen_ms);
      EXPECT_EQ(count, entry.count);
    }
    budget.give_back(batch.entries.size());
  }
  EXPECT_EQ(0u, budget.used());
}

}  // namespace
}  // namespace lastseen
