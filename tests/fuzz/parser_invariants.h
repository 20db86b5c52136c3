// What must hold for every parser and every line, whatever its bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "parsers/parser.h"
#include "parsers/utf8.h"

namespace lastseen {

struct FuzzAnswer {
  std::optional<std::string> client_id;
  SkipReason skip = SkipReason::kMalformed;
  bool has_time = false;
  int64_t seen_at_ms = 0;
  bool operator==(const FuzzAnswer&) const = default;
};

inline FuzzAnswer answer_of(Parser& parser, std::string_view line) {
  // A copy that has exactly the line's memory, so that reading behind it is seen.
  const std::vector<char> exact(line.begin(), line.end());
  const ParseResult result = parser.parse({exact.data(), exact.size()});
  FuzzAnswer answer;
  answer.has_time = result.has_time;
  if (result.has_time) {
    answer.seen_at_ms = result.seen_at_ms;
    CHECK(result.seen_at_ms >= 0 && result.seen_at_ms <= 253'402'300'799'999);
  }
  if (!result.sighted) {
    answer.skip = result.skip;
    CHECK(result.origin.empty());
    return answer;
  }
  CHECK(result.has_time);
  CHECK(!result.origin.empty());
  answer.client_id.emplace(result.client_id);
  const std::optional<size_t> code_points = count_code_points(*answer.client_id);
  CHECK(code_points && *code_points >= 1 && *code_points <= 50);
  return answer;
}

/// A parser that has read many lines and a new one must agree, and the old one with itself.
inline FuzzAnswer check_invariants(Parser& old, const char* type, std::string_view line) {
  ParserSettings settings;
  settings.type = type;
  const auto fresh = *make_parser(settings, {});
  const FuzzAnswer answer = answer_of(*fresh, line);
  CHECK(answer == answer_of(old, line));
  CHECK(answer == answer_of(old, line));
  return answer;
}

}  // namespace lastseen
