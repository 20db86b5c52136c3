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
#include "source/feed.h"
#include "source/watcher.h"

namespace lastseen {

/// Each for a thread of its own; they outlive the pipeline.
using Feeds = std::vector<std::unique_ptr<Feed>>;

/// `once`: files whose input says no `start` are read from their beginning, and what has no end
/// (sockets and fifos) is left out. Feeds that inputs need are added to `feeds`; one whose socket
/// is in `passed`, by the input's name or else by its path, takes that one.
Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once, FileSystem& files,
                                                Watcher& watcher, Log& log, Feeds& feeds,
                                                std::vector<PassedSocket> passed = {});

/// The parser of one input, as `run` and `parse` both use it.
Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input);

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed);
FlusherOptions flusher_options(const Config& config, uint64_t seed);
LogLevel log_level(const Config& config);

}  // namespace lastseen
