// From the configuration to the parts of the pipeline.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon_sockets.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"
#include "reload_plan.h"
#include "source/descriptor_budget.h"
#include "source/feed.h"
#include "source/hold_budget.h"
#include "source/watcher.h"

namespace lastseen {

/// A feed and the input that it is for.
struct InputFeed {
  std::string input;
  std::shared_ptr<Feed> feed;
};

/// Each for a thread of its own.
using Feeds = std::vector<InputFeed>;

/// What the sources of an agent share. The references outlive them.
struct SharedParts {
  SharedParts(FileSystem& file_system, Watcher& uv_watcher, Log& agent_log)
      : files(file_system), watcher(uv_watcher), log(agent_log) {}

  FileSystem& files;
  Watcher& watcher;
  Log& log;
  std::shared_ptr<HoldBudget> hold;
  std::shared_ptr<DescriptorBudget> descriptors;
};

/// `once`: files whose input says no `start` are read from their beginning, and what has no end
/// (sockets and fifos) is left out. Feeds that inputs need are added to `feeds`; one whose socket
/// is in `passed`, by sockets_of(), takes that one.
Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once,
                                                SharedParts& shared, Feeds& feeds,
                                                const std::vector<PassedSocket>& passed = {});

/// For a running agent: sources that `plan` keeps get to know what is different, and the others are
/// built. Feeds that new inputs need are added to `added`; `sockets`: those of sockets_of().
Result<PipelineChange> build_change(const Config& next, const ReloadPlan& plan, SharedParts& shared,
                                    Feeds& added, const std::vector<int>& sockets);

/// The parser of one input, as `run` and `parse` both use it.
Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input);

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed);
FlusherOptions flusher_options(const Config& config, uint64_t seed);
LogLevel log_level(const Config& config);

}  // namespace lastseen
