// Says once that lines are not understood, before an operator wonders why a table stays empty.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/snapshot.h"

namespace lastseen {

/// Watches the skips of every input that a wrong parser or a cut log would cause. Lines that name
/// no client, or one that the rules refuse, are the clients' affair: they are counted only.
class SkipWarnings {
 public:
  /// The parser of each input by name, for the advice.
  explicit SkipWarnings(std::map<std::string, std::string> parsers)
      : parsers_(std::move(parsers)) {}

  void set_parsers(std::map<std::string, std::string> parsers) { parsers_ = std::move(parsers); }

  /// Warns of each reason at its first lines, and after that at most once in kSkipWarningsEveryMs
  /// with how many there were since.
  void look(const AgentSnapshot& snapshot, int64_t now_mono_ms, Log& log);

 private:
  struct Said {
    uint64_t lines = 0;
    int64_t at_mono_ms = 0;
  };

  std::map<std::string, std::string> parsers_;
  std::map<std::pair<std::string, SkipReason>, Said> said_;
};

/// An hour: rare enough for a log that is always a little broken.
inline constexpr int64_t kSkipWarningsEveryMs = 3'600'000;

}  // namespace lastseen
