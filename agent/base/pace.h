// How often something is said that could be said without end.
#pragma once

#include <cstdint>
#include <optional>

namespace lastseen {

/// The first time is said at once, and then one time in `every_ms` at most, with what was held back
/// since. What is held back last is told by counters alone until it happens again.
class Pace {
 public:
  explicit Pace(int64_t every_ms) : every_ms_(every_ms) {}

  struct Turn {
    uint64_t amount = 0;     ///< Of this time and of those that were held back.
    uint64_t held_back = 0;  ///< How many times those were.
  };
  /// What to say now; nothing: not yet.
  std::optional<Turn> take(uint64_t amount, int64_t now_mono_ms) {
    waiting_.amount += amount;
    if (said_mono_ms_ && now_mono_ms - *said_mono_ms_ < every_ms_) {
      ++waiting_.held_back;
      return std::nullopt;
    }
    said_mono_ms_ = now_mono_ms;
    const Turn turn = waiting_;
    waiting_ = Turn();
    return turn;
  }

 private:
  int64_t every_ms_;
  std::optional<int64_t> said_mono_ms_;
  Turn waiting_;
};

}  // namespace lastseen
