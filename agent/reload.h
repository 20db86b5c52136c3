// From the configuration file to everything that a running agent needs to go over to it, built and
// opened, while nothing of what runs has changed yet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent.h"
#include "build_parts.h"
#include "config/config.h"
#include "control/http_server.h"
#include "daemon_sockets.h"
#include "reload_plan.h"

namespace lastseen {

/// A reload that can go ahead. Destroyed instead, what it opened is closed again.
struct PreparedReload {
  std::shared_ptr<const Config> config;
  ReloadPlan plan;
  AgentChange change;
  Feeds added;  ///< For inputs that are new; `change` has them too.
};

struct RunningParts {
  const Config& config;
  SharedParts& shared;
  HttpServer* control;  ///< Null: there is none yet.
  const Feeds& feeds;
  const std::vector<PassedSocket>& passed;
};

/// kReject, with a message that says what to do: the file is wrong, or something that it names
/// cannot be opened; every error of the file is logged with its place. After success the control
/// server waits for apply_change() or drop_change().
Result<PreparedReload> prepare_reload(const std::string& path, const RunningParts& running,
                                      uint64_t seed);

}  // namespace lastseen
