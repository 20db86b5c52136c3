#include "build_parts.h"

#include <algorithm>
#include <utility>

#include "base/descriptor_limit.h"
#include "source/feed_source.h"
#include "source/file_source.h"
#include "source/listed_files.h"

namespace lastseen {

namespace {

// A hot file is looked at this often. At 10,000 writes a second a look every 20 ms costs 0.5 % of
// a core, one for each write 7.6 %; a short flush interval wants to be served more often.
constexpr int64_t kHotMinMs = 2;
constexpr int64_t kHotMaxMs = 20;

// What a feed's thread may be ahead of ingest: 5 s of 20,000 lines a second with 300 bytes each.
constexpr size_t kFeedQueueBytes = size_t{32} << 20;

// Descriptors that log files leave alone: 2 × 64 control connections, the store's (SQLite takes
// four, libpq two and one more while it connects), sockets, inotify, loops, the log, and those
// that a look needs for a moment.
constexpr size_t kDescriptorReserve = 160;

// The socket for this input, taken out of those that were passed in; -1: there is none.
int take_passed(const InputSettings& input, std::vector<PassedSocket>& passed) {
  auto found = std::find_if(passed.begin(), passed.end(),
                            [&](const PassedSocket& socket) { return socket.name == input.name; });
  if (found == passed.end())
    found = std::find_if(passed.begin(), passed.end(), [&](const PassedSocket& socket) {
      return !socket.path.empty() && socket.path == input.path;
    });
  if (found == passed.end()) return -1;
  const int fd = found->fd;
  passed.erase(found);
  return fd;
}

}  // namespace

LogLevel log_level(const Config& config) {
  return static_cast<LogLevel>(config.log.level);
}

Result<std::unique_ptr<Parser>> build_parser(const Config& config, const InputSettings& input) {
  ParserOptions options;
  options.client_id = input.client_id;
  options.time_zone = input.time_zone;
  options.time_required = config.last_seen.clock == SightingClock::kLog;
  return make_parser(input.parser, options);
}

Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once, FileSystem& files,
                                                Watcher& watcher, Log& log, Feeds& feeds,
                                                std::vector<PassedSocket> passed) {
  std::vector<PipelineInput> inputs;
  FileSourceOptions file_options;
  file_options.hot_ms = std::clamp<int64_t>(config.flush.interval / 4, kHotMinMs, kHotMaxMs);
  file_options.hold =
      std::make_shared<HoldBudget>(static_cast<uint64_t>(config.hold.bytes), config.hold.age);
  const size_t limit = raise_descriptor_limit();
  file_options.descriptors = std::make_shared<DescriptorBudget>(
      std::max(limit - std::min(limit, kDescriptorReserve), limit / 4));
  for (const InputSettings& settings : config.inputs) {
    const bool endless =
        settings.logs.empty() && settings.type != "file" && settings.type != "stdin";
    if (once && endless) {
      log.warn("left out: run --once reads what has an end, and a " + settings.type + " has none",
               {{"input", settings.name}});
      continue;
    }
    auto parser = build_parser(config, settings);
    if (!parser) return parser.status();
    PipelineInput& input = inputs.emplace_back();
    input.name = settings.name;
    if (!settings.logs.empty()) {
      input.source = std::make_unique<ListedFiles>(settings, files, log);
    } else if (settings.type == "file") {
      const Start start = settings.start.value_or(once ? Start::kBegin : Start::kEnd);
      input.source =
          std::make_unique<FileSource>(settings, start, files, watcher, log, file_options);
    } else {
      auto queue = std::make_shared<FeedQueue>(kFeedQueueBytes, [&watcher] { watcher.wake(); });
      feeds.push_back(make_feed(settings, queue, log, take_passed(settings, passed)));
      input.source = std::make_unique<FeedSource>(
          queue, *feeds.back(), settings.path.empty() ? settings.type : settings.path,
          file_options.hot_ms);
      input.urgent = !once;
      input.feed = true;
    }
    input.parser = std::move(*parser);
    input.line_bytes_max = static_cast<size_t>(settings.line_bytes_max);
    if (!settings.client_id.insert)
      input.new_per_second_max = 0;
    else if (settings.client_id.new_per_second_max > 0)
      input.new_per_second_max = static_cast<uint64_t>(settings.client_id.new_per_second_max);
    input.arrival_time = config.last_seen.clock == SightingClock::kArrival;
  }
  for (const PassedSocket& unused : passed)
    log.warn(
        "a socket that was passed in belongs to no input; its FileDescriptorName= should be the "
        "name of one",
        {{"name", unused.name}, {"path", unused.path}});
  if (inputs.empty()) return Status::fatal("no input is left for run --once");
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
