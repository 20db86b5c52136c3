// Times as proxies write them. Digits stay digits: no floating point, so nothing rounds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "parsers/scan.h"

namespace lastseen {

/// A time as people write it. Nothing is checked until it is converted.
struct CivilTime {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int offset_minutes = 0;  ///< East of UTC.
};

/// Nothing when there is no such time, or it lies before 1970 or after 9999.
std::optional<int64_t> civil_to_ms(const CivilTime& time, int ms);

/// 1 … 12 for `Jan` … `Dec`, else 0.
int month_of(std::string_view name);

/// Milliseconds since 1970-01-01 UTC, cut (not rounded); nothing when the text is not exactly one
/// of the forms below, or the time lies before 1970 or after 9999. All forms are strict: a 30th
/// of February is no time. Second 60 is a leap second and counts as the next minute's first.

/// Any of the forms; tells them apart by their first bytes. `local`: set to whether the time has no
/// offset, and is given as if it were UTC; without it such a time is none.
std::optional<int64_t> parse_timestamp(std::string_view text, bool* local = nullptr);

/// The same for one time after the other: most lines have the second of the line before, and then
/// only the milliseconds are read.
class TimeReader {
 public:
  std::optional<int64_t> read(std::string_view text, bool* local) {
    int64_t ms = 0;
    if (read_again(text, &ms, local)) return ms;
    return read_anew(text, local);
  }

  /// Whether all but the milliseconds is as it was in the text before; they are then read.
  bool read_again(std::string_view text, int64_t* ms, bool* local) const {
    if (text.size() != size_ || !is_same_second(text.data())) return false;
    unsigned fraction = 0;
    if (has_fraction_) {
      const auto digit = [&](size_t at) {
        return static_cast<unsigned char>(text[fraction_at_ + at]) - unsigned{'0'};
      };
      const unsigned tenths = digit(0);
      const unsigned hundredths = digit(1);
      const unsigned thousandths = digit(2);
      if (tenths > 9 || hundredths > 9 || thousandths > 9) return false;
      for (size_t at = fraction_at_ + 3; at < fraction_end_; ++at) {
        if (!is_digit(text[at])) return false;
      }
      fraction = tenths * 100 + hundredths * 10 + thousandths;
    }
    *ms = second_ms_ + fraction;
    *local = local_;
    return true;
  }

 private:
  static constexpr size_t kSizeMin = sizeof(uint64_t);
  static constexpr size_t kSizeMax = 40;  ///< Bytes: `2026-11-21T22:45:05.123456789-06:00` has 35.

  /// The text has the size of the one before.
  bool is_same_second(const char* text) const {
    uint64_t differs = 0;
    const auto compare = [&](size_t at) {
      uint64_t here = 0;
      uint64_t before = 0;
      uint64_t mask = 0;
      std::memcpy(&here, text + at, sizeof here);
      std::memcpy(&before, text_.data() + at, sizeof before);
      std::memcpy(&mask, mask_.data() + at, sizeof mask);
      differs |= (here ^ before) & mask;
    };
    if (size_ < kSizeMin) return false;
    compare(0);
    for (size_t at = sizeof(uint64_t); at + sizeof(uint64_t) < size_; at += sizeof(uint64_t))
      compare(at);
    compare(size_ - sizeof(uint64_t));
    return differs == 0;
  }
  std::optional<int64_t> read_anew(std::string_view text, bool* local);
  void remember(std::string_view text, int64_t ms, bool local);

  size_t size_ = 0;  ///< 0: nothing is remembered.
  std::array<char, kSizeMax> text_{};
  std::array<char, kSizeMax> mask_{};  ///< All bits of the bytes that are to be compared.
  size_t fraction_at_ = 0;             ///< Of which no digit is compared …
  size_t fraction_end_ = 0;
  bool has_fraction_ = false;  ///< … if it has three digits or more.
  int64_t second_ms_ = 0;      ///< Without what is not compared.
  bool local_ = false;
};

/// `1795322705.342`: digits and an optional fraction. The unit is told by the magnitude: seconds
/// below 10^11 (until the year 5138), then milliseconds, microseconds from 10^14, nanoseconds from
/// 10^17. Seconds below 10^8 (the year 1973) are a duration or a counter, and no time.
std::optional<int64_t> parse_epoch(std::string_view text);

/// `2026-11-21T22:45:05.123456Z`, `… -06:00`, `-0600`, `-06`; `T`, `t` or one space in the middle,
/// any number of digits in the fraction. An offset must be there, except with `local`.
std::optional<int64_t> parse_iso8601(std::string_view text, bool* local = nullptr);

/// `21/Nov/2026:22:45:05 -0600`, the time of the common log format.
std::optional<int64_t> parse_clf_time(std::string_view text);

/// `2026/11/22 04:46:45.008`, Caddy's `wall`, `wall_milli` and `wall_nano`: it writes them in UTC,
/// without saying so.
std::optional<int64_t> parse_wall_time(std::string_view text);

}  // namespace lastseen
