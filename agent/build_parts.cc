#include "build_parts.h"

#include <algorithm>
#include <utility>

#include "base/descriptor_limit.h"
#include "base/worker_threads.h"
#include "source/feed_source.h"
#include "source/file_source.h"
#include "source/listed_files.h"
#include "store_place.h"

namespace lastseen {

namespace {

// A hot file is looked at this often. At 10,000 writes a second one look for each costs 7.6 % of a
// core, and all of the agent 1.12 % with a look every 20 ms, 0.96 % with one every 40 ms; a short
// flush interval wants to be served more often.
constexpr int64_t kHotMinMs = 2;
constexpr int64_t kHotMaxMs = 40;

// What a feed's thread may be ahead of ingest: 5 s of 20,000 lines a second with 300 bytes each.
constexpr size_t kFeedQueueBytes = size_t{32} << 20;

// Descriptors that log files leave alone: 2 × 64 control connections, the store's (SQLite takes
// four, libpq two and one more while it connects), sockets, inotify, loops, the log, and those
// that a look needs for a moment.
constexpr size_t kDescriptorReserve = 160;

// How often a hot file or a busy feed is looked at.
int64_t hot_ms(const Config& config) {
  return std::clamp<int64_t>(config.flush.interval / 4, kHotMinMs, kHotMaxMs);
}

// All but its source.
Result<PipelineInput> build_input(const Config& config, const InputSettings& settings, bool once) {
  auto parser = build_parser(config, settings);
  if (!parser) return parser.status();
  PipelineInput input;
  input.name = settings.name;
  input.parser = std::move(*parser);
  const bool file = settings.type == "file";  // feeds are framed, and mostly paced, elsewhere
  for (int64_t thread = 1; file && thread < config.ingest.threads; ++thread) {
    auto another = build_parser(config, settings);
    if (!another) return another.status();
    input.more_parsers.push_back(std::move(*another));
  }
  input.line_bytes_max = static_cast<size_t>(settings.line_bytes_max);
  if (!settings.client_id.insert)
    input.new_per_second_max = 0;
  else if (settings.client_id.new_per_second_max > 0)
    input.new_per_second_max = static_cast<uint64_t>(settings.client_id.new_per_second_max);
  input.arrival_time = config.last_seen.clock == SightingClock::kArrival;
  input.feed = settings.logs.empty() && settings.type != "file";
  input.urgent = input.feed && !once;
  return input;
}

std::unique_ptr<Source> make_file_source(const Config& config, const InputSettings& settings,
                                         bool once, SharedParts& shared) {
  if (!settings.logs.empty())
    return std::make_unique<ListedFiles>(settings, shared.files, shared.log);
  FileSourceOptions options;
  options.hot_ms = hot_ms(config);
  options.hold = shared.hold;
  options.descriptors = shared.descriptors;
  const Start start = settings.start.value_or(once ? Start::kBegin : Start::kEnd);
  return std::make_unique<FileSource>(settings, start, shared.files, shared.watcher, shared.log,
                                      options);
}

std::unique_ptr<Source> make_feed_source(const Config& config, const InputSettings& settings,
                                         SharedParts& shared, Feeds& feeds, int passed_fd) {
  Watcher& watcher = shared.watcher;
  auto queue = std::make_shared<FeedQueue>(kFeedQueueBytes, [&watcher] { watcher.wake(); });
  feeds.push_back({settings.name, make_feed(settings, queue, shared.log, passed_fd)});
  return std::make_unique<FeedSource>(queue, feeds.back().feed,
                                      settings.path.empty() ? settings.type : settings.path,
                                      hot_ms(config));
}

// What a reload may change.
PipelineOptions pipeline_settings(const Config& config) {
  PipelineOptions options;
  options.agent_id = config.agent_id;
  options.store = store_place(config.store);
  options.clients_max = static_cast<uint64_t>(config.buffer.clients_max);
  options.flush_interval_ms = config.flush.interval;
  options.flush_clients = static_cast<uint64_t>(config.flush.clients);
  options.resolution_ms = config.last_seen.resolution;
  return options;
}

void warn_of_unused(const std::vector<PassedSocket>& passed, const std::vector<int>& used,
                    Log& log) {
  for (const PassedSocket& socket : passed)
    if (std::find(used.begin(), used.end(), socket.fd) == used.end())
      log.warn(
          "a socket that was passed in belongs to no input; its FileDescriptorName= should be the "
          "name of one",
          {{"name", socket.name}, {"path", socket.path}});
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

Result<std::vector<PipelineInput>> build_inputs(const Config& config, bool once,
                                                SharedParts& shared, Feeds& feeds,
                                                const std::vector<PassedSocket>& passed) {
  shared.hold =
      std::make_shared<HoldBudget>(static_cast<uint64_t>(config.hold.bytes), config.hold.age);
  const size_t limit = raise_descriptor_limit();
  shared.descriptors = std::make_shared<DescriptorBudget>(
      std::max(limit - std::min(limit, kDescriptorReserve), limit / 4));
  std::vector<PipelineInput> inputs;
  const std::vector<int> sockets = sockets_of(config.inputs, passed);
  for (size_t i = 0; i < config.inputs.size(); ++i) {
    const InputSettings& settings = config.inputs[i];
    const bool endless =
        settings.logs.empty() && settings.type != "file" && settings.type != "stdin";
    if (once && endless) {
      shared.log.warn("left out: run --once reads what has an end, and a " + settings.type +
                          " has none; use run",
                      {{"input", settings.name}});
      continue;
    }
    auto input = build_input(config, settings, once);
    if (!input) return input.status();
    if (settings.logs.empty() && settings.type != "file") {
      input->source = make_feed_source(config, settings, shared, feeds, sockets[i]);
    } else {
      input->source = make_file_source(config, settings, once, shared);
    }
    inputs.push_back(std::move(*input));
  }
  warn_of_unused(passed, sockets, shared.log);
  if (inputs.empty()) return Status::fatal("no input is left for run --once");
  return inputs;
}

Result<PipelineChange> build_change(const Config& next, const ReloadPlan& plan, SharedParts& shared,
                                    Feeds& added, const std::vector<int>& sockets) {
  PipelineChange change;
  change.options = pipeline_settings(next);
  change.other_store = plan.store == StoreReload::kOther;
  change.adjust_shared = [hold = shared.hold, bytes = static_cast<uint64_t>(next.hold.bytes),
                          age = next.hold.age] { hold->change(bytes, age); };
  const int64_t hot = hot_ms(next);
  for (size_t i = 0; i < next.inputs.size(); ++i) {
    const InputSettings& settings = next.inputs[i];
    auto parts = build_input(next, settings, false);
    if (!parts) return parts.status();
    InputChange& input = change.inputs.emplace_back();
    input.parts = std::move(*parts);
    input.keeps = plan.keeps[i];
    const Start start = settings.start.value_or(Start::kEnd);
    if (settings.type == "file") {
      input.adjust = [settings, start, hot](Source& source, Now now) {
        static_cast<FileSource&>(source).change(settings, start, hot, now);
      };
      // On the ingest thread, since sources share their budgets there.
      input.make_source = [next_config = next, settings, &shared] {
        return make_file_source(next_config, settings, false, shared);
      };
    } else if (!input.keeps.empty()) {
      input.adjust = [hot](Source& source, Now) {
        static_cast<FeedSource&>(source).set_hot_ms(hot);
      };
    } else {
      input.parts.source = make_feed_source(next, settings, shared, added, sockets[i]);
    }
  }
  return change;
}

PipelineOptions pipeline_options(const Config& config, bool once, uint64_t seed) {
  PipelineOptions options = pipeline_settings(config);
  options.once = once;
  options.hash_seed = seed;
  if (config.ingest.threads > 1)
    options.workers = std::make_shared<WorkerThreads>(static_cast<size_t>(config.ingest.threads));
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
