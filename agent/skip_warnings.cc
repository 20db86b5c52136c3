#include "skip_warnings.h"

namespace lastseen {

namespace {

struct Advice {
  SkipReason reason;
  const char* message;
};
constexpr Advice kAdvice[] = {
    {SkipReason::kMalformed,
     "lines are not of the parser's format and were skipped; see what it reads: lastseen parse"},
    {SkipReason::kNoTime,
     "lines name a client but no time and were skipped; log the time, or set last_seen.clock: "
     "arrival"},
    {SkipReason::kLineTooLong, "lines were skipped, longer than line_bytes_max; raise it"},
    {SkipReason::kTruncated,
     "lines were skipped since their client is cut off; let the proxy log whole bodies"},
};

}  // namespace

void SkipWarnings::look(const AgentSnapshot& snapshot, int64_t now_mono_ms, Log& log) {
  for (const InputSnapshot& input : snapshot.inputs) {
    for (const Advice& advice : kAdvice) {
      const auto index = static_cast<size_t>(advice.reason);
      const uint64_t lines = input.totals.skipped[index] - input.before.skipped[index];
      Said& said = said_[{input.name, advice.reason}];
      // A store that went back makes the count begin anew.
      if (lines < said.lines) said.lines = lines;
      const bool due = said.lines == 0 || now_mono_ms - said.at_mono_ms >= kSkipWarningsEveryMs;
      if (lines == said.lines || !due) continue;
      const auto parser = parsers_.find(input.name);
      log.warn(advice.message, {{"input", input.name},
                                {"reason", std::string(name_of(advice.reason))},
                                {"parser", parser == parsers_.end() ? "" : parser->second},
                                {"lines", lines - said.lines},
                                {"of", input.totals.lines_read - input.before.lines_read}});
      said = {lines, now_mono_ms};
    }
  }
}

}  // namespace lastseen
