#include "base/time_text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace lastseen {

namespace {

constexpr int64_t kYear0000Ms = -62'167'219'200'000;
constexpr int64_t kYear9999EndMs = 253'402'300'799'999;

}  // namespace

std::string format_utc_ms(int64_t ms) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds(std::clamp(ms, kYear0000Ms, kYear9999EndMs))};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()}, int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()),
                int(clock.subseconds().count()));
  return text;
}

std::string format_age_ms(int64_t ms) {
  const int64_t seconds = std::max<int64_t>(ms, 0) / 1000;
  const auto two = [](int64_t large, const char* large_unit, int64_t small,
                      const char* small_unit) {
    std::string text = std::to_string(large) + large_unit;
    if (small > 0) text += " " + std::to_string(small) + small_unit;
    return text;
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 86'400) return two(seconds / 3600, " h", seconds % 3600 / 60, " min");
  return two(seconds / 86'400, " d", seconds % 86'400 / 3600, " h");
}

}  // namespace lastseen
