#include "parsers/timestamp.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr size_t kSecondsDigitsMax = 11;         // of an epoch: see parse_epoch()
constexpr int64_t kMaxMs = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

/// The number that eight digits at `p` write; nothing when not all are digits.
std::optional<uint32_t> read_eight_digits(const char* p) {
  uint64_t text = 0;
  std::memcpy(&text, p, sizeof text);
  if constexpr (std::endian::native == std::endian::little) text = __builtin_bswap64(text);
  constexpr uint64_t kHalves = 0xf0f0'f0f0'f0f0'f0f0;
  constexpr uint64_t kZeros = 0x3030'3030'3030'3030;
  if ((text & kHalves) != kZeros || ((text + 0x0606'0606'0606'0606) & kHalves) != kZeros) {
    return std::nullopt;
  }
  constexpr uint64_t kBytes = 0x00ff'00ff'00ff'00ff;
  constexpr uint64_t kPairs = 0x0000'ffff'0000'ffff;
  text -= kZeros;
  text = (text & kBytes) + (text >> 8 & kBytes) * 10;
  text = (text & kPairs) + (text >> 16 & kPairs) * 100;
  return static_cast<uint32_t>((text & 0xffff'ffff) + (text >> 32) * 10'000);
}

/// `1795305600.000` in milliseconds: nginx's $msec and its like. Negative when it is anything else.
int64_t read_msec(std::string_view text) {
  constexpr size_t kPoint = 10;
  if (text.size() != kPoint + 4 || text[kPoint] != '.') return -1;
  const std::optional<uint32_t> first = read_eight_digits(text.data());
  unsigned last = 0;
  bool good = first.has_value();
  for (const size_t at : {8, 9, 11, 12, 13}) {
    const unsigned digit = static_cast<unsigned char>(text[at]) - unsigned{'0'};
    good &= digit <= 9;
    last = last * 10 + digit;
  }
  return good ? int64_t{*first} * 100'000 + last : -1;
}

/// Takes texts apart from the left. Once something did not fit, `ok` stays false.
struct Reader {
  std::string_view left;
  bool ok = true;

  int number(size_t digits) {
    if (left.size() < digits) ok = false;
    if (!ok) return 0;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!is_digit(left[i])) ok = false;
      value = value * 10 + (left[i] - '0');
    }
    left.remove_prefix(digits);
    return ok ? value : 0;
  }
  bool accept(char c) {
    if (left.empty() || left.front() != c) return false;
    left.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok = accept(c) && ok; }
  /// Digits after a decimal point, as milliseconds. At least one must stand there.
  int fraction_ms() {
    int value = 0;
    size_t digits = 0;
    for (; digits < left.size() && is_digit(left[digits]); ++digits) {
      if (digits < 3) value = value * 10 + (left[digits] - '0');
    }
    if (digits == 0) ok = false;
    for (size_t i = digits; i < 3; ++i) value *= 10;
    left.remove_prefix(digits);
    return value;
  }
};

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr std::array<int, 13> kDaysBefore = {0,   31,  59,  90,  120, 151, 181,
                                             212, 243, 273, 304, 334, 365};

bool is_valid(const CivilTime& t) {
  if (t.year < 1970 || t.month < 1 || t.month > 12 || t.day < 1) return false;
  const auto month = static_cast<size_t>(t.month);
  int days = kDaysBefore[month] - kDaysBefore[month - 1];
  if (t.month == 2 && is_leap(t.year)) ++days;
  return t.day <= days && t.hour <= 23 && t.minute <= 59 && t.second <= 60;
}

/// `+hh:mm`, `+hhmm` or `+hh`; the colon is optional, as in ISO 8601's two forms.
int read_offset_minutes(Reader* in) {
  const bool west = in->accept('-');
  if (!west) in->expect('+');
  const int hours = in->number(2);
  int minutes = 0;
  if (!in->left.empty()) {
    in->accept(':');
    minutes = in->number(2);
  }
  if (hours > 23 || minutes > 59) in->ok = false;
  return west ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/// Three bytes as one number, to tell months apart by one comparison.
constexpr uint32_t letters(const char* text) {
  return static_cast<uint32_t>(static_cast<unsigned char>(text[0])) << 16 |
         static_cast<uint32_t>(static_cast<unsigned char>(text[1])) << 8 |
         static_cast<unsigned char>(text[2]);
}

}  // namespace

std::optional<int64_t> civil_to_ms(const CivilTime& t, int ms) {
  if (!is_valid(t)) return std::nullopt;
  const int before = t.year - 1;  // leap days of the years that have ended
  int64_t days = int64_t{365} * (t.year - 1970) + (before / 4 - before / 100 + before / 400) -
                 (1969 / 4 - 1969 / 100 + 1969 / 400);
  days += kDaysBefore[static_cast<size_t>(t.month) - 1] + t.day - 1;
  if (t.month > 2 && is_leap(t.year)) ++days;
  const int64_t minutes = days * 1440 + t.hour * 60 + t.minute - t.offset_minutes;
  const int64_t result = (minutes * 60 + t.second) * 1000 + ms;
  if (result < 0 || result > kMaxMs) return std::nullopt;
  return result;
}

int month_of(std::string_view name) {
  if (name.size() != 3) return 0;
  switch (letters(name.data())) {
    case letters("Jan"):
      return 1;
    case letters("Feb"):
      return 2;
    case letters("Mar"):
      return 3;
    case letters("Apr"):
      return 4;
    case letters("May"):
      return 5;
    case letters("Jun"):
      return 6;
    case letters("Jul"):
      return 7;
    case letters("Aug"):
      return 8;
    case letters("Sep"):
      return 9;
    case letters("Oct"):
      return 10;
    case letters("Nov"):
      return 11;
    case letters("Dec"):
      return 12;
    default:
      return 0;
  }
}

std::optional<int64_t> parse_epoch(std::string_view text) {
  constexpr uint64_t kSecondsMin = 100'000'000;
  constexpr size_t kDigitsMax = 19;  // nanoseconds until the year 2286; fits into 64 bits
  const int64_t ms = read_msec(text);
  if (ms >= static_cast<int64_t>(kSecondsMin) * 1000) return ms;
  size_t digits = 0;
  uint64_t value = 0;
  if (text.size() >= 8) {
    if (const std::optional<uint32_t> first = read_eight_digits(text.data())) {
      value = *first;
      digits = 8;
    }
  }
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    if (digits == kDigitsMax) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  int fraction = 0;
  Reader in{text.substr(digits)};
  if (in.accept('.')) fraction = in.fraction_ms();
  if (!in.ok || !in.left.empty()) return std::nullopt;
  if (value < kSecondsMin) return std::nullopt;
  if (value < 100'000'000'000) return static_cast<int64_t>(value) * 1000 + fraction;
  while (value >= 100'000'000'000'000) value /= 1000;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> parse_iso8601(std::string_view text, bool* local) {
  constexpr size_t kSecondEnd = 19;
  if (text.size() < kSecondEnd) return std::nullopt;
  const char* const p = text.data();
  bool digits = true;
  const auto two = [&](int at) {
    digits &= is_digit(p[at]) && is_digit(p[at + 1]);
    return (p[at] - '0') * 10 + (p[at + 1] - '0');
  };
  const CivilTime date_and_clock = {
      two(0) * 100 + two(2), two(5), two(8), two(11), two(14), two(17)};
  const bool marks = p[4] == '-' && p[7] == '-' && (p[10] == 'T' || p[10] == 't' || p[10] == ' ') &&
                     p[13] == ':' && p[16] == ':';
  if (!digits || !marks) return std::nullopt;
  CivilTime t = date_and_clock;
  Reader in{text.substr(kSecondEnd)};
  int ms = 0;
  if (in.accept('.') || in.accept(',')) ms = in.fraction_ms();
  const bool no_offset = local != nullptr && in.left.empty();
  if (local != nullptr) *local = no_offset;
  if (!no_offset && !in.accept('Z') && !in.accept('z')) t.offset_minutes = read_offset_minutes(&in);
  if (!in.ok || !in.left.empty()) return std::nullopt;
  return civil_to_ms(t, ms);
}

std::optional<int64_t> parse_clf_time(std::string_view text) {
  Reader in{text};
  CivilTime t;
  t.day = in.number(2);
  in.expect('/');
  t.month = month_of(in.left.substr(0, 3));
  in.left.remove_prefix(in.left.size() < 3 ? in.left.size() : 3);
  in.expect('/');
  t.year = in.number(4);
  in.expect(':');
  t.hour = in.number(2);
  in.expect(':');
  t.minute = in.number(2);
  in.expect(':');
  t.second = in.number(2);
  in.expect(' ');
  t.offset_minutes = read_offset_minutes(&in);
  if (!in.ok || !in.left.empty()) return std::nullopt;
  return civil_to_ms(t, 0);
}

std::optional<int64_t> parse_wall_time(std::string_view text) {
  Reader in{text};
  CivilTime t;
  t.year = in.number(4);
  in.expect('/');
  t.month = in.number(2);
  in.expect('/');
  t.day = in.number(2);
  in.expect(' ');
  t.hour = in.number(2);
  in.expect(':');
  t.minute = in.number(2);
  in.expect(':');
  t.second = in.number(2);
  const int ms = in.accept('.') ? in.fraction_ms() : 0;
  if (!in.ok || !in.left.empty()) return std::nullopt;
  return civil_to_ms(t, ms);
}

std::optional<int64_t> parse_timestamp(std::string_view text, bool* local) {
  if (local != nullptr) *local = false;
  if (text.size() > 4 && text[4] == '-') return parse_iso8601(text, local);
  if (text.size() > 4 && text[4] == '/') {
    if (local != nullptr) *local = true;
    return parse_wall_time(text);
  }
  if (text.size() > 2 && text[2] == '/') return parse_clf_time(text);
  return parse_epoch(text);
}

std::optional<int64_t> TimeReader::read_anew(std::string_view text, bool* local) {
  const std::optional<int64_t> ms = parse_timestamp(text, local);
  if (ms && text.size() >= kSizeMin && text.size() <= kSizeMax) remember(text, *ms, *local);
  return ms;
}

void TimeReader::remember(std::string_view text, int64_t ms, bool local) {
  size_ = text.size();
  std::copy(text.begin(), text.end(), text_.begin());
  mask_.fill('\xff');
  const size_t mark = text.find_first_of(".,");
  fraction_at_ = fraction_end_ = std::min(mark, text.size() - 1) + 1;
  // Behind more digits than seconds since 1970 have it is no fraction of a second.
  const bool of_a_second = mark <= kSecondsDigitsMax || !is_digit(text[4]);
  while (of_a_second && fraction_end_ < text.size() && is_digit(text[fraction_end_]))
    ++fraction_end_;
  if (fraction_end_ < fraction_at_ + 3) fraction_end_ = fraction_at_;
  has_fraction_ = fraction_at_ != fraction_end_;
  second_ms_ = has_fraction_ ? ms - ms % 1000 : ms;
  local_ = local;
  std::fill(mask_.begin() + static_cast<ptrdiff_t>(fraction_at_),
            mask_.begin() + static_cast<ptrdiff_t>(fraction_end_), '\0');
}

}  // namespace lastseen
