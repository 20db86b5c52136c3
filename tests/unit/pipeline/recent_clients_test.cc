#include "pipeline/recent_clients.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lastseen {
namespace {

class RecentClientsTest : public testing::Test {
 protected:
  // Screens one sighting as a batch of its own and commits what is left; whether it was sent.
  bool sent(const std::string& id, int64_t seen_ms, int64_t now_ms = 0) {
    Batch batch = batch_of(id, seen_ms);
    recent_.screen(batch, now_ms, false);
    recent_.committed(batch, true);
    return batch.entries[0].upsert;
  }
  static Batch batch_of(const std::string& id, int64_t seen_ms) {
    Batch batch;
    batch.entries.push_back({batch.ids.add(id), seen_ms, seen_ms, 1, 0, true});
    return batch;
  }
  // What an empty batch at that time is given of withheld values.
  std::vector<int64_t> due(int64_t now_ms, bool all = false) {
    Batch batch;
    recent_.screen(batch, now_ms, all);
    recent_.committed(batch, true);
    std::vector<int64_t> seen;
    for (const Entry& entry : batch.entries) {
      EXPECT_EQ(0u, entry.count);
      seen.push_back(entry.last_seen_ms);
    }
    return seen;
  }

  RecentClients recent_{100, 0, 1};
};

class ResolutionTest : public RecentClientsTest {
 protected:
  ResolutionTest() { recent_ = RecentClients(100, 60'000, 1); }
};

TEST_F(RecentClientsTest, WhatIsNotNewerThanTheCommittedValueIsNotSent) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 500));
  EXPECT_TRUE(sent("A", 1001));
  EXPECT_TRUE(sent("B", 1));
}

TEST_F(RecentClientsTest, AfterTheStoreWentBackEverythingIsSentAgain) {
  EXPECT_TRUE(sent("A", 1000));
  recent_.went_back(Batch());
  EXPECT_TRUE(sent("A", 1000));
}

TEST_F(RecentClientsTest, ForgottenClientIsSentAgainWhateverItsTime) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_TRUE(sent("B", 1000));
  recent_.forget_client("A", 1000);
  recent_.forget_client("nobody", 1000);
  ClientView view;
  recent_.look_up("A", view);
  EXPECT_FALSE(view.is_known());
  EXPECT_FALSE(sent("B", 1000));
  EXPECT_TRUE(sent("A", 900));
  recent_.look_up("A", view);
  EXPECT_EQ(900, view.committed_last_seen_ms);
}

TEST_F(ResolutionTest, WhatIsWithheldGoesWithTheRowThatIsForgottenOrAtOnce) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 2000));
  ClientView view;
  recent_.look_up("A", view);
  EXPECT_EQ(1000, view.committed_last_seen_ms);
  EXPECT_EQ(2000, view.pending_last_seen_ms);
  recent_.forget_client("A", 2000);
  EXPECT_EQ(0u, recent_.withheld());
  EXPECT_TRUE(due(1'000'000).empty());
  EXPECT_TRUE(sent("A", 2500));
  EXPECT_FALSE(sent("A", 3000));
  recent_.forget_client("A", 2999);
  EXPECT_EQ((std::vector<int64_t>{3000}), due(1));
}

TEST_F(RecentClientsTest, DistrustSendsEveryClientAgain) {
  EXPECT_TRUE(sent("A", 1000));
  recent_.distrust();
  EXPECT_TRUE(sent("A", 500)) << "older than what the table may have lost";
  EXPECT_FALSE(sent("A", 500));
}

TEST_F(ResolutionTest, DistrustSendsWhatIsWithheldWithTheNextBatch) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 2000));
  recent_.distrust();
  EXPECT_EQ(std::vector<int64_t>{2000}, due(1));
  EXPECT_TRUE(due(2).empty());
}

TEST_F(ResolutionTest, WhatIsWithheldSurvivesAStoreThatWentBack) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 2000));
  recent_.went_back(Batch());
  EXPECT_EQ(std::vector<int64_t>{2000}, due(1));
}

TEST_F(ResolutionTest, WhatWasOnItsWayToAStoreThatWentBackIsWithheldAgain) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 2000));
  Batch dropped = batch_of("B", 1);
  recent_.screen(dropped, 0, true);
  EXPECT_EQ(2u, dropped.entries.size());
  EXPECT_EQ(0u, recent_.withheld());
  recent_.went_back(dropped);
  EXPECT_EQ(1u, recent_.withheld());
  EXPECT_EQ(std::vector<int64_t>{2000}, due(1));
}

TEST_F(ResolutionTest, OlderSightingThatIsSentDoesNotReplaceWhatIsWithheld) {
  EXPECT_TRUE(sent("A", 1000));
  EXPECT_FALSE(sent("A", 2000));
  recent_.distrust();
  Batch older = batch_of("A", 1500);
  recent_.screen(older, 0, false);
  ASSERT_EQ(2u, older.entries.size());
  EXPECT_TRUE(older.entries[0].upsert);
  EXPECT_EQ(2000, older.entries[1].last_seen_ms);
}

TEST_F(RecentClientsTest, ValueThatTheStoreChangedIsNotRemembered) {
  EXPECT_TRUE(sent("A", 1000));
  Batch clamped = batch_of("A", 9000);
  recent_.screen(clamped, 0, false);
  recent_.committed(clamped, false);
  EXPECT_TRUE(sent("A", 2000));
}

TEST_F(RecentClientsTest, MemoryIsBoundedAndForgottenClientsAreSentAgain) {
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(sent("c" + std::to_string(i), 5));
  EXPECT_TRUE(sent("c0", 5));
  EXPECT_FALSE(sent("c999", 5));
}

TEST_F(ResolutionTest, SmallMoveIsWithheldAndALargeOneIsSent) {
  EXPECT_TRUE(sent("A", 100'000));
  EXPECT_FALSE(sent("A", 130'000));
  EXPECT_TRUE(sent("A", 160'000));
}

TEST_F(ResolutionTest, WithheldValueIsSentOnceItsClientHasBeenIdleThatLong) {
  EXPECT_TRUE(sent("A", 100'000, 0));
  EXPECT_FALSE(sent("A", 130'000, 30'000));
  EXPECT_EQ(std::vector<int64_t>{}, due(60'000));
  EXPECT_EQ(std::vector<int64_t>{130'000}, due(90'000));
  EXPECT_EQ(std::vector<int64_t>{}, due(200'000));
}

TEST_F(ResolutionTest, StopSendsWhateverIsWithheld) {
  EXPECT_TRUE(sent("A", 100'000));
  EXPECT_FALSE(sent("A", 100'001));
  EXPECT_EQ(std::vector<int64_t>{100'001}, due(1, true));
  EXPECT_EQ(0u, recent_.withheld());
}

TEST_F(ResolutionTest, ForgettingAGenerationSendsWhatItWithheld) {
  EXPECT_TRUE(sent("A", 100'000));
  EXPECT_FALSE(sent("A", 100'001));
  uint64_t appended = 0;
  for (int i = 0; i < 200; ++i) {
    Batch batch = batch_of("c" + std::to_string(i), 1);
    recent_.screen(batch, 0, false);
    recent_.committed(batch, true);
    appended += batch.entries.size() - 1;
  }
  EXPECT_EQ(1u, appended);
  EXPECT_EQ(0u, recent_.withheld());
}

}  // namespace
}  // namespace lastseen
