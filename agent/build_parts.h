// From the configuration to the parts of the pipeline.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "config/config.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"
#include "source/feed.h"
#include "source/watcher.h"

namespace lastseen {

/// Each for a thread of its own; they outlive the pipeline.
using Feeds = std::vector<std::unique_ptr<Feed>>;

/// `once`: files whose input says no `start` are read from their beginning, and what has no end
/// (sockets and fifos) is left out. Feeds that inputs need are added to `feeds`.
Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once, FileSystem& files,
                                                Watcher& watcher, Log& log, Feeds& feeds);

/// The parser of one input, as `run` and `parse` both use it.
Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input);

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed);
FlusherOptions flusher_options(const Config& config, uint64_t seed);
LogLevel log_level(const Config& config);

}  // namespace lastseen
