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

}  // namespace

void Pipeline::change(PipelineChange change, Now now) {
  CHECK(!change_);
  change_ = std::move(change);
  stage_ = Stage::kReading;
  stage_deadline_mono_ms_ = now.mono_ms + kReadingMs;
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
    if (read || late || !loaded_ || full_ || change_turns_ >= kReadingTurnsMax) {
      change_inputs(now);
      if (change_->other_store) {
        final_sealed_ = final_committed_ = false;
        enter(Stage::kCommitting, change_->store_answers ? kCommittingMs : 0);
      } else {
        enter_ending(now);
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
    if ((ended && (!loaded_ || !begins_unstored())) || late) {
      stage_ = Stage::kNone;
      change_.reset();
      step.changed = true;
    }
  }
  if (stage_ != Stage::kNone && stage_ != Stage::kMoving)
    step.next_mono_ms = std::min(step.next_mono_ms, now.mono_ms + kChangeLookMs);
  settle_leaving(now);
}

void Pipeline::enter_ending(Now now) {
  stage_ = Stage::kEnding;
  stage_deadline_mono_ms_ = now.mono_ms + kEndingMs;
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
  if (stopping_) end_sources();  // a stop waits for the feeds among them
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
  StoredInput unknown{false, {}, input.sealed, foreign_};
  start_input(input, unknown, false, now);
}

// For an input of another name, which reads on where this one stands.
void Pipeline::take_source(Input& from, InputChange& change, Next& next) {
  if (from.next) {
    change.source = std::move(from.next->parts.source);
    next.begun = from.next->begun;
    next.origin = std::move(from.next->origin);
    return;
  }
  change.source = std::exchange(from.parts.source, std::make_unique<EndedSource>());
  next.begun = from.begun;
  next.origin = {from.parts.name, from.origin.earlier, from.origin.keys};
  if (!from.origin.name.empty()) next.origin.earlier.insert(from.origin.name);
  if (from.held_back) next.origin = {};  // the store knows nothing of it
  from.gave_source = true;
  from.begun = true;
  if (loaded_ && !from.held_back) next.origin.keys.merge(keys_of(*change.source));
}

void Pipeline::add_input(Next next, Now now) {
  if (Input* same = find_input(next.parts.name)) {
    same->next = std::make_unique<Next>(std::move(next));
    return;
  }
  take_rows_along(next);
  const auto index = static_cast<uint32_t>(inputs_.size());
  inputs_.push_back(std::make_unique<Input>(std::move(next.parts), index, budget_, options_));
  Input& input = *inputs_.back();
  input.origin = std::move(next.origin);
  if (!loaded_) return;
  StoredInput stored;
  if (auto known = strangers_.extract(input.parts.name)) stored = std::move(known.mapped());
  stored.foreign = foreign_;
  if (input.origin.name.empty()) return start_input(input, stored, false, now);
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
  if (!loaded_) return false;        // the store may have rows of it, and the spill lines
  if (input.held_back) return true;  // whatever it lost, the store is to know nothing of it
  if (!input.gave_source && !input.origin.name.empty()) return false;  // nobody else has its rows
  if (!input.next && !input.rows_gone.empty()) return false;
  return has_given_all(input) && input.in_flight == 0 && input.buffer.sightings() == 0 &&
         input.buffer.clients() == 0 && !input.left && input.delta == LedgerCounts() &&
         input.carried == LedgerCounts();
}

// A batch has to go out before an input can be removed.
bool Pipeline::leaving_due() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [this](const auto& input) {
    if (!input->leaving || !has_given_all(*input)) return false;
    if (!is_idle(*input)) return true;
    // What is withheld names the inputs by their places.
    return !input->next && withheld_ > 0 && !waiting_source_of(*input);
  });
}

void Pipeline::settle_leaving(Now now) {
  for (size_t i = inputs_.size(); i-- > 0;) {
    Input& input = *inputs_[i];
    if (!input.leaving) continue;
    if (input.next) {
      if (may_take_place(input)) take_place(input, now);
    } else if (is_idle(input) && !waiting_source_of(input) && !in_flight_ && withheld_ == 0) {
      remove_input(i);
    }
  }
}

// A feed cannot wait for what was read before it to be committed, which may take hours. What
// another feed had brought is one with it then; what was read of a log stays apart, since it is
// void when the store goes back.
bool Pipeline::may_take_place(const Input& input) const {
  return is_idle(input) || (input.next->parts.feed && has_given_all(input));
}

void Pipeline::take_place(Input& input, Now now) {
  const std::unique_ptr<Next> next = std::move(input.next);
  if (!is_idle(input)) leave_behind(input);
  StoredInput known = known_of(input);  // one that comes back before it has left goes on there
  take_rows_along(*next);
  input.parts = std::move(next->parts);
  input.leaving = false;
  input.origin = std::move(next->origin);
  input.renamed_out = false;
  if (!loaded_) return;  // the store may have rows of what gave its source
  input.gave_source = false;
  const bool was_held_back = std::exchange(input.held_back, input.parts.source->held_back());
  input.begun = next->begun;
  if (!input.origin.name.empty()) {
    first_batch_due_ = true;
    return;
  }
  if (was_held_back) input.delta = LedgerCounts();  // the store does not know it
  if (was_held_back || input.held_back) return start_unknown(input, now);
  input.parts.source->restore(known, now);
  input.parts.source->begin();
  input.begun = true;
}

void Pipeline::leave_behind(Input& input) {
  input.delta.add(input.parts.source->take_losses());
  if (input.parts.feed) return;
  input.left = std::make_unique<Left>();
  input.left->sightings = input.buffer.sightings();
  input.buffer.seal_into(input.left->brought);
  input.left->delta = std::exchange(input.delta, LedgerCounts());
  if (loaded_) input.parts.source->collect(input.left->positions);
}

// Into the next batch of its input. Returns how many clients that are.
size_t Pipeline::seal_left(Input& input, Left& left, Batch& batch) {
  input.in_flight += left.sightings;
  input.delta.add(left.delta);
  const std::vector<Entry>& entries = left.brought.entries;
  batch.entries.insert(batch.entries.end(), entries.begin(), entries.end());
  batch.ids.adopt(std::move(left.brought.ids));
  return entries.size();
}

void Pipeline::drop_left(Input& input) {
  if (input.left) budget_.give_back(input.left->brought.entries.size());
  input.left.reset();
}

// Of an input that is idle: what the store has of it.
StoredInput Pipeline::known_of(Input& input) {
  StoredInput known{true, {}, input.sealed};
  if (!loaded_ || input.held_back) return known;
  if (auto log = strangers_.extract(input.parts.name)) known.positions = log.mapped().positions;
  if (!input.gave_source) input.parts.source->store_anew({});
  input.parts.source->collect(known.positions);
  std::erase_if(known.positions, [](const Position& position) { return position.gone; });
  return known;
}

void Pipeline::renumber(Input& input, uint32_t index) {
  input.buffer.renumber(index);
  if (!input.left) return;
  for (Entry& entry : input.left->brought.entries) entry.input = index;
}

void Pipeline::remove_input(size_t index) {
  Input& input = *inputs_[index];
  if (input.parts.feed) lines_of_gone_feeds_ += input.sealed.lines_read;
  if (loaded_ && !input.held_back) {  // should it come back, it goes on here
    strangers_[input.parts.name] = known_of(input);
  }
  inputs_.erase(inputs_.begin() + static_cast<ptrdiff_t>(index));
  for (size_t i = index; i < inputs_.size(); ++i) renumber(*inputs_[i], static_cast<uint32_t>(i));
  turn_ = 0;
}

Pipeline::Input* Pipeline::find_input(const std::string& name) {
  for (auto& input : inputs_)
    if (input->parts.name == name) return input.get();
  return nullptr;
}

}  // namespace lastseen
