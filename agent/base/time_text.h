// Times as people and tools read them.
#pragma once

#include <cstdint>
#include <string>

namespace lastseen {

/// "2026-11-21T22:45:05.123Z", from milliseconds since the epoch. Years 0000…9999; what lies
/// beyond is shown as the nearest of these.
std::string format_utc_ms(int64_t ms);

/// "3 s", "5 min", "2 h 10 min", "4 d 1 h": an age or a duration, two units at most.
std::string format_age_ms(int64_t ms);

}  // namespace lastseen
