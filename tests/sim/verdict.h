// What must be true at the end of a run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/snapshot.h"
#include "sim/proxy.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

/// Compares what the agent and the store say with what the proxies wrote. `calm`: nothing was
/// destroyed that the store did not have. `behind_ms`: how far a row may be behind its client's
/// newest line, because an agent was killed that withheld it. Empty when every client, count and
/// ledger is right, else what is not.
std::string verdict(const AgentSnapshot& snapshot, SimStore& store,
                    const std::vector<std::unique_ptr<Proxy>>& proxies, bool calm,
                    int64_t behind_ms);

}  // namespace lastseen::sim
