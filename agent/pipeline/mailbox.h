// One slot between two threads. With one batch in flight at most, no queue is needed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/clock.h"

namespace lastseen {

/// Thread-safe. One thread puts, another takes.
template <typename T>
class Mailbox {
 public:
  /// The protocol between the two threads makes sure that the slot is free.
  void put(T item) {
    {
      std::lock_guard lock(mutex_);
      CHECK(!slot_.has_value());
      slot_ = std::move(item);
    }
    changed_.notify_one();
  }

  std::optional<T> take() {
    std::lock_guard lock(mutex_);
    std::optional<T> item = std::move(slot_);
    slot_.reset();
    return item;
  }

  /// Waits until something is in the slot, poke() was called, or `timeout_ms` have passed.
  void wait(int64_t timeout_ms) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return slot_.has_value() || poked_; };
    if (timeout_ms == kNever) {
      changed_.wait(lock, ready);
    } else {
      changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
    }
    poked_ = false;
  }

  /// Ends a wait(), or the next one at once.
  void poke() {
    {
      std::lock_guard lock(mutex_);
      poked_ = true;
    }
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> slot_;
  bool poked_ = false;
};

}  // namespace lastseen
