// From one line to one sighting. The rules are the same for every format; see client_id.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "base/status.h"
#include "config/config.h"
#include "parsers/explanation.h"

namespace lastseen {

/// What a line said. A sighting when `sighted`; else `skip` is the reason there is none.
struct ParseResult {
  bool sighted = false;
  SkipReason skip = SkipReason::kMalformed;  ///< Meaningful only when not sighted.
  bool has_time = false;
  int64_t seen_at_ms = 0;   ///< UTC, cut (not rounded) to ms; meaningful only with has_time.
  bool local_time = false;  ///< The time had no offset.
  /// Not 0: the clock of `time_zone` was set back, and the time may also be so much earlier; it is,
  /// when it would lie in the future otherwise.
  int64_t fold_ms = 0;
  /// The client; set only when sighted. Valid until the next parse() of the same parser, and no
  /// longer than the line.
  std::string_view client_id;
  /// How the answer came about, for `why`: "body", "field", "query", "header", "cookie", "path" or
  /// "jwt" when sighted, else empty.
  std::string_view origin;
};

/// The time of a result that has one: of the two readings of a fold the later that has been.
inline int64_t seen_at(const ParseResult& result, int64_t now_ms) {
  return result.seen_at_ms > now_ms ? result.seen_at_ms - result.fold_ms : result.seen_at_ms;
}

/// What every parser needs to know of the configuration.
struct ParserOptions {
  ClientIdSettings client_id;
  std::string time_zone = "UTC";  ///< Of times without an offset; see TimeZone::load().
  bool time_required = true;      ///< false (`clock: arrival`): a line without time still counts.
};

/// Pure apart from scratch memory: the same line gives the same answer, whatever came before.
/// One instance per thread. Any bytes are fine as a line; no line costs more than linear time.
/// The line has no newline at its end, and no carriage return before it.
class Parser {
 public:
  virtual ~Parser() = default;
  virtual ParseResult parse(std::string_view line) = 0;
  /// Says how parse() came to its last answer. Its line must still be there.
  virtual void explain(Explanation*) {}
};

/// Every type that make_parser() knows, in the order in which a help text lists them.
const std::vector<std::string_view>& parser_types();

/// kFatal for a type that does not exist or an option that does not fit it.
Result<std::unique_ptr<Parser>> make_parser(const ParserSettings& settings,
                                            const ParserOptions& options);

}  // namespace lastseen
