#include "pipeline/pipeline.h"

#include <algorithm>
#include <utility>

namespace lastseen {

namespace {

// An empty batch this often keeps `readyz` honest and notices that another instance took over.
constexpr int64_t kHeartbeatMs = 10'000;

// While an input is held back: whoever mends that wants to see it go on.
constexpr int64_t kHeldBackHeartbeatMs = 1000;

// A requested flush waits for what a feed had received; one that receives without an end must not
// hold it up for ever.
constexpr uint32_t kFlushTurnsMax = 64;

// How soon a flush looks again whether a feed's thread has taken in what had arrived.
constexpr int64_t kFlushLookMs = 1;

// A shorter flush interval does not make the spill be written more often than this: each time it
// is written as a whole and forced to the disk.
constexpr int64_t kSpillMinMs = 1000;

}  // namespace

int64_t spill_interval_ms(const PipelineOptions& options) {
  return std::max(options.flush_interval_ms, kSpillMinMs);
}

Pipeline::Input::Input(PipelineInput input_parts, uint32_t index, ClientBudget& budget,
                       const PipelineOptions& options)
    : parts(std::move(input_parts)),
      buffer(index, budget, options.hash_seed),
      piece_bytes(options.piece_bytes) {}

Pipeline::Pipeline(PipelineOptions options, std::vector<PipelineInput> inputs, Now now)
    : options_(std::move(options)),
      budget_(options_.clients_max),
      spill_({options_.agent_id, options_.store}, spill_interval_ms(options_), now),
      buffers_(options_.workers->count()),
      parsed_(pieces_max(*options_.workers)),
      started_mono_ms_(now.mono_ms),
      last_seal_mono_ms_(now.mono_ms - options_.flush_interval_ms) {
  if (options_.flush_clients == 0) options_.flush_clients = options_.clients_max / 2;
  for (PipelineInput& input : inputs) {
    const uint32_t index = static_cast<uint32_t>(inputs_.size());
    inputs_.push_back(std::make_unique<Input>(std::move(input), index, budget_, options_));
  }
}

Pipeline::Step Pipeline::step(Now now) {
  Step step;
  for (auto& input : inputs_)
    step.next_mono_ms = std::min(step.next_mono_ms, input->parts.source->step(now));
  for (auto& input : inputs_)  // it may have to notice a rotation while it waits
    if (input->next)
      step.next_mono_ms = std::min(step.next_mono_ms, input->next->parts.source->step(now));

  const uint64_t sightings_before = buffered_sightings();
  bool more = read_turn(now);
  read_times_.add(now.mono_ms, buffered_sightings() - sightings_before);
  take_losses();
  if (options_.once && loaded_ && !more && !full_) {
    const bool drained = std::all_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
      return input->begun && input->parts.source->drained();
    });
    if (drained) stop();
  }
  const bool over = std::all_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
    return (input->next ? input->next->parts : input->parts).source->ended();
  });
  if (over) stop();
  change_step(now, more, step);
  // What a feed had received when a flush was asked for belongs to that flush.
  const bool looking = !flushes_.empty() && flush_turns_ < kFlushTurnsMax && !all_looked();
  if (looking) {
    step.next_mono_ms = std::min(step.next_mono_ms, now.mono_ms + kFlushLookMs);
    more = true;
  }
  if (loaded_ && !in_flight_) {
    if (seal_due(now, more)) {
      step.batch = seal(now, more);
      step.last = in_flight_->last;
      step.release = in_flight_->release;
    } else {
      step.next_mono_ms = std::min(step.next_mono_ms, next_seal_mono_ms());
      if (stopping_ && received_all() && stage_ != Stage::kMoving) ended_ = true;
    }
  }
  finish_flushes(more);
  if (save_asked_ && received_all()) spill_.save();
  step.spill = spill_.order(now, step.batch.has_value(), feeds_pending(), lines_of_feeds(),
                            [this] { return brought_by_feeds(); });
  if (!step.spill)
    step.next_mono_ms =
        std::min(step.next_mono_ms, spill_.next_mono_ms(feeds_pending(), lines_of_feeds()));
  if (more && !looking) step.next_mono_ms = now.mono_ms;
  return step;
}

void Pipeline::take_losses() {
  for (auto& input : inputs_) input->delta.add(input->parts.source->take_losses());
}

bool Pipeline::all_looked() const {
  return std::all_of(inputs_.begin(), inputs_.end(),
                     [](const auto& input) { return input->parts.source->looked(); });
}

// Whether all that stood there when the last flush was asked for is read, however much there is;
// what has come since, as fast as it is read perhaps, is not waited for.
bool Pipeline::caught_up() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& input) {
    if (input->parts.urgent && flush_turns_ >= kFlushTurnsMax) return true;
    return input->parts.source->caught_up();
  });
}

// Whether nothing more comes in of its own: files are not read any further during a stop.
bool Pipeline::received_all() const {
  const auto given = [](const PipelineInput& parts) {
    return !parts.urgent || parts.source->ended();
  };
  return std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& input) {
    return given(input->parts) && (!input->next || given(input->next->parts));
  });
}

// What an earlier resolution withheld is due when there is none any more.
bool Pipeline::anything_to_seal() const {
  return withheld_due() || std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
           if (input->held_back) return false;
           return !(input->delta == LedgerCounts()) || !(input->carried == LedgerCounts()) ||
                  input->left || input->parts.source->has_unstored();
         });
}

bool Pipeline::seal_due(Now now, bool more) const {
  if (last_sealed_ || stage_ == Stage::kMoving) return false;
  if (first_batch_due_ || leaving_due()) return true;
  if (stage_ == Stage::kCommitting && !final_sealed_) return true;
  if (stopping_) return received_all() && (anything_to_seal() || withheld_ > 0);
  if (now.mono_ms >= heartbeat_mono_ms()) return true;
  if (!anything_to_seal()) return false;
  if (full_ || budget_.used() >= options_.flush_clients) return true;
  if (!flushes_.empty() && (!more || caught_up())) return true;
  return now.mono_ms >= last_seal_mono_ms_ + options_.flush_interval_ms;
}

uint64_t Pipeline::buffered_sightings() const {
  uint64_t sightings = 0;
  for (const auto& input : inputs_) sightings += input->buffer.sightings();
  return sightings;
}

int64_t Pipeline::heartbeat_mono_ms() const {
  const bool held_back = std::any_of(inputs_.begin(), inputs_.end(),
                                     [](const auto& input) { return input->held_back; });
  int64_t heartbeat_ms = held_back ? kHeldBackHeartbeatMs : kHeartbeatMs;
  // What is withheld goes out with a batch, and a quiet agent has no other.
  if (withheld_ > 0)
    heartbeat_ms =
        std::min(heartbeat_ms, std::max(options_.resolution_ms, options_.flush_interval_ms));
  return last_seal_mono_ms_ + heartbeat_ms;
}

int64_t Pipeline::next_seal_mono_ms() const {
  const int64_t heartbeat = heartbeat_mono_ms();
  if (!anything_to_seal()) return heartbeat;
  return std::min(heartbeat, last_seal_mono_ms_ + options_.flush_interval_ms);
}

// What feeds brought since the last batch.
std::vector<SpilledInput> Pipeline::brought_by_feeds() const {
  std::vector<SpilledInput> brought;
  for (const auto& input : inputs_)
    if (input->parts.feed && !(input->delta == LedgerCounts()))
      brought.push_back({input->parts.name, input->delta, input->buffer.entries()});
  return brought;
}

bool Pipeline::feeds_pending() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
    return input->parts.feed && !(input->delta == LedgerCounts());
  });
}

uint64_t Pipeline::lines_of_feeds() const {
  uint64_t lines = lines_of_gone_feeds_;
  for (const auto& input : inputs_)
    if (input->parts.feed)
      lines += input->sealed.lines_read + input->delta.lines_read + input->carried.lines_read;
  return lines;
}

Batch Pipeline::seal(Now now, bool more) {
  Batch batch;
  InFlight flight;
  spill_.sealed(brought_by_feeds(), now);
  batch.oldest_read_mono_ms = oldest_pending_mono_ms_;
  batch.reads = read_times_.take();
  for (auto& input : inputs_) {
    input->in_flight = input->buffer.sightings();
    flight.clients += input->buffer.clients();
    input->buffer.seal_into(batch);
    const std::unique_ptr<Left> left = std::move(input->left);
    if (left) flight.clients += seal_left(*input, *left, batch);

    BatchInput& part = batch.inputs.emplace_back();
    part.name = input->parts.name;
    part.held_back = input->held_back;
    if (input->held_back) continue;
    input->out = std::exchange(input->delta, LedgerCounts());
    input->out_carried = std::exchange(input->carried, LedgerCounts());
    part.delta = input->out;
    part.delta.add(input->out_carried);
    input->sealed.add(part.delta);
    part.delta.committed += input->in_flight;
    part.new_per_second_max = input->parts.new_per_second_max;
    part.not_allowed_total = input->sealed.skipped[static_cast<size_t>(SkipReason::kNotAllowed)];
    if (left) part.positions = left->positions;
    collect_positions(*input, part.positions, now);
  }
  flight.inputs = inputs_.size();
  flight.release = leaving_due() || withheld_due() || stage_ == Stage::kCommitting;
  final_sealed_ |= stage_ == Stage::kCommitting;
  flight.oldest_read_mono_ms = std::exchange(oldest_pending_mono_ms_, 0);
  flight.last = last_sealed_ = stopping_ && received_all() && !names_wait();
  // A flush that was asked for is in this batch only if all that was written then has been read;
  // before the start choice is committed, nothing has.
  const bool all_read = !first_batch_due_ && !more && !full_;
  if (stopping_ || all_read || (!first_batch_due_ && caught_up()))
    flight.flushes = std::exchange(flushes_, {});
  in_flight_ = std::move(flight);
  in_flight_->begins = std::exchange(first_batch_due_, false);
  last_seal_mono_ms_ = now.mono_ms;
  return batch;
}

void Pipeline::request_flush(std::function<void(Status)> done) {
  if (ended_) return done(Status::retry("the agent is stopping"));
  flushes_.push_back(std::move(done));
  flush_turns_ = 0;
  for (auto& input : inputs_) input->parts.source->look_now();
}

void Pipeline::finish_flushes(bool more) {
  if (flushes_.empty()) return;
  if (ended_) {
    for (const auto& done : std::exchange(flushes_, {}))
      done(Status::retry("the agent stopped before everything was committed"));
    return;
  }
  if (!loaded_) return;
  if (more) ++flush_turns_;  // a turn that read all it may; waiting is none
  const bool nothing_left = !more && !full_ && !in_flight_ && !anything_to_seal();
  if (!nothing_left) return;
  for (const auto& done : std::exchange(flushes_, {})) done(Status::ok());
}

void Pipeline::stop() {
  if (!std::exchange(stopping_, true)) end_sources();
}

void Pipeline::end_sources() {
  for (auto& input : inputs_) {
    input->parts.source->end();
    if (input->next) input->next->parts.source->end();
  }
}

bool Pipeline::begins_unstored() const {
  const bool renamed = std::any_of(inputs_.begin(), inputs_.end(),
                                   [](const auto& input) { return !input->origin.name.empty(); });
  return first_batch_due_ || (in_flight_ && in_flight_->begins) || renamed || names_wait();
}

// Without positions nothing can be committed; only what feeds brought is worth waiting for them.
bool Pipeline::finished() const {
  if (!stopping_) return false;
  return ended_ || (!loaded_ && !in_flight_ && received_all() && !anything_to_seal());
}

void Pipeline::look_up(const std::string& client_id, ClientView& view) const {
  for (const auto& input : inputs_) {
    if (const Entry* entry = input->buffer.find(client_id))
      view.add_pending(entry->count, entry->last_seen_ms);
    if (!input->left) continue;
    for (const Entry& entry : input->left->brought.entries)
      if (entry.client_id == client_id) view.add_pending(entry.count, entry.last_seen_ms);
  }
}

AgentSnapshot Pipeline::snapshot(Now now) const {
  AgentSnapshot snapshot;
  snapshot.agent_id = options_.agent_id;
  snapshot.state = stopping_ ? "stopping" : loaded_ ? "running" : "starting";
  snapshot.started_mono_ms = started_mono_ms_;
  snapshot.at_mono_ms = now.mono_ms;
  snapshot.buffer_clients = budget_.used();
  snapshot.buffer_clients_max = budget_.clients_max();
  snapshot.flush_interval_ms = options_.flush_interval_ms;
  snapshot.oldest_pending_mono_ms = in_flight_ && in_flight_->oldest_read_mono_ms != 0
                                        ? in_flight_->oldest_read_mono_ms
                                        : oldest_pending_mono_ms_;
  snapshot.begins_unstored = begins_unstored();
  snapshot.spill_found = spill_.found_lines();
  snapshot.feeds_saved = received_all() && spill_.saved(feeds_pending(), lines_of_feeds());
  snapshot.spill_saved = spill_.saved_sightings();
  snapshot.spill_on_disk = spill_.on_disk();
  for (const auto& input : inputs_) {
    InputSnapshot& part = snapshot.inputs.emplace_back();
    part.name = input->parts.name;
    part.totals = input->sealed;
    part.totals.add(input->delta);
    part.totals.add(input->carried);
    part.before = input->before;
    part.pending = input->buffer.sightings() + input->in_flight;
    if (input->left) {
      part.totals.add(input->left->delta);
      part.pending += input->left->sightings;
    }
    part.feed = input->parts.feed;
    if (input->next) {
      part.watching = input->next->parts.source->watching();
      input->next->parts.source->describe(part.files);
    } else if (!input->leaving) {
      part.watching = input->parts.source->watching();
    }
    if (!input->gave_source) input->parts.source->describe(part.files);
  }
  return snapshot;
}

}  // namespace lastseen
