// What an earlier run left in its spill file, at start.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "base/spill.h"
#include "base/state_file.h"
#include "config/config.h"
#include "pipeline/pipeline.h"

namespace lastseen {

/// In state_dir, named after the agent, so that several may share it.
std::string spill_path(const Config& config);

/// Whose it is to be.
SpillOwner spill_owner(const Config& config);

/// A file that cannot be used is set aside, and the log says so. Empty: there is nothing.
std::vector<SpillPart> read_spill(StateFile& file, const SpillOwner& owner, Log& log);

/// Names the agents whose spill files lie in state_dir, too: this one may have had another name.
void say_other_spills(const Config& config, FileSystem& files, Log& log);

/// Names the inputs that brought something and are not in the configuration any more.
void say_left_out_inputs(const std::vector<SpillPart>& parts,
                         const std::vector<PipelineInput>& inputs, Log& log);

}  // namespace lastseen
