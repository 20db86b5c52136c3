// How values are distributed, as Prometheus counts it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lastseen {

/// Milliseconds, for whatever a person may have to wait for: from a commit within the same machine
/// to the longest flush.interval (1 h). 1 s is one of them, since that is where people want to
/// know.
inline constexpr std::array<uint64_t, 15> kDurationBoundsMs = {
    5, 10, 25, 50, 100, 250, 500, 1'000, 2500, 5000, 10'000, 30'000, 60'000, 300'000, 3'600'000};

/// Rows, or anything that is counted.
inline constexpr std::array<uint64_t, 8> kCountBounds = {0,    1,      10,      100,
                                                         1000, 10'000, 100'000, 1'000'000};

/// Plain data: whoever owns it observes, and a copy is published. `kBounds` ascend.
template <const auto& kBounds>
struct Histogram {
  /// Of the values up to each bound and above the one before; the last: above all of them.
  std::array<uint64_t, kBounds.size() + 1> counts{};
  uint64_t sum = 0;  ///< Of the values, in their own unit.

  void observe(uint64_t value, uint64_t times = 1) {
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), value);
    counts[static_cast<size_t>(bound - kBounds.begin())] += times;
    sum += value * times;
  }
  bool operator==(const Histogram&) const = default;
};

using DurationHistogram = Histogram<kDurationBoundsMs>;
using CountHistogram = Histogram<kCountBounds>;

}  // namespace lastseen
