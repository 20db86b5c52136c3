// What a new configuration changes of a running agent: decided before anything is touched.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/config.h"

namespace lastseen {

enum class StoreReload {
  kNone,   ///< The store goes on.
  kAnew,   ///< The same tables, reached or used in another way.
  kOther,  ///< Another store, which knows nothing of this agent or something old.
};

struct ReloadPlan {
  /// For each input of the new configuration: the name of the running one whose source it takes
  /// over, with everything that is open and known; empty: it is new.
  std::vector<std::string> keeps;
  StoreReload store = StoreReload::kNone;
  /// "2 inputs added, store changed": for people. Empty: nothing changes.
  std::string summary;
};

/// An input keeps its source by its name, or under a new name by its type and path. kReject: the
/// change needs a restart, and the message says which one.
Result<ReloadPlan> plan_reload(const Config& running, const Config& next);

}  // namespace lastseen
