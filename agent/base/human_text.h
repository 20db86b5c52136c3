// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lastseen {

/// 1204 → "1,204".
std::string grouped(uint64_t number);

/// "1,204 lines", "1 line".
std::string counted(uint64_t number, std::string_view noun);

/// The two largest units that say something: "3 d 4 h", "2 h 3 min", "5 min 10 s", "0.4 s".
std::string duration(int64_t ms);

/// "904 B", "2.1 MiB".
std::string bytes_text(uint64_t bytes);

}  // namespace lastseen
