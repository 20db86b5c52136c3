#include "base/worker_threads.h"

namespace lastseen {

namespace {

// How often a thread looks before it sleeps, some 200 µs: while a log is caught up with, the next
// round comes sooner than a sleeping thread would be awake, in a virtual machine above all. Not
// where another of them could have the core meanwhile.
constexpr int kSpins = 20'000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// Returns when the value is not `old` any more.
void WorkerThreads::wait_while(const Flag& value, uint32_t old) const {
  for (int spin = 0; spin < spins_; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

WorkerThreads::WorkerThreads(size_t count)
    : spins_(count <= std::thread::hardware_concurrency() ? kSpins : 0) {
  for (size_t worker = 1; worker < count; ++worker)
    threads_.emplace_back([this, worker] { work(worker); });
}

WorkerThreads::~WorkerThreads() {
  job_ = nullptr;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerThreads::run(size_t parts, const Job& job, const Take& take) {
  if (parts == 0) return;
  while (done_.size() < parts) done_.push_back(std::make_unique<Flag>());
  for (auto& done : done_) done->store(0, std::memory_order_relaxed);
  next_part_.store(0, std::memory_order_relaxed);
  job_ = &job;
  parts_ = parts;
  const bool alone = parts == 1;  // not worth waking anyone
  if (!alone) {
    // All of them take part, so that none is still in this round when the next one begins.
    at_work_.store(static_cast<uint32_t>(threads_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  for (size_t part = 0; part < parts; ++part) {
    while (done_[part]->load(std::memory_order_acquire) == 0)
      if (!do_one(0)) wait_while(*done_[part], 0);
    if (!take(part)) break;
  }
  next_part_.store(parts, std::memory_order_relaxed);
  if (alone) return;
  for (uint32_t left; (left = at_work_.load(std::memory_order_acquire)) != 0;)
    wait_while(at_work_, left);
}

// Does the next part that nobody does; false: there is none.
bool WorkerThreads::do_one(size_t worker) {
  const size_t part = next_part_.fetch_add(1, std::memory_order_relaxed);
  if (part >= parts_) return false;
  (*job_)(part, worker);
  // Not `release`: on x86-64 the store could then wait in its buffer until notify_one() has looked
  // whether anybody sleeps, and who goes to sleep meanwhile would never be woken.
  done_[part]->store(1, std::memory_order_seq_cst);
  done_[part]->notify_one();
  return true;
}

void WorkerThreads::work(size_t worker) {
  for (uint32_t round = 0;;) {
    wait_while(round_, round);
    ++round;
    if (job_ == nullptr) return;
    while (do_one(worker)) {
    }
    if (at_work_.fetch_sub(1, std::memory_order_acq_rel) == 1) at_work_.notify_one();
  }
}

}  // namespace lastseen
