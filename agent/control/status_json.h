// GET /status: everything the agent knows of itself, for tools.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/snapshot.h"

namespace lastseen {

/// One JSON object and a newline. Every reason is listed, also at 0: members never come and go.
std::string status_json(const AgentSnapshot& snapshot, Now now, int64_t pid);

}  // namespace lastseen
