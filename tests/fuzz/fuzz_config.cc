// Any bytes as a configuration: a Config or errors, never both or neither, and no password shown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const lastseen::Environment environment = [](const std::string& name) {
    return name.size() % 2 == 0 ? std::optional<std::string>(name) : std::nullopt;
  };
  const lastseen::LoadResult result = lastseen::parse_config(text, "fuzz.yaml", environment);
  if (result.config.has_value() == !result.errors.empty()) __builtin_trap();
  for (const lastseen::ConfigError& error : result.errors) {
    if (error.to_string().empty()) __builtin_trap();
  }
  lastseen::parse_duration(text);
  return 0;
}
