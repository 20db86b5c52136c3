// Going over to another configuration while everything that stays goes on.
//
//     kReading ──▶ inputs change ──▶ kEnding ──▶ done
//                        └─ another store ─▶ kCommitting ──▶ kMoving ─▶ kEnding ──▶ done
//
// An input that leaves reads no more files; a feed gives out what has arrived. It is gone when all
// of that is committed, so an index into the inputs stays what it is while a batch is out.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "pipeline/pipeline.h"
#include "source/ended_source.h"

namespace lastseen {

namespace {

// What is written when the change is asked for is read the old way, but no longer than this: a log
// may grow as fast as it is read.
constexpr int64_t kReadingMs = 2000;
constexpr uint32_t kReadingTurnsMax = 64;  // about 256 MiB

// A store that answers takes the last batch within this time, or it goes to the next store.
constexpr int64_t kCommittingMs = 5000;

// The thread of a feed ends within milliseconds, and a store that answers takes a batch.
constexpr int64_t kEndingMs = 2000;

// How soon is looked again for what a feed's thread has taken in.
constexpr int64_t kChangeLookMs = 1;

// Whether totals may be a later state of `then`.
bool includes(const LedgerCounts& totals, const LedgerCounts& then) {
  LedgerCounts sum = then;
  sum.add(totals.minus(then));
  return sum == totals;
}

}  // namespace

void Pipeline::change(PipelineChange change, Now now) {
  CHECK(!change_);
  change_ = std::move(change);
  stage_ = Stage::kReading;
  stage_deadline_mono_ms_ = now.mono_ms + (loaded_ ? kReadingMs : kCommittingMs);
  change_turns_ = 0;
  for (auto& input : inputs_) input->parts.source->look_now();
}

// Called with each step; `more`: there is more to read at once.
void Pipeline::change_step(Now now, bool more, Step& step) {
  const bool late = now.mono_ms >= stage_deadline_mono_ms_ || stopping_;
  const auto enter = [&](Stage stage, int64_t limit_ms) {
    stage_ = stage;
    stage_deadline_mono_ms_ = now.mono_ms + limit_ms;
  };
  if (stage_ == Stage::kReading) {
    const bool read = !more && all_looked();
    if (more) ++change_turns_;
    // What the store that is left knows of positions goes along to the other one.
    const bool loading = !loaded_ && change_->other_store && change_->store_answers;
    const bool unread = !loading && (!loaded_ || full_);
    if ((read && !loading) || late || unread || change_turns_ >= kReadingTurnsMax) {
      change_inputs(now);
      if (change_->other_store) {
        final_sealed_ = final_committed_ = false;
        enter(Stage::kCommitting, change_->store_answers ? kCommittingMs : 0);
      } else {
        enter(Stage::kEnding, kEndingMs);
      }
    }
  } else if (stage_ == Stage::kCommitting) {
    if (!loaded_ || late || (final_committed_ && !in_flight_)) {
      step.move_store = true;
      stage_ = Stage::kMoving;
    }
  } else if (stage_ == Stage::kEnding) {
    const bool ended = std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& input) {
      return !input->leaving || has_given_all(*input);
    });
    if ((ended && !begins_unstored()) || late) {
      stage_ = Stage::kNone;
      change_.reset();
      step.changed = true;
    }
  }
  if (stage_ != Stage::kNone && stage_ != Stage::kMoving)
    step.next_mono_ms = std::min(step.next_mono_ms, now.mono_ms + kChangeLookMs);
  settle_leaving(now);
}

void Pipeline::change_inputs(Now now) {
  PipelineChange& change = *change_;
  const PipelineOptions& next = change.options;
  options_.clients_max = next.clients_max;
  options_.flush_interval_ms = next.flush_interval_ms;
  options_.flush_clients = next.flush_clients == 0 ? next.clients_max / 2 : next.flush_clients;
  options_.resolution_ms = next.resolution_ms;
  budget_.change(next.clients_max);
  spill_.set_interval(spill_interval_ms(next));
  if (change.other_store) spill_.other_store();
  if (change.adjust_shared) change.adjust_shared();

  std::vector<Input*> stays;
  std::vector<Next> others;
  // Sources go over to their new names first, so that two inputs can swap theirs.
  for (InputChange& planned : change.inputs) {
    Input* from = planned.keeps.empty() ? nullptr : find_input(planned.keeps);
    if (from && planned.keeps == planned.parts.name) {
      change_in_place(*from, planned, now);
      stays.push_back(from);
      continue;
    }
    Next& other = others.emplace_back();
    if (from) take_source(*from, planned, other);
    other.parts = std::move(planned.parts);
    if (planned.source) other.parts.source = std::move(planned.source);
    if (!other.parts.source) other.parts.source = planned.make_source();
    if (from && planned.adjust) planned.adjust(*other.parts.source, now);
  }
  for (auto& input : inputs_) {
    if (std::find(stays.begin(), stays.end(), input.get()) != stays.end()) continue;
    if (input->next && input->next->parts.source) input->next->parts.source->end();
    input->next.reset();
    leave(*input);
  }
  for (Next& other : others) add_input(std::move(other), now);
}

void Pipeline::change_in_place(Input& input, InputChange& change, Now now) {
  PipelineInput& parts = input.next ? input.next->parts : input.parts;
  change.parts.source = std::move(parts.source);
  parts = std::move(change.parts);
  if (change.adjust) change.adjust(*parts.source, now);
  if (input.next) return;
  if (input.held_back) start_unknown(input, now);  // it may name other files now
}

// Not known to the store, and whether another agent has read its files is to be found out again.
void Pipeline::start_unknown(Input& input, Now now) {
  StoredInput unknown;
  unknown.foreign = foreign_;
  start_input(input, unknown, false, now);
}

// For an input of another name, which reads on where this one stands.
void Pipeline::take_source(Input& from, InputChange& change, Next& next) {
  if (from.next) {
    change.source = std::move(from.next->parts.source);
    next.begun = from.next->begun;
    next.formerly = from.next->formerly;
    return;
  }
  change.source = std::exchange(from.parts.source, std::make_unique<EndedSource>());
  next.begun = from.begun;
  next.formerly = from.parts.name;
  from.gave_source = true;
  from.begun = true;
  if (loaded_) from.rows_gone = change.source->store_anew({});
}

void Pipeline::add_input(Next next, Now now) {
  if (Input* same = find_input(next.parts.name)) {
    same->next = std::make_unique<Next>(std::move(next));
    return settle_leaving(now);
  }
  const auto index = static_cast<uint32_t>(inputs_.size());
  inputs_.push_back(std::make_unique<Input>(std::move(next.parts), index, budget_, options_));
  Input& input = *inputs_.back();
  input.formerly = next.formerly;
  if (!loaded_) return;
  StoredInput stored;
  if (auto known = strangers_.extract(input.parts.name)) stored = std::move(known.mapped());
  stored.foreign = foreign_;
  if (input.formerly.empty()) return start_input(input, stored, false, now);
  input.before = input.sealed = stored.totals;
  input.begun = next.begun;
  input.held_back = input.parts.source->held_back();
  first_batch_due_ = true;
}

void Pipeline::leave(Input& input) {
  if (std::exchange(input.leaving, true)) return;
  input.parts.source->end();
}

// Nothing more will come out of it.
bool Pipeline::has_given_all(const Input& input) const {
  return !input.parts.urgent || input.parts.source->ended();
}

bool Pipeline::is_idle(const Input& input) const {
  if (input.gave_source && !loaded_) return false;  // the store may have rows of it
  if (input.held_back) return true;  // whatever it lost, the store is to know nothing of it
  return has_given_all(input) && input.in_flight == 0 && input.buffer.sightings() == 0 &&
         input.buffer.clients() == 0 && input.rows_gone.empty() && input.rows_left.empty() &&
         input.delta == LedgerCounts() && input.carried == LedgerCounts();
}

// A batch has to go out before an input can be removed.
bool Pipeline::leaving_due() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [this](const auto& input) {
    if (!input->leaving || !has_given_all(*input)) return false;
    return !is_idle(*input) || (!input->next && options_.resolution_ms > 0 && !released_);
  });
}

void Pipeline::settle_leaving(Now now) {
  for (size_t i = inputs_.size(); i-- > 0;) {
    Input& input = *inputs_[i];
    if (!input.leaving) continue;
    if (input.next) {
      if (may_take_place(input)) take_place(input, now);
    } else if (is_idle(input) && !in_flight_ && (options_.resolution_ms == 0 || released_)) {
      remove_input(i);
    }
  }
}

// A feed cannot wait for what was read before it to be committed, which may take hours: it is read
// into the same buffer. Only where the store may have rows of an input that is gone from here, they
// have to be known first.
bool Pipeline::may_take_place(const Input& input) const {
  if (is_idle(input)) return true;
  const bool rows_unknown = input.gave_source && !loaded_ && !input.parts.feed;
  return input.next->parts.feed && has_given_all(input) && !rows_unknown;
}

void Pipeline::take_place(Input& input, Now now) {
  const std::unique_ptr<Next> next = std::move(input.next);
  if (!is_idle(input)) {
    input.delta.add(input.parts.source->take_losses());
    if (loaded_) input.parts.source->collect(input.rows_left);
  }
  StoredInput known = known_of(input);  // one that comes back before it has left goes on there
  input.parts = std::move(next->parts);
  input.leaving = input.gave_source = false;
  input.formerly = next->formerly;
  if (!loaded_) return;
  const bool was_held_back = std::exchange(input.held_back, input.parts.source->held_back());
  input.begun = next->begun;
  if (!input.formerly.empty()) {
    first_batch_due_ = true;
    return;
  }
  if (was_held_back) {  // the store does not know it
    input.delta = LedgerCounts();
    return start_unknown(input, now);
  }
  input.parts.source->restore(known, now);
  input.parts.source->begin();
  input.begun = true;
}

// Of an input that is idle: what the store has of it.
StoredInput Pipeline::known_of(Input& input) const {
  StoredInput known{true, {}, input.sealed};
  if (!loaded_ || input.held_back) return known;
  if (!input.gave_source) input.parts.source->store_anew({});
  input.parts.source->collect(known.positions);
  std::erase_if(known.positions, [](const Position& position) { return position.gone; });
  return known;
}

void Pipeline::remove_input(size_t index) {
  Input& input = *inputs_[index];
  if (input.parts.feed) lines_of_gone_feeds_ += input.sealed.lines_read;
  if (loaded_ && !input.held_back) {  // should it come back, it goes on here
    strangers_[input.parts.name] = known_of(input);
  }
  inputs_.erase(inputs_.begin() + static_cast<ptrdiff_t>(index));
  for (size_t i = index; i < inputs_.size(); ++i)
    inputs_[i]->buffer.renumber(static_cast<uint32_t>(i));
  turn_ = 0;
}

Pipeline::Input* Pipeline::find_input(const std::string& name) {
  for (auto& input : inputs_)
    if (input->parts.name == name) return input.get();
  return nullptr;
}

// What the store has of an input, under its name or the one that it had.
StoredInput Pipeline::stored_of(const AgentState& state, Input& input) const {
  const auto find = [&](const std::string& name) -> const AgentState::Input* {
    for (const AgentState::Input& known : state.inputs)
      if (known.name == name) return &known;
    return nullptr;
  };
  StoredInput stored;
  stored.foreign = foreign_;
  if (const auto* known = find(input.parts.name))
    stored = {true, known->positions, known->totals, foreign_};
  if (input.gave_source) {
    input.rows_gone.clear();
    for (const Position& position : stored.positions) input.rows_gone.push_back(position.stream);
  }
  if (input.formerly.empty()) return stored;
  if (const auto* former = find(input.formerly)) {
    stored.known = true;
    stored.positions.insert(stored.positions.end(), former->positions.begin(),
                            former->positions.end());
  }
  return stored;
}

void Pipeline::remember_strangers(const AgentState& state) {
  for (const AgentState::Input& known : state.inputs)
    if (find_input(known.name) == nullptr)
      strangers_[known.name] = {true, known.positions, known.totals};
}

// Whether this is the store that was left, under another name, and it had committed the batch that
// was out although it could not say so any more. A young store may have come to the same numbers:
// only the one that took the batch has its positions and totals.
bool Pipeline::holds(const AgentState& there, const Batch& batch) const {
  if (batch.number != there.batch || batch.epoch >= there.epoch) return false;
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const BatchInput& out = batch.inputs[i];
    if (out.held_back) continue;
    const auto known = std::find_if(there.inputs.begin(), there.inputs.end(),
                                    [&](const auto& input) { return input.name == out.name; });
    const LedgerCounts& sealed = inputs_[i]->sealed;
    if (known == there.inputs.end()) {
      if (sealed == LedgerCounts() && out.positions.empty()) continue;
      return false;
    }
    if (known->totals.lines_read != sealed.lines_read ||
        known->totals.bytes_read != sealed.bytes_read)
      return false;
    for (const Position& position : out.positions) {
      const bool is_there = std::any_of(
          known->positions.begin(), known->positions.end(), [&](const Position& stored) {
            return stored.stream == position.stream && stored.position == position.position;
          });
      if (is_there == position.gone) return false;
    }
  }
  return true;
}

// The flusher has gone over to the other store. What was known of positions and totals stays what
// it is; the next batch brings it there.
void Pipeline::store_moved(FlushReply reply, Now now) {
  CHECK(stage_ == Stage::kMoving);
  stage_ = Stage::kEnding;
  stage_deadline_mono_ms_ = now.mono_ms + kEndingMs;
  spill_.set_store(change_->options.store);
  const AgentState& there = reply.state;
  if (!loaded_) return positions_known(std::move(reply.state), now);
  CHECK(reply.batch.has_value() == in_flight_.has_value());
  const bool committed = reply.batch && holds(there, *reply.batch);
  remember_strangers(there);
  foreign_ = std::make_shared<const std::vector<ForeignPosition>>(there.foreign);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = *inputs_[i];
    const StoredInput stored = stored_of(there, input);
    if (input.held_back) {  // by what the other store had
      start_input(input, stored, true, now);
      continue;
    }
    const bool was_out = in_flight_ && i < in_flight_->inputs;
    if (was_out && !committed) {
      input.sealed = input.sealed.minus(input.out).minus(input.out_carried);
      input.delta.add(input.out);
      input.carried.add(input.out_carried);
    }
    // What no store has yet may come from this very one.
    LedgerCounts known = input.sealed;
    known.add(input.carried);
    if (!(was_out && committed) && includes(known, stored.totals))
      input.carried = known.minus(stored.totals);
    input.in_flight = 0;
    input.out = input.out_carried = LedgerCounts();
    input.sealed = stored.totals;
    input.parts.source->store_anew(stored);
  }
  spill_.moved(there.batch);
  first_batch_due_ = true;
  last_sealed_ = false;
  if (!reply.batch) return;
  budget_.give_back(in_flight_->clients);
  for (auto& done : in_flight_->flushes) flushes_.push_back(std::move(done));
  in_flight_.reset();
  if (!committed) take_batch_back(*reply.batch, now);
}

void Pipeline::take_batch_back(const Batch& batch, Now now) {
  for (const Entry& entry : batch.entries)  // it had room before, so it has now
    inputs_[entry.input]->buffer.add(entry, UINT64_MAX);
  if (oldest_pending_mono_ms_ == 0 && !batch.entries.empty()) oldest_pending_mono_ms_ = now.mono_ms;
}

}  // namespace lastseen
