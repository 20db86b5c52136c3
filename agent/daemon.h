// The composition root: builds the parts, owns every thread, and turns signals into calls.
#pragma once

#include <string>

#include "config/config.h"

namespace lastseen {

struct RunOptions {
  bool once = false;        ///< Read every file to its end, flush, exit.
  std::string config_path;  ///< For messages.
};

/// Runs the agent until a signal, or with `once` until everything is read and committed.
/// Returns an ExitCode; at a deadline with the store stuck it does not return but exits.
int run_agent(const Config& config, const RunOptions& options);

}  // namespace lastseen
