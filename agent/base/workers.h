// Work that is done on several threads at once. Whoever has such work gets its threads from
// outside, so that tests and the simulation bring their own order.
#pragma once

#include <cstddef>
#include <functional>

namespace lastseen {

/// Fork and join. Used by one thread at a time.
class Workers {
 public:
  /// Does one part. `worker` < count(): no two jobs of the same one run at the same time.
  using Job = std::function<void(size_t part, size_t worker)>;
  /// Takes what a job made of one part. False: nobody wants the parts behind it.
  using Take = std::function<bool(size_t part)>;

  virtual ~Workers() = default;
  /// How many are at work at once, the caller's thread included; at least 1.
  virtual size_t count() const = 0;
  /// Calls job(0) … job(parts - 1), each once, in any order and on any thread, and beside that on
  /// the caller's thread take(0), take(1), … in their order, each as soon as its job has returned.
  /// Returns when all of that is over; after a take() that gave false jobs may be left out. Neither
  /// may throw.
  virtual void run(size_t parts, const Job& job, const Take& take) = 0;
};

/// The caller's thread alone.
class NoWorkers final : public Workers {
 public:
  size_t count() const override { return 1; }
  void run(size_t parts, const Job& job, const Take& take) override {
    for (size_t part = 0; part < parts; ++part) {
      job(part, 0);
      if (!take(part)) return;
    }
  }
};

}  // namespace lastseen
