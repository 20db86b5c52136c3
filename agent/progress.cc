#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/human_text.h"
#include "base/time_text.h"

namespace lastseen {

namespace {

constexpr size_t kBarWidth = 24;  // leaves room for the figures on 80 columns

struct Sums {
  uint64_t lines = 0;
  uint64_t pending = 0;
  uint64_t position = 0;
  uint64_t size = 0;
  uint64_t files = 0;
};

Sums sums_of(const AgentSnapshot& snapshot) {
  Sums sums;
  for (const InputSnapshot& input : snapshot.inputs) {
    sums.lines += input.totals.lines_read;
    sums.pending += input.pending;
    for (const FileSnapshot& file : input.files) {
      sums.position += std::min(file.position, file.size);
      sums.size += file.size;
      ++sums.files;
    }
  }
  return sums;
}

}  // namespace

std::string render_progress(const AgentSnapshot& snapshot) {
  const Sums sums = sums_of(snapshot);
  const double done = sums.size == 0 ? 1.0 : double(sums.position) / double(sums.size);
  const double seconds =
      std::max<int64_t>(snapshot.at_mono_ms - snapshot.started_mono_ms, 1) / 1000.0;
  std::string text = "[";
  const size_t filled = static_cast<size_t>(done * kBarWidth);
  text.append(filled, '#').append(kBarWidth - filled, '.');
  char percent[16];
  std::snprintf(percent, sizeof percent, "] %3d %%  ", static_cast<int>(done * 100));
  text += percent + grouped(sums.lines) + " lines  " +
          grouped(static_cast<uint64_t>(double(sums.lines) / seconds)) + " lines/s";
  if (done > 0 && done < 1)
    text +=
        "  " + format_age_ms(static_cast<int64_t>(seconds * 1000 * (1 - done) / done)) + " left";
  if (!snapshot.store.last_error.empty()) text += "  store: waiting";
  return text;
}

Progress::Progress(bool wanted) : active_(wanted && isatty(STDERR_FILENO) == 1) {}

void Progress::draw(const AgentSnapshot& snapshot) {
  if (!active_) return;
  std::string line = render_progress(snapshot);
  const size_t width = line.size();
  if (width < width_) line.append(width_ - width, ' ');  // over the end of a longer line
  width_ = width;
  drawn_ = true;
  std::fprintf(stderr, "\r%s", line.c_str());
  std::fflush(stderr);
}

void Progress::end() {
  if (drawn_) std::fputc('\n', stderr);
  drawn_ = false;
}

std::string StatusLine::render(const AgentSnapshot& snapshot) {
  const Sums sums = sums_of(snapshot);
  std::string text = "following " + grouped(sums.files) + (sums.files == 1 ? " file" : " files");
  if (at_mono_ms_ >= 0 && snapshot.at_mono_ms > at_mono_ms_ && sums.lines >= lines_) {
    const uint64_t elapsed_ms = static_cast<uint64_t>(snapshot.at_mono_ms - at_mono_ms_);
    text += ", " + grouped((sums.lines - lines_) * 1000 / elapsed_ms) + " lines/s";
  }
  at_mono_ms_ = snapshot.at_mono_ms;
  lines_ = sums.lines;
  text += ", lag " + grouped(sums.size - sums.position) + " bytes, " + grouped(sums.pending) +
          " lines pending, store ";
  switch (snapshot.store.state) {
    case StoreState::kOk:
      return text + "ok";
    case StoreState::kRetrying:
      return text + (snapshot.store.last_error.empty() ? "connecting"
                                                       : "retrying: " + snapshot.store.last_error);
    case StoreState::kHolding:
      return text + "holding: " + snapshot.store.last_error;
  }
  return text;
}

}  // namespace lastseen
