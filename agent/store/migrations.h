// The numbered SQL files of migrations/, as they travel inside the binary.
#pragma once

#include <string_view>
#include <vector>

namespace lastseen {

struct Migration {
  std::string_view dialect;  ///< "postgres" or "sqlite"
  std::string_view name;     ///< "0001_agent.sql"; the order of names is the order to apply
  std::string_view text;
};

/// Sorted by dialect, then by name.
const std::vector<Migration>& migrations();

}  // namespace lastseen
