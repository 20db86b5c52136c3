// Times in log formats: strftime's conversions, read instead of written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/timestamp.h"

namespace lastseen {

/// What the fields of one line say of its time; some formats write it in several pieces.
struct TimeParts {
  CivilTime civil;
  bool has_date = false;
  bool has_clock = false;
  bool has_epoch = false;
  bool has_offset = false;
  bool afternoon = false;
  bool half_day_clock = false;  ///< The hour is one of twelve.
  int ms = 0;
  int64_t epoch_s = 0;

  /// Milliseconds since 1970-01-01 UTC; nothing when a piece is missing or there is no such time.
  /// A time without an offset is given as if it were one of UTC.
  std::optional<int64_t> to_ms() const;
  bool is_local() const { return !has_epoch && !has_offset; }
};

/// The last time that a kClfTime gave: most lines have the second of the line before.
struct ClfMemo {
  static constexpr size_t kSize = 26;
  alignas(16) std::array<char, 32> text{};
  int64_t epoch_s = -1;  ///< Negative: nothing is remembered.
};

/// A compiled pattern. Beside strftime's own conversions: `%s` seconds since 1970 (10 digits),
/// `%3f` a fraction of so many digits (1 to 9), `%Q` and `%N` milli- and microseconds since 1970.
class TimePattern {
 public:
  struct Error {
    std::string message;
    size_t at = 0;  ///< Byte of the pattern.
  };
  /// Nothing, and `error` set, for a conversion that cannot be read back.
  static std::optional<TimePattern> compile(std::string_view pattern, Error* error);

  /// Reads the time at `p` and gives what stands behind it; null when there is none. Looks at a
  /// bounded number of bytes. Only the shape is checked here: see TimeParts::to_ms(). `memo`: null
  /// where other pieces may be added to the time.
  const char* match(const char* p, const char* end, TimeParts* parts, ClfMemo* memo) const;

  /// With no other piece, it says which second it was.
  bool is_complete() const { return (has_date_ && has_clock_) || has_epoch_; }
  bool has_fraction() const { return has_fraction_; }

 private:
  struct Item {
    char conversion = 0;  ///< 0: the character `literal`.
    char literal = 0;
    int digits = 0;  ///< Of an `f`.
  };

  bool add(char conversion, int digits);
  static const char* match_item(const Item& item, const char* p, const char* end, TimeParts* parts);

  std::vector<Item> items_;
  bool is_clf_ = false;
  bool has_date_ = false;
  bool has_clock_ = false;
  bool has_epoch_ = false;
  bool has_fraction_ = false;
};

/// The patterns that have a name in some dialect.
inline constexpr std::string_view kClfTime = "%d/%b/%Y:%H:%M:%S %z";
inline constexpr std::string_view kIso8601Time = "%Y-%m-%dT%H:%M:%S%z";

}  // namespace lastseen
