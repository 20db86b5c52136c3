// GET /status?format=text: the same as /status, for people. The agent renders it, so the client
// needs no JSON parser.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/snapshot.h"

namespace lastseen {

/// Several lines of printable UTF-8; the wording may change, scripts use the JSON.
std::string status_text(const AgentSnapshot& snapshot, Now now, int64_t pid);

}  // namespace lastseen
