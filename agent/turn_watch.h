// Whether the threads of the agent get on with their work: for a watchdog to ask.
#pragma once

#include <cstdint>

namespace lastseen {

/// How far the two threads that matter have come.
struct Turns {
  uint64_t ingest = 0;  ///< Steps of the pipeline.
  uint64_t flush = 0;   ///< Steps of the flusher.
  int64_t call_ms = 0;  ///< How long the present call of the store has taken; 0: there is none.
};

/// A timer beside threads that hang would feed a watchdog for ever; this looks at their turns. An
/// idle thread turns when it is woken, so whoever asks wakes them for the next time.
class TurnWatch {
 public:
  /// Whether both threads have turned since the last time. The flush thread need not while it is
  /// inside the store for up to `call_ms_max`. The first answer is true: it has nothing to compare.
  bool turned(const Turns& now, int64_t call_ms_max) {
    const bool ingest = now.ingest != before_.ingest;
    const bool waits = now.call_ms > 0 && now.call_ms <= call_ms_max;
    const bool flush = waits || now.flush != before_.flush;
    const bool first = !asked_;
    asked_ = true;
    before_ = now;
    return first || (ingest && flush);
  }

 private:
  Turns before_;
  bool asked_ = false;
};

}  // namespace lastseen
