#include "pipeline/spill_keeper.h"

#include <algorithm>
#include <utility>

#include "base/batch.h"
#include "base/check.h"

namespace lastseen {

namespace {

uint64_t sightings_of(const std::vector<SpilledInput>& inputs) {
  uint64_t sightings = 0;
  for (const SpilledInput& input : inputs)
    for (const Entry& entry : input.entries) sightings += entry.count;
  return sightings;
}

}  // namespace

void SpillKeeper::found(std::vector<SpillPart> parts) {
  found_ = std::move(parts);
  for (const SpillPart& part : found_) {
    SavedPart& saved = on_disk_parts_.emplace_back(SavedPart{part.batch});
    const auto inputs = decode_part(part.bytes);
    if (!inputs) continue;
    for (const SpilledInput& input : *inputs) found_lines_ += input.counts.lines_read;
    saved.sightings = sightings_of(*inputs);
  }
  on_disk_ = true;
  on_disk_up_to_ = UINT64_MAX;
}

std::vector<SpillPart> SpillKeeper::positions_known(uint64_t batch) {
  batch_ = batch;
  numbers_are_old_ = on_disk_;
  std::vector<SpillPart> again = std::exchange(found_, {});
  found_lines_ = 0;
  // A command that changed positions meanwhile committed nothing of this.
  std::erase_if(again, [&](const SpillPart& part) {
    return part.batch != 0 && batches_of(part.batch) <= batches_of(batch);
  });
  // After all, where its reply was lost.
  const bool committed = batches_of(in_flight_.batch) == batches_of(batch);
  if (!in_flight_.bytes.empty() && !committed) again.push_back(std::move(in_flight_));
  in_flight_ = {};
  out_since_mono_ms_.reset();
  return again;
}

void SpillKeeper::other_store() {
  for (SpillPart& part : found_) part.batch = 0;
}

void SpillKeeper::moved(uint64_t batch) {
  std::erase_if(on_disk_parts_, [&](const SavedPart& part) {
    return batch_ && part.batch != 0 && part.batch <= *batch_;
  });
  for (SavedPart& part : on_disk_parts_) part.batch = 0;
  batch_ = batch;
  in_flight_ = {};
  out_since_mono_ms_.reset();
  numbers_are_old_ = on_disk_;
}

void SpillKeeper::sealed(const std::vector<SpilledInput>& inputs, Now now) {
  CHECK(batch_ && !out_since_mono_ms_);
  out_since_mono_ms_ = now.mono_ms;
  if (inputs.empty()) return;
  in_flight_ = {*batch_ + 1, encode_part(inputs)};
  in_flight_sightings_ = sightings_of(inputs);
}

void SpillKeeper::committed() {
  ++*batch_;
  in_flight_ = {};
  out_since_mono_ms_.reset();
}

bool SpillKeeper::saved(bool pending, uint64_t brought) const {
  return !anything(pending) || !changed(brought);
}

uint64_t SpillKeeper::saved_sightings() const {
  if (!on_disk_) return 0;
  uint64_t sightings = 0;
  // What was found is not pending before it is known whether it was committed.
  for (size_t i = found_.size(); i < on_disk_parts_.size(); ++i) {
    const SavedPart& part = on_disk_parts_[i];
    if (part.batch == 0 || !batch_ || part.batch > *batch_) sightings += part.sightings;
  }
  return sightings;
}

std::optional<SpillOrder> SpillKeeper::order(
    Now now, bool sealing, bool pending, uint64_t brought,
    const std::function<std::vector<SpilledInput>()>& encode) {
  const bool all_committed =
      !anything(pending) || (!numbers_are_old_ && batch_ && *batch_ >= on_disk_up_to_);
  if (on_disk_ && batch_ && all_committed && now.mono_ms >= next_remove_mono_ms_) {
    ordered_ = {.remove = true};
    return SpillOrder();
  }
  if (on_disk_ && numbers_are_old_ && sealing) {
    SpillOrder order = write(pending, brought, encode);
    order.supersedes = true;
    return order;
  }
  if (!saving_ && now.mono_ms < next_mono_ms(pending, brought)) return std::nullopt;
  if (saved(pending, brought)) return std::nullopt;
  return write(pending, brought, encode);
}

SpillOrder SpillKeeper::write(bool pending, uint64_t brought,
                              const std::function<std::vector<SpilledInput>()>& encode) {
  std::vector<const SpillPart*> parts;
  std::vector<SavedPart> saved(on_disk_parts_.begin(),
                               on_disk_parts_.begin() + static_cast<int64_t>(found_.size()));
  for (const SpillPart& part : found_) parts.push_back(&part);
  if (!in_flight_.bytes.empty()) {
    parts.push_back(&in_flight_);
    saved.push_back({in_flight_.batch, in_flight_sightings_});
  }
  // What has been in no batch goes into the next one; 0 as long as that has no number.
  SpillPart since;
  if (pending) {
    since.batch = batch_ ? *batch_ + (out_since_mono_ms_ ? 2 : 1) : 0;
    const std::vector<SpilledInput> inputs = encode();
    since.bytes = encode_part(inputs);
    parts.push_back(&since);
    saved.push_back({since.batch, sightings_of(inputs)});
  }
  uint64_t up_to = 0;
  for (const SpillPart* part : parts)
    up_to = std::max(up_to, part->batch == 0 ? UINT64_MAX : part->batch);
  ordered_ = {.remove = false, .brought = brought, .up_to = up_to, .parts = std::move(saved)};
  return {encode_spill(owner_, parts), false};
}

void SpillKeeper::done(SpillResult result, Now now) {
  if (!ordered_.remove) next_write_mono_ms_ = now.mono_ms + interval_ms_;
  switch (result) {
    case SpillResult::kFailed:
      saving_ = false;
      if (ordered_.remove) {  // it is void by its numbers, and can go later
        next_remove_mono_ms_ = now.mono_ms + interval_ms_;
      } else {  // before its content went out, too: it keeps its old numbers
        numbers_are_old_ = false;
      }
      return;
    case SpillResult::kRemoved:
      on_disk_ = numbers_are_old_ = false;
      return;
    case SpillResult::kDone:
      on_disk_ = !ordered_.remove;
      on_disk_brought_ = ordered_.brought;
      on_disk_up_to_ = ordered_.up_to;
      on_disk_parts_ = std::move(ordered_.parts);
      numbers_are_old_ = false;
      return;
  }
}

int64_t SpillKeeper::next_mono_ms(bool pending, uint64_t brought) const {
  if (saved(pending, brought)) return kNever;
  if (!batch_) return next_write_mono_ms_;
  if (!out_since_mono_ms_) return kNever;  // the next batch comes soon
  return std::max(next_write_mono_ms_, *out_since_mono_ms_ + interval_ms_);
}

}  // namespace lastseen
