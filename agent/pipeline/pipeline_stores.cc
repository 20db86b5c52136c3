// What a store has of the inputs, when it is loaded again and when another one takes over.
#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "pipeline/pipeline.h"

namespace lastseen {

namespace {

// Whether totals may be a later state of `then`.
bool includes(const LedgerCounts& totals, const LedgerCounts& then) {
  LedgerCounts sum = then;
  sum.add(totals.minus(then));
  return sum == totals;
}

}  // namespace

const AgentState::Input* Pipeline::find_in(const AgentState& state, const std::string& name) {
  for (const AgentState::Input& known : state.inputs)
    if (known.name == name) return &known;
  return nullptr;
}

// What the store has of an input, under its name or the one that it had.
StoredInput Pipeline::stored_of(const AgentState& state, Input& input) {
  StoredInput stored;
  stored.foreign = foreign_;
  if (const auto* known = find_in(state, input.parts.name))
    stored = {true, known->positions, known->totals, foreign_};
  const Next* waiting = waiting_source_of(input);
  if (input.gave_source) {  // all that is stored is of the source that went away
    input.rows_gone.clear();
    if (waiting == nullptr)
      for (const Position& position : stored.positions) input.rows_gone.insert(position.stream);
    stored.positions.clear();
  }
  std::erase_if(stored.positions, [&](const Position& position) {
    return input.rows_gone.contains(position.stream) ||
           (waiting != nullptr && waiting->origin.keys.contains(position.stream));
  });
  std::set<std::string> names = input.origin.earlier;
  if (!input.origin.name.empty()) names.insert(input.origin.name);
  for (const std::string& name : names) {
    const auto* former = name == input.parts.name ? nullptr : find_in(state, name);
    if (former == nullptr) continue;
    stored.known = true;
    // Of another that has that name now, the store may have positions already.
    const Input* now = find_input(name);
    for (const Position& position : former->positions)
      if (now == nullptr || now->gave_source || !now->origin.keys.contains(position.stream))
        stored.positions.push_back(position);
  }
  return stored;
}

void Pipeline::remember_strangers(const AgentState& state) {
  for (const AgentState::Input& known : state.inputs) {
    const Input* input = find_input(known.name);
    const bool log_waits = input && !loaded_ && input->parts.feed && input->next &&
                           !input->next->parts.feed && input->next->origin.name.empty();
    if (input == nullptr || log_waits)
      strangers_[known.name] = {true, known.positions, known.totals};
  }
}

// Whether this is the store that was left, under another name, and it had committed the batch that
// was out although it could not say so any more. A young store may have come to the same numbers:
// only the one that took the batch has its positions and totals.
bool Pipeline::holds(const AgentState& there, const Batch& batch) const {
  if (batch.number != there.batch || batch.epoch >= there.epoch) return false;
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const BatchInput& out = batch.inputs[i];
    if (out.held_back) continue;
    const AgentState::Input* known = find_in(there, out.name);
    const LedgerCounts& sealed = inputs_[i]->sealed;
    if (known == nullptr) {
      if (sealed == LedgerCounts() && out.positions.empty()) continue;
      return false;
    }
    if (known->totals.lines_read != sealed.lines_read ||
        known->totals.bytes_read != sealed.bytes_read)
      return false;
    std::map<std::string_view, const Position*> left;  // the last of a key counts
    for (const Position& position : out.positions) left[position.stream] = &position;
    for (const auto& last : left) {
      const Position* position = last.second;
      const auto stored =
          std::find_if(known->positions.begin(), known->positions.end(),
                       [&](const Position& row) { return row.stream == position->stream; });
      const bool is_there = stored != known->positions.end();
      if (is_there == position->gone) return false;
      if (is_there && stored->position != position->position) return false;
    }
  }
  return true;
}

// The flusher has gone over to the other store. What was known of positions and totals stays what
// it is; the next batch brings it there.
void Pipeline::store_moved(FlushReply reply, Now now) {
  if (stage_ == Stage::kMoving) {  // else it was loaded again before it took anything
    enter_ending(now);
    spill_.set_store(change_->options.store);
  }
  const AgentState& there = reply.state;
  if (!loaded_) return positions_known(std::move(reply.state), now);
  CHECK(reply.batch.has_value() == in_flight_.has_value());
  const bool committed = reply.batch && holds(there, *reply.batch);
  remember_strangers(there);
  foreign_ = std::make_shared<const std::vector<ForeignPosition>>(there.foreign);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = *inputs_[i];
    if (!committed) rows_not_gone(input);
    input.rows_out.clear();
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
    if (!(was_out && committed) &&
        (includes(known, stored.totals) || includes(stored.totals, known)))
      input.carried = known.minus(stored.totals);
    input.in_flight = 0;
    input.out = input.out_carried = LedgerCounts();
    input.sealed = stored.totals;
    input.parts.source->store_anew(stored);
    if (Next* waiting = waiting_source_of(input)) waiting->parts.source->store_anew({});
  }
  spill_.moved(there.batch);
  first_batch_due_ = true;
  last_sealed_ = false;
  if (!reply.batch) return;
  void_batch();
  if (!committed) take_batch_back(*reply.batch, now);
}

void Pipeline::take_batch_back(const Batch& batch, Now now) {
  for (const Entry& entry : batch.entries)  // it had room before, so it has now
    inputs_[entry.input]->buffer.add(entry, UINT64_MAX);
  if (oldest_pending_mono_ms_ == 0 && !batch.entries.empty()) oldest_pending_mono_ms_ = now.mono_ms;
}

// What came from another input has its positions under that one's name; what is new is restored
// when it takes its place.
void Pipeline::restore_next(Next& next, const AgentState& state, Now now) {
  const Origin& origin = next.origin;
  const Input* from = find_input(origin.name);
  if (from == nullptr) return;
  StoredInput stored;
  stored.foreign = foreign_;
  for (const AgentState::Input& known : state.inputs) {
    if (known.name != origin.name && !origin.earlier.contains(known.name)) continue;
    stored.known = true;
    stored.positions.insert(stored.positions.end(), known.positions.begin(), known.positions.end());
  }
  if (loaded_ && !from->gave_source)
    std::erase_if(stored.positions,
                  [&](const Position& position) { return !origin.keys.contains(position.stream); });
  for (const Position& position : stored.positions) next.origin.keys.insert(position.stream);
  next.parts.source->restore(stored, now);
  if (next.parts.source->held_back()) next.origin = {};
  next.begun = stored.known;
  if (stored.known) next.parts.source->begin();
}

}  // namespace lastseen
