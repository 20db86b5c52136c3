// What a reloaded configuration changes of a pipeline that goes on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/pipeline_input.h"

namespace lastseen {

/// One input of the next configuration.
struct InputChange {
  /// `source` is null: it is taken from the input `keeps`, or else made by `make_source`.
  PipelineInput parts;
  std::string keeps;
  std::unique_ptr<Source> source;  ///< For the pipeline: that of the input it keeps.
  std::function<std::unique_ptr<Source>()> make_source;
  /// Tells a source that is kept what is different now. May be null.
  std::function<void(Source&, Now)> adjust;
};

struct PipelineChange {
  PipelineOptions options;
  std::vector<InputChange> inputs;  ///< All of them; others leave.
  /// What they share changes too. May be null.
  std::function<void()> adjust_shared;
  /// Another store takes over, once what was read is committed to this one; it may be away.
  bool other_store = false;
  bool store_answers = false;  ///< This store took the last batch.
};

}  // namespace lastseen
