// The only way to learn the time. Parts receive a Now with each step and never read a clock.
#pragma once

#include <cstdint>

namespace lastseen {

/// One reading of both clocks. All in milliseconds: nothing here needs a finer grain.
struct Now {
  int64_t mono_ms = 0;  ///< Monotonic; its zero is arbitrary. For deadlines and ages.
  int64_t wall_ms = 0;  ///< Since 1970-01-01T00:00:00Z. For what people read, and sightings.
};

/// A deadline that never comes, for parts that wait for an event alone.
inline constexpr int64_t kNever = INT64_MAX;

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;
};

/// The clocks of this machine: CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  Now now() const override;
};

}  // namespace lastseen
