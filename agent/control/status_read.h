// The answer of GET /status, read back: the other side of status_json.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/snapshot.h"

namespace lastseen {

/// What an agent said of itself at one moment.
struct AgentStatus {
  std::string version;
  int64_t pid = 0;
  std::string not_ready;  ///< Why; empty: it is ready.
  AgentSnapshot snapshot;
};

/// Ages become moments before `now`, as the reader's clock has it. What an older agent does not
/// tell stays at its default. nullopt: no JSON, or not an agent's.
std::optional<AgentStatus> read_status(std::string_view json, Now now);

}  // namespace lastseen
