#include "pipeline/flush_summary.h"

#include <utility>

#include "base/human_text.h"

namespace lastseen {

std::string flushed_text(const Flushed& flushed) {
  std::string text = "flushed " + counted(flushed.rows, "client") + " (" +
                     counted(flushed.lines, "line") + ") in " + grouped(flushed.took_ms) + " ms";
  if (flushed.commits > 1) text += ", over " + grouped(flushed.commits) + " commits";
  return text;
}

std::optional<Flushed> FlushSummary::take(const Flushed& commit, bool last, int64_t now_mono_ms) {
  gathered_.rows += commit.rows;
  gathered_.lines += commit.lines;
  gathered_.took_ms += commit.took_ms;
  gathered_.commits += commit.commits;
  const bool due = !said_mono_ms_ || now_mono_ms - *said_mono_ms_ >= kFlushSummaryEveryMs;
  if (!due && !last) return std::nullopt;
  said_mono_ms_ = now_mono_ms;
  return std::exchange(gathered_, {.commits = 0});
}

}  // namespace lastseen
