// Several workers on one thread, in an order that no luck of timing would give.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/workers.h"

namespace lastseen {

/// The last part is done first, each by another worker than the one before.
class BackwardsWorkers final : public Workers {
 public:
  explicit BackwardsWorkers(size_t count) : count_(count) {}
  size_t count() const override { return count_; }
  void run(size_t parts, const Job& job, const Take& take) override {
    parts_most_ = std::max(parts_most_, parts);
    for (size_t part = parts; part-- > 0;) job(part, part % count_);
    for (size_t part = 0; part < parts && take(part);) ++part;
  }
  size_t parts_most() const { return parts_most_; }

 private:
  size_t count_;
  size_t parts_most_ = 0;
};

}  // namespace lastseen
