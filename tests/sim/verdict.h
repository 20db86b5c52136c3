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
/// destroyed that the store did not have. Empty when every client, count and ledger is right, else
/// what is not.
std::string verdict(const AgentSnapshot& snapshot, SimStore& store,
                    const std::vector<std::unique_ptr<Proxy>>& proxies, bool calm);

}  // namespace lastseen::sim
