// What the log says of flushes: the first one, and then how many there were, now and then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lastseen {

struct Flushed {
  uint64_t rows = 0;
  uint64_t lines = 0;
  int64_t took_ms = 0;
  uint64_t commits = 1;
};

/// "flushed 47 clients (1,204 lines) in 3 ms"
std::string flushed_text(const Flushed& flushed);

/// Gathers commits: at a flush a second, a line for each would be 86,400 a day.
class FlushSummary {
 public:
  /// Of this commit and those that were not said yet; nothing: it is not time. `last`: it is.
  std::optional<Flushed> take(const Flushed& commit, bool last, int64_t now_mono_ms);

 private:
  Flushed gathered_{.commits = 0};
  std::optional<int64_t> said_mono_ms_;
};

/// Often enough to see from the log alone when clients stopped coming.
inline constexpr int64_t kFlushSummaryEveryMs = 600'000;

}  // namespace lastseen
