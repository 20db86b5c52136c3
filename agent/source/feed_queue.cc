#include "source/feed_queue.h"

#include <utility>

namespace lastseen {

namespace {

// Records are gathered into blocks of this size; a longer record has a block of its own. Large
// enough that swapping one costs nothing, small enough that a quiet feed keeps little memory.
constexpr size_t kBlockBytes = 64 * 1024;

// What a record costs beside its bytes, so that empty ones are bounded as well.
constexpr size_t kRecordOverhead = sizeof(uint32_t);

}  // namespace

FeedQueue::FeedQueue(size_t bytes_max, std::function<void()> wake)
    : bytes_max_(bytes_max), wake_(std::move(wake)) {}

size_t FeedQueue::put(std::span<const std::string_view> records) {
  std::lock_guard lock(mutex_);
  size_t put = 0;
  for (const std::string_view record : records) {
    const size_t cost = record.size() + kRecordOverhead;
    if (!has_room(cost)) break;
    if (blocks_.empty() || blocks_.back().bytes.size() + record.size() > kBlockBytes)
      blocks_.push_back(std::exchange(spare_, {}));
    FeedBlock& block = blocks_.back();
    block.bytes += record;
    block.ends.push_back(static_cast<uint32_t>(block.bytes.size()));
    used_ += cost;
    ++numbers_.records;
    numbers_.bytes += record.size();
    ++put;
  }
  if (put > 0) wake_once();
  return put;
}

bool FeedQueue::wait_for_room(size_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return interrupted_ || has_room(bytes + kRecordOverhead); });
  return !interrupted_;
}

void FeedQueue::lose(LossReason reason, uint64_t records, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  losses_.lines_read += records;
  losses_.lost[static_cast<size_t>(reason)] += records;
  losses_.lost_bytes[static_cast<size_t>(reason)] += bytes;
}

void FeedQueue::skip(SkipReason reason) {
  std::lock_guard lock(mutex_);
  ++losses_.lines_read;
  losses_.skip(reason);
}

void FeedQueue::all_in(uint64_t asked) {
  std::lock_guard lock(mutex_);
  if (all_in_ == asked) return;
  all_in_ = asked;
  wake_once();
}

uint64_t FeedQueue::asked() const {
  std::lock_guard lock(mutex_);
  return asked_;
}

void FeedQueue::end() {
  std::lock_guard lock(mutex_);
  numbers_.ended = true;
  numbers_.listening = false;
  numbers_.connections = 0;
  wake_once();
}

bool FeedQueue::take(FeedBlock& block) {
  {
    std::lock_guard lock(mutex_);
    block.bytes.clear();
    block.ends.clear();
    if (blocks_.empty()) return false;
    if (block.bytes.capacity() <= 2 * kBlockBytes) std::swap(spare_, block);
    block = std::move(blocks_.front());
    blocks_.pop_front();
    used_ -= block.bytes.size() + block.ends.size() * kRecordOverhead;
  }
  room_.notify_one();
  return true;
}

void FeedQueue::arm() {
  std::lock_guard lock(mutex_);
  armed_ = true;
}

void FeedQueue::ask_all() {
  std::lock_guard lock(mutex_);
  ++asked_;
}

bool FeedQueue::is_all_in() const {
  std::lock_guard lock(mutex_);
  return numbers_.ended || !numbers_.listening || (all_in_ == asked_ && blocks_.empty());
}

void FeedQueue::interrupt() {
  {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  room_.notify_one();
}

bool FeedQueue::ended_and_empty() const {
  std::lock_guard lock(mutex_);
  return numbers_.ended && blocks_.empty();
}

LedgerCounts FeedQueue::take_losses() {
  std::lock_guard lock(mutex_);
  return std::exchange(losses_, LedgerCounts());
}

FeedNumbers FeedQueue::numbers() const {
  std::lock_guard lock(mutex_);
  return numbers_;
}

// With the lock held: the taker must not arm itself between the look and the call.
void FeedQueue::wake_once() {
  if (std::exchange(armed_, false)) wake_();
}

}  // namespace lastseen
