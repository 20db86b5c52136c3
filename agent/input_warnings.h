// Says that lines are not understood or sightings are lost, before an operator wonders why.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/snapshot.h"

namespace lastseen {

/// Watches what every input counts: the skips that a wrong parser or a cut log would cause, and
/// what feeds lose. Lines that name no client, or one that the rules refuse, are the clients'
/// affair: they are counted only. Bytes that files lose are said by the source, which knows the
/// file.
class InputWarnings {
 public:
  /// The parser of each input by name, for the advice.
  explicit InputWarnings(std::map<std::string, std::string> parsers)
      : parsers_(std::move(parsers)) {}

  void set_parsers(std::map<std::string, std::string> parsers) { parsers_ = std::move(parsers); }

  /// Warns of each reason the first time, and after that at most once in kSkipWarningsEveryMs or
  /// kLossWarningsEveryMs, with how many there were since.
  void look(const AgentSnapshot& snapshot, int64_t now_mono_ms, Log& log);

 private:
  struct Said {
    uint64_t count = 0;
    int64_t at_mono_ms = 0;
  };

  void look_at_skips(const InputSnapshot& input, int64_t now_mono_ms, Log& log);
  void look_at_losses(const InputSnapshot& input, int64_t now_mono_ms, Log& log);
  /// How many of `count` are to be said now; 0: none.
  uint64_t due(const InputSnapshot& input, std::string_view what, uint64_t count, int64_t every_ms,
               int64_t now_mono_ms);

  std::map<std::string, std::string> parsers_;
  std::map<std::pair<std::string, std::string_view>, Said> said_;  // by input and message
};

/// An hour: rare enough for a log that is always a little broken.
inline constexpr int64_t kSkipWarningsEveryMs = 3'600'000;
/// Ten minutes, as of all that may come with every batch.
inline constexpr int64_t kLossWarningsEveryMs = 600'000;

}  // namespace lastseen
