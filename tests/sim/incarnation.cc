#include "sim/incarnation.h"

#include <algorithm>
#include <utility>

#include "fakes/backwards_workers.h"
#include "parsers/parser.h"
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
  flusher_ = std::make_unique<Flusher>(flusher_options, log_);
}

void Incarnation::ingest(Now now) {
  if (reply_) pipeline_->deliver(*std::exchange(reply_, std::nullopt), now);
  Pipeline::Step step = pipeline_->step(now);
  if (step.batch) {
    order_ = std::move(step.batch);
    order_last_ = step.last;
  }
  check_invariants(now);
}

void Incarnation::flush(Now now, int64_t delay_ms) {
  if (reply_) return;
  if (answer_) {
    if (now.mono_ms < answer_mono_ms_) return;
    answer(now);
  } else {
    if (order_) flusher_->offer(*std::exchange(order_, std::nullopt), order_last_, now);
    const Flusher::Action action = flusher_->step(now).action;
    if (action == Flusher::Action::kWait || action == Flusher::Action::kStop) return;
    begin_call(action);
    interrupted_ = delay_ms > kCallLimitMs;
    answer_mono_ms_ = now.mono_ms + std::min(delay_ms, kCallLimitMs);
    return;
  }
  reply_ = flusher_->take_reply();
}

void Incarnation::begin_call(Flusher::Action action) {
  if (action == Flusher::Action::kLoad)
    answer_ = store_.load("sim");
  else if (action == Flusher::Action::kProbe)
    answer_ = store_.probe("sim");
  else
    answer_ = store_.commit("sim", flusher_->batch());
}

void Incarnation::answer(Now now) {
  Answer answer = *std::exchange(answer_, std::nullopt);
  const StoreError cut{StoreTrouble::kUnreachable, "", "interrupted"};
  if (auto* loaded = std::get_if<StoreResult<AgentState>>(&answer)) {
    if (interrupted_) *loaded = cut;
    flusher_->loaded(std::move(*loaded), now);
  } else if (auto* committed = std::get_if<StoreResult<CommitResult>>(&answer)) {
    const auto* result = std::get_if<CommitResult>(committed);
    // A real store says it with the next call then.
    const bool told = result != nullptr && result->outcome == CommitOutcome::kTableChanged;
    if (interrupted_ && !told) *committed = cut;
    flusher_->committed(std::move(*committed), now, now);
  } else {
    auto& probed = std::get<std::optional<StoreError>>(answer);
    if (interrupted_) probed = cut;
    flusher_->probed(std::move(probed), now);
  }
}

bool Incarnation::idle(Now now) const {
  if (order_ || reply_ || answer_ || !pipeline_->loaded()) return false;
  if (withholds()) return false;
  const AgentSnapshot all = snapshot(now);
  return std::all_of(all.inputs.begin(), all.inputs.end(),
                     [](const InputSnapshot& input) { return input.pending == 0; });
}

void Incarnation::check_invariants(Now now) {
  const AgentSnapshot all = pipeline_->snapshot(now);
  for (const InputSnapshot& input : all.inputs) {
    if (input.totals.lines_read != input.totals.settled() + input.pending)
      broken_ = "the ledger of " + input.name + " does not balance: read " +
                std::to_string(input.totals.lines_read) + ", settled " +
                std::to_string(input.totals.settled()) + ", pending " +
                std::to_string(input.pending);
  }
  if (all.buffer_clients > clients_max_)
    broken_ = "the buffer holds " + std::to_string(all.buffer_clients) + " clients of at most " +
              std::to_string(clients_max_);
}

}  // namespace lastseen::sim
