// How much disk the agent may keep from being freed, over all inputs.
#pragma once

#include <cstdint>

namespace lastseen {

/// A file that no name leads to is alive only because we hold it open until it is read. Its bytes
/// are on no listing, so there has to be an end to it. One budget is shared by the sources of an
/// agent; ingest thread only.
class HoldBudget {
 public:
  HoldBudget(uint64_t bytes_max, int64_t age_max_ms)
      : bytes_max_(bytes_max), age_max_ms_(age_max_ms) {}

  void change(uint64_t bytes_max, int64_t age_max_ms) {
    bytes_max_ = bytes_max;
    age_max_ms_ = age_max_ms;
  }
  int64_t age_max_ms() const { return age_max_ms_; }
  bool exceeded() const { return bytes_ > bytes_max_; }
  void add(uint64_t bytes) { bytes_ += bytes; }
  void remove(uint64_t bytes) { bytes_ -= bytes; }

 private:
  uint64_t bytes_max_;
  int64_t age_max_ms_;
  uint64_t bytes_ = 0;
};

}  // namespace lastseen
