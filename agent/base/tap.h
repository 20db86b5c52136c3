// Lines as they are read, for people who look on. Off unless `control.tap` is true: it shows ids.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"

namespace lastseen {

/// Which lines one looker-on wants to see: all sightings, or skipped lines instead.
struct TapFilter {
  std::string input = {};      ///< Empty: of any.
  std::string client_id = {};  ///< Empty: any.
  bool skipped = false;
  std::optional<SkipReason> reason = {};  ///< With `skipped`: only these.
};

/// One line that was read. Views live as long as the call.
struct TappedLine {
  std::string_view input;
  std::string_view text = {};           ///< Of a skipped line.
  std::optional<SkipReason> skip = {};  ///< Set: it names no client, and the rest means nothing.
  std::string_view client_id = {};
  int64_t seen_at_ms = 0;
};

/// What waits for one looker-on, as one JSON object a line:
///
///     {"input":"nginx","client_id":"…","ts":"2026-11-21T22:45:05.123Z"}
///     {"input":"nginx","skipped":"no_client_id","line":"…"}
///     {"not_shown":1204}
///
/// Bounded: whoever reads slowly misses lines and is told how many. Thread-safe.
class TapQueue {
 public:
  explicit TapQueue(TapFilter filter) : filter_(std::move(filter)) {}

  void offer(const TappedLine& line);
  /// All that waits, in order; empty when nothing does.
  std::string take();

 private:
  bool wants(const TappedLine& line) const;

  const TapFilter filter_;
  std::mutex mutex_;
  std::string waiting_;
  size_t lines_ = 0;
  uint64_t not_shown_ = 0;
};

/// All lookers-on. They cost a branch for each line while there are none. Thread-safe.
class Taps {
 public:
  /// Null: kTapsMax look on already. It ends when the last reference but ours is gone.
  std::shared_ptr<TapQueue> open(TapFilter filter);

  bool any() const { return open_.load(std::memory_order_relaxed) > 0; }
  void offer(const TappedLine& line);

 private:
  void drop_ended();

  std::mutex mutex_;
  std::vector<std::shared_ptr<TapQueue>> queues_;
  std::atomic<size_t> open_{0};
};

/// Each costs time for each line, and a place among the connections of the control socket.
inline constexpr size_t kTapsMax = 8;
/// What waits for one looker-on at most: at a look each kTapEveryMs these are 20,000 lines a
/// second, more than anybody reads, and little of what ingest can do.
inline constexpr size_t kTapLinesMax = 1000;
inline constexpr size_t kTapBytesMax = 1 << 20;
inline constexpr int64_t kTapEveryMs = 50;
/// Of a skipped line so much is shown.
inline constexpr size_t kTapTextBytesMax = 4096;

}  // namespace lastseen
