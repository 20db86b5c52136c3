// Whether the threads of the agent get on with their work: for a watchdog to ask.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lastseen {

/// How far the two threads that matter have come.
struct Turns {
  uint64_t ingest = 0;  ///< Steps of the pipeline.
  uint64_t flush = 0;   ///< Steps of the flusher.
  int64_t call_ms =
      0;  ///< How long the present call of the store has not got on; 0: there is none.
};

/// How long a call of the store has not got on. A commit that looks for refused rows asks the
/// server many times, and over a slow link that takes longer than any single answer may.
class CallWatch {
 public:
  /// Milliseconds, at least 1; 0 if `began_mono_ms` is 0: there is no call. `answers`: of the
  /// store.
  int64_t waited_ms(int64_t began_mono_ms, uint64_t answers, int64_t now_mono_ms) {
    if (began_mono_ms == 0) return 0;
    if (began_mono_ms != began_mono_ms_)
      moved_mono_ms_ = began_mono_ms;
    else if (answers != answers_)
      moved_mono_ms_ = now_mono_ms;
    began_mono_ms_ = began_mono_ms;
    answers_ = answers;
    return std::max<int64_t>(now_mono_ms - moved_mono_ms_, 1);
  }

 private:
  int64_t began_mono_ms_ = 0;
  int64_t moved_mono_ms_ = 0;
  uint64_t answers_ = 0;
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
