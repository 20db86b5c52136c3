#include "build_parts.h"

#include <algorithm>
#include <utility>

#include "source/file_source.h"

namespace lastseen {

namespace {

// A hot file is looked at this often. At 10,000 writes a second a look every 20 ms costs 0.5 % of
// a core, one for each write 7.6 %; a short flush interval wants to be served more often.
constexpr int64_t kHotMinMs = 2;
constexpr int64_t kHotMaxMs = 20;

}  // namespace

LogLevel log_level(const Config& config) {
  return static_cast<LogLevel>(config.log.level);
}

Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input) {
  ParserOptions options;
  options.client_id = input.client_id;
  options.time_required = config.last_seen.clock == SightingClock::kLog;
  return make_parser(input.parser, options);
}

Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once, FileSystem& files,
                                                Watcher& watcher, Log& log) {
  std::vector<PipelineInput> inputs;
  const auto hold =
      std::make_shared<HoldBudget>(static_cast<uint64_t>(config.hold.bytes), config.hold.age);
  for (const InputSettings& settings : config.inputs) {
    if (settings.type != "file") {
      return Status::fatal("input '" + settings.name + "': type '" + settings.type +
                           "' can not be run yet, only checked and parsed");
    }
    auto parser = build_parser(config, settings);
    if (!parser) return parser.status();
    const Start start = settings.start.value_or(once ? Start::kBegin : Start::kEnd);
    FileSourceOptions options;
    options.hot_ms = std::clamp<int64_t>(config.flush.interval / 4, kHotMinMs, kHotMaxMs);
    options.hold = hold;
    PipelineInput& input = inputs.emplace_back();
    input.name = settings.name;
    input.source = std::make_unique<FileSource>(settings, start, files, watcher, log, options);
    input.parser = std::move(*parser);
    input.line_bytes_max = static_cast<size_t>(settings.line_bytes_max);
    input.arrival_time = config.last_seen.clock == SightingClock::kArrival;
  }
  return inputs;
}

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed) {
  PipelineOptions options;
  options.agent_id = config.agent_id;
  options.clients_max = static_cast<uint64_t>(config.buffer.clients_max);
  options.flush_interval_ms = config.flush.interval;
  options.flush_clients = static_cast<uint64_t>(config.flush.clients);
  options.resolution_ms = config.last_seen.resolution;
  options.once = once;
  options.hash_seed = seed;
  return options;
}

FlusherOptions flusher_options(const Config& config, uint64_t seed) {
  FlusherOptions options;
  options.retry_initial_ms = config.store.retry_initial;
  options.retry_max_ms = config.store.retry_max;
  options.resolution_ms = config.last_seen.resolution;
  options.clients_max = static_cast<uint64_t>(config.buffer.clients_max);
  options.seed = seed;
  options.store_type = config.store.type;
  return options;
}

}  // namespace lastseen
