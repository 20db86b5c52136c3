// Between the thread that receives a feed and the ingest thread: whole records, in order, bounded.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ledger.h"

namespace lastseen {

/// Records one behind the other.
struct FeedBlock {
  std::string bytes;
  std::vector<uint32_t> ends;  ///< Where each record ends in `bytes`.
};

/// What a feed says of itself for status.
struct FeedNumbers {
  uint64_t records = 0;      ///< Put in since start.
  uint64_t bytes = 0;        ///< Of these.
  uint64_t connections = 0;  ///< Open now.
  uint64_t refused = 0;      ///< Connections turned away since start.
  std::string trouble;       ///< Why nothing can be received; empty: all is well.
  bool listening = false;
  bool ended = false;  ///< Nothing will ever be put in again.
};

/// Thread-safe: one thread puts, one takes. A record is copied in once and read in place; the lock
/// is held for that copy, or for a swap.
class FeedQueue {
 public:
  /// `bytes_max`: what may wait here. `wake`: ends the taker's wait; called only after arm().
  FeedQueue(size_t bytes_max, std::function<void()> wake);

  // --- the side that puts ---

  /// Puts records in, as many of the first ones as find room; how many those are. One record finds
  /// room in an empty queue however long it is.
  size_t put(std::span<const std::string_view> records);
  /// Waits until a record of so many bytes finds room; false when nobody will ever take one.
  bool wait_for_room(size_t bytes);
  /// Counts what will never be a record here.
  void lose(LossReason reason, uint64_t records, uint64_t bytes);
  void skip(SkipReason reason);
  /// Changes what numbers() gives, under the lock; wakes the taker, who tells others.
  template <typename Change>
  void tell(Change change) {
    std::lock_guard lock(mutex_);
    change(numbers_);
    wake_once();
  }
  /// Everything that had arrived when ask_all() was called is in.
  void all_in(uint64_t asked);
  uint64_t asked() const;
  /// Nothing will be put in any more.
  void end();

  // --- the side that takes ---

  /// The oldest records; false when there are none. `block` gives its memory back for use here.
  bool take(FeedBlock& block);
  /// The next put(), tell() or end() wakes the taker, once.
  void arm();
  /// Asks the putting side for all_in(), which is true at once when it has ended.
  void ask_all();
  bool is_all_in() const;
  /// Ends wait_for_room() now and for ever.
  void interrupt();
  bool ended_and_empty() const;
  /// What was lost or skipped since the last call.
  LedgerCounts take_losses();
  FeedNumbers numbers() const;

 private:
  bool has_room(size_t bytes) const { return used_ == 0 || used_ + bytes <= bytes_max_; }
  void wake_once();

  const size_t bytes_max_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<FeedBlock> blocks_;
  FeedBlock spare_;
  size_t used_ = 0;  // bytes in blocks_
  LedgerCounts losses_;
  FeedNumbers numbers_;
  uint64_t asked_ = 0;
  uint64_t all_in_ = 0;
  bool armed_ = false;
  bool interrupted_ = false;
};

}  // namespace lastseen
