// `ingest.threads`: the threads that parse beside ingest.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/workers.h"

namespace lastseen {

/// `count` - 1 threads, and the caller's. They sleep while there is no job: an idle agent wakes up
/// no more often than with one thread.
class WorkerThreads final : public Workers {
 public:
  explicit WorkerThreads(size_t count);
  ~WorkerThreads() override;

  size_t count() const override { return threads_.size() + 1; }
  void run(size_t parts, const Job& job, const Take& take) override;

 private:
  using Flag = std::atomic<uint32_t>;

  void wait_while(const Flag& value, uint32_t old) const;
  void work(size_t worker);
  bool do_one(size_t worker);

  const int spins_;

  // A round is one run(). What is not atomic is written between rounds.
  Flag round_{0};
  Flag at_work_{0};           // threads that are not through with the round
  const Job* job_ = nullptr;  // null: end
  size_t parts_ = 0;
  std::atomic<size_t> next_part_{0};
  std::vector<std::unique_ptr<Flag>> done_;  // of each part; each in a piece of memory of its own
  std::vector<std::thread> threads_;
};

}  // namespace lastseen
