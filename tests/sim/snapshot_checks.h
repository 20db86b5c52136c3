// What holds of each snapshot, and when an agent has come to rest.
#pragma once

#include <algorithm>
#include <string>

#include "base/snapshot.h"

namespace lastseen::sim {

/// Whose ledger does not balance, and how; empty: each does.
inline std::string unbalanced(const AgentSnapshot& snapshot) {
  for (const InputSnapshot& input : snapshot.inputs)
    if (input.totals.lines_read != input.totals.settled() + input.pending)
      return "the ledger of " + input.name + " does not balance: read " +
             std::to_string(input.totals.lines_read) + ", settled " +
             std::to_string(input.totals.settled()) + ", pending " + std::to_string(input.pending);
  return "";
}

inline bool nothing_pending(const AgentSnapshot& snapshot) {
  return std::all_of(snapshot.inputs.begin(), snapshot.inputs.end(),
                     [](const InputSnapshot& input) { return input.pending == 0; });
}

}  // namespace lastseen::sim
