#include "parsers/format_scanner.h"

#include <algorithm>
#include <cstring>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr ptrdiff_t kNumberBytesMax = 32;  // a sign, 19 digits, a point and as many more

/// IPv4; or IPv6, a socket's path, anything with a port; or nothing.
bool is_address(std::string_view word) {
  const bool v4 =
      std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || c == '.'; });
  return v4 || word == "-" || holds_either(word, ':', '/');
}

/// Digits with a sign before and a fraction behind them, or `-`; null when there is neither.
const char* match_number(const char* p, const char* end) {
  if (end - p > kNumberBytesMax) end = p + kNumberBytesMax;
  const char* const digits_end = find_digits_end(p, end);
  if (digits_end != p && (digits_end == end || *digits_end != '.')) return digits_end;  // mostly
  const bool minus = p < end && *p == '-';
  if (p < end && (minus || *p == '+')) ++p;
  const char* const point = find_digits_end(p, end);
  if (point == p) return minus ? p : nullptr;
  if (end - point < 2 || *point != '.') return point;
  const char* const behind = find_digits_end(point + 1, end);
  return behind == point + 1 ? point : behind;
}

/// What stands before the last `stop` of a word; null when there is none.
const char* match_word_with_stops(const char* p, const char* end, char stop) {
  const char* const word_end = find_word_end(p, end, ' ');
  const size_t last = std::string_view(p, word_end).rfind(stop);
  return last == std::string_view::npos ? nullptr : p + last;
}

void keep(size_t index, std::string_view raw, size_t length_max, bool cut, ScannedLine* out) {
  ScannedLine::Value& value = out->values[index];
  value = {raw, true, true, cut || (length_max != 0 && raw.size() >= length_max)};
  out->seen |= uint32_t{1} << index;
}

/// The pieces of a time may lie together: `%Ts.%ms`.
void keep_time_text(const char* begin, const char* end, ScannedLine* out) {
  const char* const before = out->time_text.data() + out->time_text.size();
  const bool together = !out->time_text.empty() && begin - before <= 1 && begin >= before;
  out->time_text = {together ? out->time_text.data() : begin, end};
}

}  // namespace

bool FormatScanner::has_time() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return step.is_wanted; });
}

FormatScanner::Outcome FormatScanner::scan(std::string_view line, ScannedLine* out) const {
  const char* p = line.data();
  if (p == nullptr) p = "";  // below, null is what does not fit
  const char* const end = p + line.size();
  const char* text_begin = p;  // of the last text …
  const char* end_from = p;    // … and from where on its next possible end is looked for
  out->seen = 0;
  out->time = TimeParts();
  out->time_text = {};
  for (const Step* step = steps_.data();; ++step) {
    const char* next = match_field(*step, p, end, out);
    if (next != nullptr) next = match_literal(*step, next, end);
    if (next == nullptr) {
      if (step->kind == FieldKind::kText) {
        text_begin = end_from = p;
      } else if (step->text_back != 0) {
        step -= step->text_back;
      } else {
        return end_of_line(*step, p, end, out);
      }
      const char* text_end = nullptr;
      while (next == nullptr) {
        text_end = find_text_end(*step, end_from, end);
        if (text_end == nullptr) return end_of_line(*step, text_begin, end, out);
        end_from = text_end + 1;
        next = match_literal(*step, text_end, end);
      }
      if (step->value != kNotNeeded) {
        keep(step->value, {text_begin, text_end}, step->length_max, false, out);
      }
    }
    if (step->is_last) return Outcome::kWhole;
    p = next;
  }
}

/// Gives what stands behind a field; null when it does not fit, and of a text, whose end only what
/// follows tells. (A call costs a field as much as most fields do.)
[[gnu::always_inline]] inline const char* FormatScanner::match_field(const Step& step,
                                                                     const char* p, const char* end,
                                                                     ScannedLine* out) const {
  switch (step.kind) {
    case FieldKind::kWord: {
      const char* const word_end = find_word_end(p, end, ' ');
      if (step.value != kNotNeeded) keep(step.value, {p, word_end}, step.length_max, false, out);
      return word_end;
    }
    case FieldKind::kOddWord: {
      if (step.last_stop) return match_word_with_stops(p, end, step.stop);
      const char* const word_end = find_word_end(p, end, step.stop);
      if (step.is_address && !is_address({p, word_end})) return nullptr;
      if (step.value != kNotNeeded) keep(step.value, {p, word_end}, step.length_max, false, out);
      return word_end;
    }
    case FieldKind::kNumber: {
      const char* const number_end = match_number(p, end);
      if (number_end == nullptr || step.value == kNotNeeded) return number_end;
      keep(step.value, {p, number_end}, 0, false, out);
      return number_end;
    }
    case FieldKind::kTime: {
      TimeParts ignored;
      const char* const behind = times_[step.time].match(
          p, end, step.is_wanted ? &out->time : &ignored, step.is_whole_time ? &out->clf : nullptr);
      if (behind != nullptr && step.is_wanted) keep_time_text(p, behind, out);
      return behind;
    }
    case FieldKind::kQuoted: {
      const QuotedString quoted = scan_quoted(p, end);
      if (quoted.end == nullptr || step.value == kNotNeeded) return quoted.end;
      keep(step.value, {p, quoted.end}, step.length_max, false, out);
      out->values[step.value].escaped = quoted.escaped;
      out->values[step.value].other_escapes = quoted.other_escapes;
      return quoted.end;
    }
    case FieldKind::kHashed: {
      const char* const quote = find_byte(p, end, '"');
      if (quote == end) return nullptr;
      if (step.value != kNotNeeded) keep(step.value, {p, quote}, 0, false, out);
      return quote;
    }
    case FieldKind::kCaptures:
      return match_captures(step, p, end, out);
    case FieldKind::kText:
      return nullptr;
    case FieldKind::kNone:
      return p;
  }
  __builtin_unreachable();
}

/// HAProxy writes one blank only where no captures stand between two.
const char* FormatScanner::match_captures(const Step& step, const char* p, const char* end,
                                          ScannedLine* out) const {
  if (p == end || *p != '{') return step.may_vanish ? p - 1 : p;
  const char* const close = find_byte(p, end, '}');
  if (close == end) return nullptr;
  if (step.value != kNotNeeded) keep(step.value, {p + 1, close}, 0, false, out);
  return close + 1;
}

/// Gives what stands behind a literal; null when it does not stand at `p`.
inline const char* FormatScanner::match_literal(const Step& step, const char* p,
                                                const char* end) const {
  if (end - p < ptrdiff_t{sizeof step.head}) return match_long_literal(step, p, end);
  uint64_t head = 0;
  std::memcpy(&head, p, sizeof head);
  if (((head ^ step.head) & step.head_mask) != 0) return nullptr;
  return step.head_is_all ? p + step.literal_size : match_long_literal(step, p, end);
}

/// The same where its head is not all that counts, or not so much is left of the line.
const char* FormatScanner::match_long_literal(const Step& step, const char* p,
                                              const char* end) const {
  const size_t size = step.literal_size;
  if (static_cast<size_t>(end - p) < size) return nullptr;
  const bool fits =  // mostly it is the quote at the line's end
      size == 1 ? *p == step.stop : std::memcmp(p, literals_.data() + step.literal_at, size) == 0;
  if (!fits) return nullptr;
  p += size;
  if (!step.is_last || p == end) return p;
  return options_.more_may_follow && *p == ' ' ? p : nullptr;
}

/// The next place at or after `from` where the literal behind the text may stand, by its first
/// byte; the line's end where there is no literal; null where there is no such place.
const char* FormatScanner::find_text_end(const Step& step, const char* from,
                                         const char* end) const {
  if (step.is_last && !options_.more_may_follow) {
    const size_t size = step.literal_size;
    return static_cast<size_t>(end - from) < size || from > end ? nullptr : end - size;
  }
  const char* const found = from > end ? end : find_byte(from, end, step.stop);
  return found == end ? nullptr : found;
}

/// The step at `p` does not fit. Whether that is because the line was cut off within it.
FormatScanner::Outcome FormatScanner::end_of_line(const Step& step, const char* p, const char* end,
                                                  ScannedLine* out) const {
  if (!step.after_times && step.kind == FieldKind::kText) out->time = TimeParts();
  const bool may_be_cut = options_.may_be_cut && (out->seen != 0 || out->time.to_ms());
  const auto fits_so_far = [&](const char* behind) {
    return behind == nullptr ? p == end : literal_of(step).starts_with({behind, end});
  };
  bool cut = false;            // the line ends before the step could be told not to fit …
  const char* open = nullptr;  // … and within the value that begins here
  switch (step.kind) {
    case FieldKind::kText:
      cut = may_be_cut || step.may_break;
      open = p;
      break;
    case FieldKind::kQuoted:
    case FieldKind::kHashed: {
      const char* const quote = find_byte(p, end, '"');
      cut = may_be_cut && fits_so_far(quote);
      if (quote == end) open = p;
      break;
    }
    case FieldKind::kCaptures: {
      const bool absent = p == end || *p != '{';
      const char* const close = absent ? end : find_byte(p, end, '}');
      const char* const behind = close == end ? end : close + 1;
      cut = may_be_cut && (absent ? p == end : fits_so_far(behind));
      if (!absent && close == end) open = p + 1;
      break;
    }
    case FieldKind::kWord:
    case FieldKind::kOddWord:
      cut = may_be_cut && fits_so_far(find_word_end(p, end, step.stop));
      break;
    case FieldKind::kNumber:
      cut = may_be_cut && fits_so_far(match_number(p, end));
      break;
    case FieldKind::kTime:
    case FieldKind::kNone:
      break;
  }
  if (!cut) {
    out->misfit = {p, end};
    return Outcome::kMalformed;
  }
  if (open != nullptr && step.value != kNotNeeded) keep(step.value, {open, end}, 0, true, out);
  return Outcome::kCut;
}

}  // namespace lastseen
