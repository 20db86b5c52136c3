// When pending sightings were read, for the histogram of what lies between that and their commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/batch.h"

namespace lastseen {

/// Keeps few marks however many moments there are: sightings of moments close together share the
/// oldest of these, so an age is never told too small, and too large by 1/32 of the time since the
/// last take() at most.
class ReadTimes {
 public:
  void add(int64_t mono_ms, uint64_t lines) {
    if (lines == 0) return;
    if (!marks_.empty() && mono_ms - marks_.back().mono_ms < grain_ms_) {
      marks_.back().lines += lines;
      return;
    }
    if (marks_.size() == kMarksMax) halve();
    marks_.push_back({mono_ms, lines});
  }

  std::vector<ReadMark> take() {
    grain_ms_ = 1;
    return std::exchange(marks_, {});
  }

 private:
  static constexpr size_t kMarksMax = 64;

  void halve() {
    for (size_t i = 0; i < kMarksMax / 2; ++i)
      marks_[i] = {marks_[2 * i].mono_ms, marks_[2 * i].lines + marks_[2 * i + 1].lines};
    marks_.resize(kMarksMax / 2);
    grain_ms_ *= 2;
  }

  std::vector<ReadMark> marks_;
  int64_t grain_ms_ = 1;
};

}  // namespace lastseen
