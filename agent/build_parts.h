// From the configuration to the parts of the pipeline.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "config/config.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"
#include "source/watcher.h"

namespace lastseen {

/// `once`: files whose input says no `start` are read from their beginning.
Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once, FileSystem& files,
                                                Watcher& watcher, Log& log);

/// The parser of one input, as `run` and `parse` both use it.
Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input);

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed);
FlusherOptions flusher_options(const Config& config, uint64_t seed);
LogLevel log_level(const Config& config);

}  // namespace lastseen
