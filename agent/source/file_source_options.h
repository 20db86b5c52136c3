// How often a source of files looks, and how long it waits.
#pragma once

#include <cstdint>
#include <memory>

#include "source/descriptor_budget.h"
#include "source/hold_budget.h"

namespace lastseen {

struct FileSourceOptions {
  /// The slow poll that always runs: events are only hints. Of thousands of files that are all
  /// watched it asks one in ten milliseconds (4 us each: 0.04 % of a core).
  int64_t poll_ms = 1000;
  int64_t poll_file_ms = 10;
  /// While files wait for a descriptor.
  int64_t crowded_poll_ms = 200;
  /// A file that never rests is closed after this time, if others wait.
  int64_t turn_ms = 2000;
  /// How often a hot file is looked at: min(40, max(2, flush.interval / 4)).
  int64_t hot_ms = 20;
  /// A file is hot for this long after it last changed.
  int64_t hot_for_ms = 100;
  /// nginx writes to a renamed file until USR1: let go of one when it has been quiet this long
  /// after its successor got data.
  int64_t rotated_idle_ms = 60'000;
  /// A deleted file without a successor may still be written to; nothing of it can be found
  /// again, so we let go much later.
  int64_t deleted_idle_ms = 3'600'000;
  /// How long a file that was moved out of its directory is remembered, should it come back.
  int64_t forget_ms = 86'400'000;
  /// Shared by the sources of an agent; null: without limits.
  std::shared_ptr<HoldBudget> hold;
  std::shared_ptr<DescriptorBudget> descriptors;
};

}  // namespace lastseen
