// What the flusher replies: positions to go on from, and batches that are committed.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "pipeline/pipeline.h"
#include "source/ended_source.h"

namespace lastseen {

namespace {

// Stands for a feed of an earlier run while what that brought is committed.
PipelineInput ended_feed(const std::string& name) {
  PipelineInput input;
  input.name = name;
  input.source = std::make_unique<EndedSource>();
  input.feed = true;
  return input;
}

}  // namespace

void Pipeline::deliver(FlushReply reply, Now now) {
  withheld_ = reply.withheld;
  switch (reply.kind) {
    case FlushReply::Kind::kPositions:
      return positions_known(std::move(reply.state), now);
    case FlushReply::Kind::kCommitted:
      return batch_committed(reply.result);
    case FlushReply::Kind::kMoved:
      return store_moved(std::move(reply), now);
    case FlushReply::Kind::kTakenOver:
      stopping_ = ended_ = true;
      return;
  }
}

void Pipeline::positions_known(AgentState state, Now now) {
  if (in_flight_) {  // the store went back: its lines are read again
    void_batch();
    last_sealed_ = false;
  }
  full_ = false;
  read_times_.take();  // of lines that are read again
  foreign_ = std::make_shared<const std::vector<ForeignPosition>>(std::move(state.foreign));
  for (auto& input : inputs_) {
    rows_not_gone(*input);
    start_input(*input, stored_of(state, *input), loaded_, now);
    if (!input->leaving) input->gave_source = false;
    if (input->next) restore_next(*input->next, state, now);
  }
  remember_strangers(state);
  const bool pending = std::any_of(inputs_.begin(), inputs_.end(),
                                   [](const auto& input) { return input->buffer.sightings() > 0; });
  if (!pending) oldest_pending_mono_ms_ = 0;
  for (const SpillPart& part : spill_.positions_known(state.batch)) take_back(part, now);
  loaded_ = true;
}

void Pipeline::start_input(Input& input, const StoredInput& stored, bool again, Now now) {
  drop_left(input);
  if (!input.parts.feed) {
    if (again && !input.held_back) input.delta = LedgerCounts();
    input.buffer.clear();
  } else if (again) {
    // What the store forgot can not be read again. The batch that was out is not part of it.
    const LedgerCounts ours = input.sealed.minus(input.out).minus(input.out_carried);
    LedgerCounts gone = ours.minus(stored.totals);
    // What was quarantined may have been committed since, by `quarantine replay`.
    const uint64_t before = ours.committed + ours.quarantined;
    const uint64_t there = stored.totals.committed + stored.totals.quarantined;
    gone.lost[static_cast<size_t>(LossReason::kStoreWentBack)] += before - std::min(before, there);
    gone.committed = gone.quarantined = 0;
    gone.lines_read = gone.settled();
    input.delta.add(gone);
  }
  input.in_flight = 0;
  input.out = input.out_carried = input.carried = LedgerCounts();
  input.before = input.sealed = stored.totals;
  input.parts.source->restore(stored, now);
  input.held_back = input.parts.source->held_back();
  if (input.held_back) input.origin = {};  // the store knows it by no name
  if (!input.origin.name.empty()) input.origin.keys.merge(keys_of(*input.parts.source));
  input.begun = stored.known;
  if (stored.known) {
    input.parts.source->begin();
  } else if (!input.held_back) {
    first_batch_due_ = true;
  }
}

void Pipeline::found_spill(std::vector<SpillPart> parts) {
  for (const SpillPart& part : parts) {
    const auto decoded = decode_part(part.bytes);
    CHECK(decoded.is_ok());  // it was looked at when it was read
    for (const SpilledInput& spilled : *decoded) {
      if (Input* input = find_input(spilled.name)) {
        if (!input->parts.feed && !input->next) wait_for_feed(*input);
        continue;
      }
      const auto index = static_cast<uint32_t>(inputs_.size());
      inputs_.push_back(
          std::make_unique<Input>(ended_feed(spilled.name), index, budget_, options_));
    }
  }
  spill_.found(std::move(parts));
}

// A log has the name that a feed had. It takes its place once what that brought is committed.
void Pipeline::wait_for_feed(Input& input) {
  input.next = std::make_unique<Next>();
  input.next->parts = std::move(input.parts);
  input.parts = ended_feed(input.next->parts.name);
  input.leaving = true;
}

// What feeds brought once, and no batch has committed.
void Pipeline::take_back(const SpillPart& part, Now now) {
  const auto decoded = decode_part(part.bytes);
  CHECK(decoded.is_ok());  // it was looked at when it was read, or comes from here
  for (const SpilledInput& spilled : *decoded) {
    const auto found = std::find_if(inputs_.begin(), inputs_.end(), [&](const auto& input) {
      return input->parts.name == spilled.name;
    });
    if (found == inputs_.end()) continue;
    Input& input = **found;
    input.delta.add(spilled.counts);
    for (const Entry& entry : spilled.entries) {
      if (!input.buffer.add(entry, budget_.clients_max()))
        input.delta.lost[static_cast<size_t>(LossReason::kBufferFull)] += entry.count;
    }
    if (oldest_pending_mono_ms_ == 0 && !spilled.entries.empty())
      oldest_pending_mono_ms_ = now.mono_ms;
  }
}

// Whoever waits for a flush waits for the next one.
void Pipeline::void_batch() {
  budget_.give_back(in_flight_->clients);
  for (auto& done : in_flight_->flushes) flushes_.push_back(std::move(done));
  in_flight_.reset();
}

void Pipeline::batch_committed(const CommitResult& result) {
  CHECK(in_flight_.has_value());
  for (size_t i = 0; i < in_flight_->inputs; ++i) {
    Input& input = *inputs_[i];
    const uint64_t refused = result.quarantined.empty() ? 0 : result.quarantined[i];
    const uint64_t not_allowed = result.not_allowed.empty() ? 0 : result.not_allowed[i];
    input.sealed.committed += input.in_flight - refused - not_allowed;
    input.sealed.quarantined += refused;
    input.sealed.skipped[static_cast<size_t>(SkipReason::kNotAllowed)] += not_allowed;
    input.in_flight = 0;
    input.rows_out.clear();
    input.out = input.out_carried = LedgerCounts();
    if (std::exchange(input.renamed_out, false)) {
      input.origin.name.clear();
      input.origin.earlier.clear();
    }
    if (!input.begun && !input.held_back) {
      input.begun = true;
      input.parts.source->begin();
    }
  }
  budget_.give_back(in_flight_->clients);
  spill_.committed();
  full_ = false;
  final_committed_ |= final_sealed_;
  if (in_flight_->last) ended_ = true;
  const auto flushes = std::move(in_flight_->flushes);
  in_flight_.reset();
  for (const auto& done : flushes) done(Status::ok());
}

}  // namespace lastseen
