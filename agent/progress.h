// How far the agent is, in one line for a person: the bar of --once, and systemd's STATUS=.
#pragma once

#include <cstdint>
#include <string>

#include "base/snapshot.h"

namespace lastseen {

/// The progress bar of `run --once`, on stderr, only when that is a terminal.
class Progress {
 public:
  explicit Progress(bool wanted);
  bool active() const { return active_; }
  void draw(const AgentSnapshot& snapshot);
  /// Leaves the bar standing and goes to the next line.
  void end();

 private:
  bool active_;
  bool drawn_ = false;
  size_t width_ = 0;  // of the line drawn last
};

/// "[#########.......]  57 %  1,204,331 lines  1,100,000 lines/s  3 s left"; without escapes, for
/// tests.
std::string render_progress(const AgentSnapshot& snapshot);

/// "following 2 files, 1,204 lines/s, lag 0 bytes, 47 pending, store ok", with the rate since the
/// render before.
class StatusLine {
 public:
  std::string render(const AgentSnapshot& snapshot);

 private:
  uint64_t lines_ = 0;
  int64_t at_mono_ms_ = -1;
};

}  // namespace lastseen
