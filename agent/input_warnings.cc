#include "input_warnings.h"

#include <utility>

namespace lastseen {

namespace {

struct SkipAdvice {
  SkipReason reason;
  const char* message;
};
constexpr SkipAdvice kSkipAdvice[] = {
    {SkipReason::kMalformed,
     "lines are not of the parser's format and were skipped; see what it reads: lastseen parse"},
    {SkipReason::kNoTime,
     "lines name a client but no time and were skipped; log the time, or set last_seen.clock: "
     "arrival"},
    {SkipReason::kLineTooLong, "lines were skipped, longer than line_bytes_max; raise it"},
    {SkipReason::kTruncated,
     "lines were skipped since their client is cut off; let the proxy log whole bodies"},
};

struct LossAdvice {
  LossReason reason;
  const char* message;
};
constexpr LossAdvice kLossAdvice[] = {
    {LossReason::kQueueFull,
     "datagrams arrive faster than they can be worked off; some are lost. Let the proxy write a "
     "file instead"},
    {LossReason::kBufferFull,
     "a feed's sightings of new clients are lost, since the buffer is full. See whether the store "
     "takes data (lastseen status); if it does, raise buffer.clients_max"},
};

constexpr char kRefusedMessage[] =
    "too many connections; new ones are closed until others end. Let writers keep theirs";

}  // namespace

void InputWarnings::look(const AgentSnapshot& snapshot, int64_t now_mono_ms, Log& log) {
  for (const InputSnapshot& input : snapshot.inputs) {
    look_at_skips(input, now_mono_ms, log);
    look_at_losses(input, now_mono_ms, log);
  }
}

void InputWarnings::look_at_skips(const InputSnapshot& input, int64_t now_mono_ms, Log& log) {
  for (const SkipAdvice& advice : kSkipAdvice) {
    const auto index = static_cast<size_t>(advice.reason);
    const uint64_t lines = input.totals.skipped[index] - input.before.skipped[index];
    const uint64_t more = due(input, advice.message, lines, kSkipWarningsEveryMs, now_mono_ms);
    if (more == 0) continue;
    const auto parser = parsers_.find(input.name);
    log.warn(advice.message, {{"input", input.name},
                              {"reason", std::string(name_of(advice.reason))},
                              {"parser", parser == parsers_.end() ? "" : parser->second},
                              {"lines", more},
                              {"of", input.totals.lines_read - input.before.lines_read}});
  }
}

void InputWarnings::look_at_losses(const InputSnapshot& input, int64_t now_mono_ms, Log& log) {
  for (const LossAdvice& advice : kLossAdvice) {
    const auto index = static_cast<size_t>(advice.reason);
    const uint64_t lines = input.totals.lost[index] - input.before.lost[index];
    const uint64_t more = due(input, advice.message, lines, kLossWarningsEveryMs, now_mono_ms);
    if (more == 0) continue;
    log.warn(
        advice.message,
        {{"input", input.name}, {"reason", std::string(name_of(advice.reason))}, {"lines", more}});
  }
  const uint64_t refused = input.connections_refused();
  const uint64_t more = due(input, kRefusedMessage, refused, kLossWarningsEveryMs, now_mono_ms);
  if (more > 0) log.warn(kRefusedMessage, {{"input", input.name}, {"refused", more}});
}

uint64_t InputWarnings::due(const InputSnapshot& input, std::string_view what, uint64_t count,
                            int64_t every_ms, int64_t now_mono_ms) {
  if (count == 0) return 0;
  Said& said = said_[{input.name, what}];
  // A store that went back, or an input that was made anew: counting begins anew.
  if (count < said.count) said.count = count;
  const bool waits = said.count > 0 && now_mono_ms - said.at_mono_ms < every_ms;
  if (count == said.count || waits) return 0;
  const uint64_t more = count - said.count;
  said = {count, now_mono_ms};
  return more;
}

}  // namespace lastseen
