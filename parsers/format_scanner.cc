#include "parsers/format_scanner.h"

#include <algorithm>
#include <cstring>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr ptrdiff_t kNumberBytesMax = 32;  // a sign, 19 digits, a point and as many more

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool ends_word(char c, char stop) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == stop;
}

/// IPv4; or IPv6, a socket's path, anything with a port; or nothing.
bool is_address(std::string_view word) {
  return word == "-" || word.find_first_not_of("0123456789.") == word.npos ||
         word.find_first_of(":/") != word.npos;
}

/// Digits with a sign before and a fraction behind them, or `-`; null when there is neither.
const char* match_number(const char* p, const char* end) {
  if (end - p > kNumberBytesMax) end = p + kNumberBytesMax;
  const bool minus = p < end && *p == '-';
  if (p < end && (minus || *p == '+')) ++p;
  if (p == end || !is_digit(*p)) return minus ? p : nullptr;
  while (p < end && is_digit(*p)) ++p;
  if (end - p < 2 || *p != '.' || !is_digit(p[1])) return p;
  ++p;
  while (p < end && is_digit(*p)) ++p;
  return p;
}

}  // namespace

bool FormatScanner::has_time() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return step.is_wanted; });
}

FormatScanner::Outcome FormatScanner::scan(std::string_view line, ScannedLine* out) const {
  const char* p = line.data();
  const char* const end = p + line.size();
  const Step* step = steps_.data();
  OpenText open;
  out->seen = 0;
  out->time = TimeParts();
  for (;;) {
    if (step->is_final) open.step = nullptr;
    if (step->kind == StepKind::kText) {
      open.step = step;
      open.begin = p;
      open.time = out->time;
      open.candidate = find_text_end(*step, p, end);
    } else if (const char* const next = match(*step, p, end, out)) {
      if (step->kind == StepKind::kEnd) return Outcome::kWhole;
      p = next;
      ++step;
      continue;
    } else if (open.step == nullptr) {
      const bool cut =
          options_.may_be_cut && (out->seen != 0 || out->time.to_ms()) && hits_end(*step, p, end);
      return cut ? Outcome::kCut : Outcome::kMalformed;
    } else {
      if (open.candidate == end) return Outcome::kMalformed;  // an empty literal is not looked for
      out->time = open.time;
      open.candidate = find_text_end(*open.step, open.candidate + 1, end);
    }
    if (open.candidate == nullptr) {
      const bool cut = open.step->may_break || (options_.may_be_cut && open.time.to_ms());
      if (!cut) return Outcome::kMalformed;
      out->time = open.time;
      keep(*open.step, open.begin, end, true, out);
      return Outcome::kCut;
    }
    keep(*open.step, open.begin, open.candidate, false, out);
    p = open.candidate;
    step = open.step + 1;
  }
}

void FormatScanner::keep(const Step& step, const char* begin, const char* end, bool cut,
                         ScannedLine* out) {
  if (step.value == kNotNeeded) return;
  ScannedLine::Value& value = out->values[step.value];
  value.raw = {begin, end};
  value.escaped = true;
  value.other_escapes = true;
  value.cut = cut || (step.length_max != 0 && value.raw.size() >= step.length_max);
  out->seen |= uint32_t{1} << step.value;
}

/// Matches one step that is no kText and gives what stands behind it; null when it does not fit.
inline const char* FormatScanner::match(const Step& step, const char* p, const char* end,
                                        ScannedLine* out) const {
  switch (step.kind) {
    case StepKind::kLiteral: {
      if (static_cast<size_t>(end - p) < step.literal_size) return nullptr;
      const char* const literal = literals_.data() + step.literal_at;
      for (size_t i = 0; i < step.literal_size; ++i) {
        if (p[i] != literal[i]) return nullptr;
      }
      return p + step.literal_size;
    }
    case StepKind::kWord:
      return match_word(step, p, end);
    case StepKind::kNumber:
      return match_number(p, end);
    case StepKind::kTime: {
      TimeParts ignored;
      return times_[step.time].match(p, end, step.is_wanted ? &out->time : &ignored);
    }
    case StepKind::kQuoted:
      return match_quoted(step, p, end, out);
    case StepKind::kCaptures:
      return match_captures(step, p, end, out);
    case StepKind::kEnd:
      return p == end || (options_.more_may_follow && *p == ' ') ? end : nullptr;
    case StepKind::kText:
      break;
  }
  return nullptr;
}

inline const char* FormatScanner::match_word(const Step& step, const char* p,
                                             const char* end) const {
  const char* const begin = p;
  if (step.last_stop) {
    while (p < end && !ends_word(*p, ' ')) ++p;
    while (p > begin && p[-1] != step.stop) --p;
    return p == begin ? nullptr : p - 1;
  }
  while (p < end && !ends_word(*p, step.stop)) ++p;
  if (step.is_address) {
    if (!is_address({begin, p})) return nullptr;
  }
  return p;
}

/// Up to the closing quote, which is left to the literal behind.
inline const char* FormatScanner::match_quoted(const Step& step, const char* p, const char* end,
                                               ScannedLine* out) const {
  if (step.hash) {
    const char* const quote = find_byte(p, end, '"');
    keep(step, p, quote, quote == end, out);
    return quote == end ? nullptr : quote;
  }
  const QuotedString quoted = scan_quoted(p, end);
  if (quoted.end == nullptr) return nullptr;
  if (step.value != kNotNeeded) {
    keep(step, p, quoted.end, false, out);
    out->values[step.value].escaped = quoted.escaped;
    out->values[step.value].other_escapes = quoted.other_escapes;
  }
  return quoted.end;
}

/// HAProxy writes one blank only where no captures stand between two.
const char* FormatScanner::match_captures(const Step& step, const char* p, const char* end,
                                          ScannedLine* out) const {
  if (p == end || *p != '{') return step.may_vanish ? p - 1 : p;
  const char* const close = find_byte(p, end, '}');
  keep(step, p + 1, close, close == end, out);
  return close == end ? nullptr : close + 1;
}

/// The next place at or after `from` where the literal behind the text may stand, by its first
/// byte; the line's end where there is no literal; null where there is no such place.
const char* FormatScanner::find_text_end(const Step& step, const char* from,
                                         const char* end) const {
  if (step.literal_size == 0) return end;
  if (step.at_line_end) {
    const auto size = static_cast<ptrdiff_t>(step.literal_size);
    if (end - from < size || literal_of(step) != std::string_view(end - size, end)) return nullptr;
    return end - size;
  }
  const char* const found = find_byte(from, end, step.stop);
  return found == end ? nullptr : found;
}

/// Whether the line ended before the step could be told not to fit.
bool FormatScanner::hits_end(const Step& step, const char* p, const char* end) const {
  const std::string_view rest(p, end);
  switch (step.kind) {
    case StepKind::kLiteral:
      return literal_of(step).starts_with(rest);
    case StepKind::kQuoted:
      return find_byte(p, end, '"') == end;
    case StepKind::kCaptures:
      return find_byte(p, end, '}') == end;
    default:
      return rest.empty();
  }
}

}  // namespace lastseen
