#include "sim/incarnation.h"

#include <algorithm>
#include <utility>

#include "fakes/backwards_workers.h"
#include "parsers/parser.h"
#include "sim/snapshot_checks.h"
#include "source/file_source.h"

namespace lastseen::sim {

Incarnation::Incarnation(const AgentOptions& options, FileSystem& disk, Store& store, Now now)
    : clients_max_(options.clients_max), store_(store) {
  PipelineOptions pipeline_options;
  pipeline_options.clients_max = options.unbounded_buffer ? 1'000'000 : options.clients_max;
  pipeline_options.flush_interval_ms = options.flush_interval_ms;
  pipeline_options.resolution_ms = options.resolution_ms;
  const bool shared = options.seed % 2 == 0;  // by two workers, in pieces of about a line
  if (shared) {
    pipeline_options.workers = std::make_shared<BackwardsWorkers>(2);
    pipeline_options.piece_bytes = 100;
  }
  FileSourceOptions file_options;
  if (options.descriptors > 0)
    file_options.descriptors = std::make_shared<DescriptorBudget>(options.descriptors);
  std::vector<PipelineInput> inputs;
  for (const AgentOptions::Input& wanted : options.inputs) {
    InputSettings settings;
    settings.name = wanted.name;
    settings.path = wanted.path;
    settings.parser.type = "json";
    settings.line_bytes_max = 4096;
    PipelineInput& input = inputs.emplace_back();
    input.name = settings.name;
    input.source = std::make_unique<FaultySource>(
        std::make_unique<FileSource>(settings, options.start, disk, watcher_, log_, file_options),
        options.bugs);
    input.parser = std::move(*make_parser(settings.parser, ParserOptions()));
    if (shared)
      input.more_parsers.push_back(std::move(*make_parser(settings.parser, ParserOptions())));
    input.line_bytes_max = static_cast<size_t>(settings.line_bytes_max);
  }
  FlusherOptions flusher_options;
  flusher_options.clients_max = options.clients_max;
  flusher_options.seed = options.seed;
  flusher_options.resolution_ms = options.resolution_ms;
  pipeline_ = std::make_unique<Pipeline>(std::move(pipeline_options), std::move(inputs), now);
  flush_ = std::make_unique<FlushThread>(flusher_options, log_);
}

void Incarnation::ingest(Now now) {
  if (auto reply = flush_->take_reply()) pipeline_->deliver(std::move(*reply), now);
  Pipeline::Step step = pipeline_->step(now);
  if (step.batch) flush_->put(std::move(*step.batch), step.last);
  check_invariants(now);
}

void Incarnation::flush(Now now, int64_t delay_ms) {
  if (flush_->has_reply()) return;
  if (flush_->in_call()) {
    if (now.mono_ms < answer_mono_ms_) return;
    if (interrupted_) flush_->cut();
    return flush_->end_call(now);
  }
  flush_->take_order(now);
  if (!flush_->begin_call(store_, "sim", now)) return;
  interrupted_ = delay_ms > kCallLimitMs;
  answer_mono_ms_ = now.mono_ms + std::min(delay_ms, kCallLimitMs);
}

bool Incarnation::idle(Now now) const {
  return flush_->idle() && pipeline_->loaded() && !withholds() && nothing_pending(snapshot(now));
}

void Incarnation::check_invariants(Now now) {
  const AgentSnapshot all = pipeline_->snapshot(now);
  if (const std::string what = unbalanced(all); !what.empty()) broken_ = what;
  if (all.buffer_clients > clients_max_)
    broken_ = "the buffer holds " + std::to_string(all.buffer_clients) + " clients of at most " +
              std::to_string(clients_max_);
}

}  // namespace lastseen::sim
