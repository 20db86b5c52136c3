#include "parsers/format_time.h"

#include <algorithm>
#include <cstring>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr int kEpochSecondDigits = 10;  // from 2001 until 2286
constexpr int kFractionDigitsMax = 9;

bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z';
}

/// Reads exactly `count` digits; null when they are not there.
const char* read_digits(const char* p, const char* end, int count, int64_t* value) {
  if (end - p < count) return nullptr;
  int64_t number = 0;
  for (int i = 0; i < count; ++i) {
    if (!is_digit(p[i])) return nullptr;
    number = number * 10 + (p[i] - '0');
  }
  *value = number;
  return p + count;
}

const char* read_int(const char* p, const char* end, int count, int* value) {
  int64_t number = 0;
  p = read_digits(p, end, count, &number);
  if (p != nullptr) *value = static_cast<int>(number);
  return p;
}

/// `Z`, `+hh`, `+hhmm` or `+hh:mm`.
const char* read_offset(const char* p, const char* end, int* minutes) {
  if (p == end) return nullptr;
  if (*p == 'Z' || *p == 'z') {
    *minutes = 0;
    return p + 1;
  }
  if (*p != '+' && *p != '-') return nullptr;
  const bool west = *p == '-';
  int hour = 0;
  int minute = 0;
  p = read_int(p + 1, end, 2, &hour);
  if (p == nullptr) return nullptr;
  const char* const minutes_at = p < end && *p == ':' ? p + 1 : p;
  if (const char* const after = read_int(minutes_at, end, 2, &minute)) p = after;
  *minutes = west ? -(hour * 60 + minute) : hour * 60 + minute;
  return p;
}

/// Seconds or smaller units since 1970; `digits` of them after the seconds.
const char* read_epoch(const char* p, const char* end, int digits, TimeParts* parts) {
  int64_t value = 0;
  p = read_digits(p, end, kEpochSecondDigits + digits, &value);
  if (p == nullptr) return nullptr;
  for (int i = digits; i > 3; --i) value /= 10;
  parts->has_epoch = true;
  parts->epoch_s = digits == 0 ? value : value / 1000;
  if (digits != 0) parts->ms = static_cast<int>(value % 1000);
  return p;
}

const char* read_fraction(const char* p, const char* end, int digits, int* ms) {
  int64_t value = 0;
  p = read_digits(p, end, digits, &value);
  if (p == nullptr) return nullptr;
  for (int i = digits; i > 3; --i) value /= 10;
  for (int i = digits; i < 3; ++i) value *= 10;
  *ms = static_cast<int>(value);
  return p;
}

const char* skip_letters(const char* p, const char* end) {
  const char* const begin = p;
  constexpr ptrdiff_t kWordMax = 16;  // longer than any name of a month, day or zone
  while (p < end && p - begin < kWordMax && is_letter(*p)) ++p;
  return p == begin ? nullptr : p;
}

const char* read_month(const char* p, const char* end, bool whole_name, int* month) {
  if (end - p < 3 || !is_letter(p[0]) || !is_letter(p[1]) || !is_letter(p[2])) return nullptr;
  *month = month_of({p, 3});
  return whole_name ? skip_letters(p, end) : p + 3;
}

/// kClfTime by itself, since nearly every line of every text format has one.
const char* match_clf(const char* p, const char* end, TimeParts* parts, ClfMemo* memo) {
  constexpr size_t kSize = ClfMemo::kSize;
  if (memo != nullptr) {
    // The text before may have been ended too early, at what looked like a time: that is forgotten.
    parts->has_epoch = memo->epoch_s >= 0 &&
                       starts_with_padded(p, end, memo->text.data(), mask_behind_first(kSize));
    if (parts->has_epoch) {
      parts->epoch_s = memo->epoch_s;
      return p + kSize;
    }
  }
  if (end - p < ptrdiff_t{kSize}) return nullptr;
  if (p[2] != '/' || p[6] != '/' || p[11] != ':' || p[14] != ':' || p[17] != ':' || p[20] != ' ' ||
      (p[21] != '+' && p[21] != '-') || !is_letter(p[3]) || !is_letter(p[4]) || !is_letter(p[5])) {
    return nullptr;
  }
  bool digits = true;
  const auto two = [&](int at) {
    digits &= is_digit(p[at]) && is_digit(p[at + 1]);
    return (p[at] - '0') * 10 + (p[at + 1] - '0');
  };
  CivilTime& time = parts->civil;
  time.day = two(0);
  time.month = month_of({p + 3, 3});
  time.year = two(7) * 100 + two(9);
  time.hour = two(12);
  time.minute = two(15);
  time.second = two(18);
  const int offset = two(22) * 60 + two(24);
  time.offset_minutes = p[21] == '-' ? -offset : offset;
  parts->has_date = true;
  parts->has_clock = true;
  parts->has_offset = true;
  if (!digits) return nullptr;
  const std::optional<int64_t> ms = memo == nullptr ? std::nullopt : parts->to_ms();
  if (ms) {
    std::memcpy(memo->text.data(), p, kSize);
    memo->epoch_s = *ms / 1000;
  }
  return p + kSize;
}

}  // namespace

std::optional<int64_t> TimeParts::to_ms() const {
  constexpr int kOffsetMinutesMax = 24 * 60 - 1;
  if (has_epoch) return epoch_s * 1000 + ms;
  if (!has_date || !has_clock) return std::nullopt;
  if (civil.offset_minutes < -kOffsetMinutesMax || civil.offset_minutes > kOffsetMinutesMax) {
    return std::nullopt;
  }
  CivilTime time = civil;
  if (half_day_clock) {
    if (time.hour < 1 || time.hour > 12) return std::nullopt;
    time.hour = time.hour % 12 + (afternoon ? 12 : 0);
  }
  return civil_to_ms(time, ms);
}

std::optional<TimePattern> TimePattern::compile(std::string_view pattern, Error* error) {
  TimePattern result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      result.items_.push_back({0, pattern[i], 0});
      continue;
    }
    const size_t begin = i++;
    int digits = 0;
    if (i < pattern.size() && is_digit(pattern[i])) digits = pattern[i++] - '0';
    const char conversion = i < pattern.size() ? pattern[i] : '\0';
    if (conversion == 'f' && digits == 0) digits = kFractionDigitsMax;  // Envoy's `%f`
    if ((digits != 0 && conversion != 'f') || !result.add(conversion, digits)) {
      *error = {"the time format has `" +
                    std::string(pattern.substr(begin, std::min(i + 1, pattern.size()) - begin)) +
                    "`, which cannot be read back",
                begin};
      return std::nullopt;
    }
  }
  result.is_clf_ = pattern == kClfTime;
  return result;
}

/// False for a conversion that is not known.
bool TimePattern::add(char conversion, int digits) {
  const auto expand = [this](std::string_view shorter) {
    for (size_t i = 0; i < shorter.size(); ++i) {
      if (shorter[i] == '%') {
        add(shorter[++i], 0);
      } else {
        items_.push_back({0, shorter[i], 0});
      }
    }
    return true;
  };
  switch (conversion) {
    case 'F':
      return expand("%Y-%m-%d");
    case 'T':
      return expand("%H:%M:%S");
    case 'R':
      return expand("%H:%M");
    case 'D':
      return expand("%m/%d/%y");
    case 'r':
      return expand("%I:%M:%S %p");
    case 'c':
      return expand("%a %b %e %H:%M:%S %Y");
    case '%':
      items_.push_back({0, '%', 0});
      return true;
    case 'n':
    case 't':
      items_.push_back({0, conversion == 'n' ? '\n' : '\t', 0});
      return true;
    default:
      break;
  }
  if (std::string_view("YymdeHISMpbhBaAzZsfQN").find(conversion) == std::string_view::npos ||
      conversion == '\0') {
    return false;
  }
  if (conversion == 'h') conversion = 'b';
  has_date_ |= conversion == 'd' || conversion == 'e';
  has_clock_ |= conversion == 'H' || conversion == 'I';
  has_epoch_ |= conversion == 's' || conversion == 'Q' || conversion == 'N';
  has_fraction_ |= conversion == 'f' || conversion == 'Q' || conversion == 'N';
  items_.push_back({conversion, 0, digits});
  return true;
}

const char* TimePattern::match(const char* p, const char* end, TimeParts* parts,
                               ClfMemo* memo) const {
  if (is_clf_) return match_clf(p, end, parts, memo);
  for (const Item& item : items_) {
    if (item.conversion == 0) {
      if (p == end || *p != item.literal) return nullptr;
      ++p;
    } else {
      p = match_item(item, p, end, parts);
      if (p == nullptr) return nullptr;
    }
  }
  return p;
}

const char* TimePattern::match_item(const Item& item, const char* p, const char* end,
                                    TimeParts* parts) {
  CivilTime& time = parts->civil;
  switch (item.conversion) {
    case 'Y':
      return read_int(p, end, 4, &time.year);
    case 'y':
      p = read_int(p, end, 2, &time.year);
      time.year += time.year < 70 ? 2000 : 1900;
      return p;
    case 'm':
      return read_int(p, end, 2, &time.month);
    case 'b':
    case 'B':
      return read_month(p, end, item.conversion == 'B', &time.month);
    case 'e':
      parts->has_date = true;
      if (p < end && *p == ' ') return read_int(p + 1, end, 1, &time.day);
      return read_int(p, end, 2, &time.day);
    case 'd':
      parts->has_date = true;
      return read_int(p, end, 2, &time.day);
    case 'H':
    case 'I':
      parts->has_clock = true;
      parts->half_day_clock = item.conversion == 'I';
      return read_int(p, end, 2, &time.hour);
    case 'M':
      return read_int(p, end, 2, &time.minute);
    case 'S':
      return read_int(p, end, 2, &time.second);
    case 'p':
      parts->afternoon = p < end && (*p | 0x20) == 'p';
      return skip_letters(p, end);
    case 'z':
      parts->has_offset = true;
      return read_offset(p, end, &time.offset_minutes);
    case 's':
      return read_epoch(p, end, 0, parts);
    case 'Q':
      return read_epoch(p, end, 3, parts);
    case 'N':
      return read_epoch(p, end, 6, parts);
    case 'f':
      return read_fraction(p, end, item.digits, &parts->ms);
    default:  // a, A, Z: the name of a day or a zone
      return skip_letters(p, end);
  }
}

}  // namespace lastseen
