#include "base/worker_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

namespace lastseen {
namespace {

TEST(WorkerThreads, EachPartIsDoneOnceAndTakenInItsOrder) {
  WorkerThreads workers(4);
  for (size_t round = 0; round < 1000; ++round) {
    const size_t parts = round % 17;
    std::vector<int> done(parts, 0);  // plain ints: whatever a job wrote must be seen by take
    std::vector<size_t> taken;
    workers.run(
        parts, [&](size_t part, size_t) { ++done[part]; },
        [&](size_t part) {
          EXPECT_EQ(1, done[part]);
          taken.push_back(part);
          return true;
        });
    std::vector<size_t> expected(parts);
    std::iota(expected.begin(), expected.end(), 0);
    ASSERT_EQ(expected, taken) << "round " << round;
  }
}

TEST(WorkerThreads, NoTwoJobsOfOneWorkerRunAtOnce) {
  WorkerThreads workers(3);
  std::vector<std::atomic<int>> busy(workers.count());
  for (int round = 0; round < 400; ++round)
    workers.run(
        12,
        [&](size_t, size_t worker) {
          ASSERT_LT(worker, busy.size());
          EXPECT_EQ(1, ++busy[worker]);
          --busy[worker];
        },
        [](size_t) { return true; });
}

TEST(WorkerThreads, AfterARefusalNothingIsTakenAndTheNextRoundIsWhole) {
  WorkerThreads workers(2);
  for (int round = 0; round < 400; ++round) {
    size_t taken = 0;
    workers.run(
        8, [](size_t, size_t) {}, [&](size_t) { return ++taken < 3; });
    EXPECT_EQ(3u, taken);
    std::atomic<int> done{0};
    workers.run(
        8, [&](size_t, size_t) { ++done; }, [](size_t) { return true; });
    EXPECT_EQ(8, done);
  }
}

TEST(WorkerThreads, ThreadsThatNeverHadAJobEnd) {
  const WorkerThreads workers(8);
  EXPECT_EQ(8u, workers.count());
}

}  // namespace
}  // namespace lastseen
