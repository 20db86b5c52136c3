#include "sim/reloaded_agent.h"

#include <utility>

#include "sim/snapshot_checks.h"

namespace lastseen::sim {

ReloadedAgent::ReloadedAgent(SimStore* stores, size_t at, PipelineOptions options,
                             std::vector<PipelineInput> inputs,
                             const FlusherOptions& flusher_options, Now now)
    : stores_(stores),
      at_(at),
      pipeline_(std::move(options), std::move(inputs), now),
      flush_(flusher_options, log_) {}

bool ReloadedAgent::may_move() const {
  const StoreSnapshot& store = flush_.snapshot();
  return !flush_.in_load() && (store.positions_loaded || store.retries > 0);
}

bool ReloadedAgent::open(size_t to) {
  SimStore& store = stores_[to];
  const uint64_t epoch = store.epoch();
  StoreResult<AgentState> loaded = store.load(kName);
  if (std::holds_alternative<StoreError>(loaded)) {
    may_have_moved_ |= store.epoch() != epoch;
    return false;
  }
  moving_ = true;
  opened_ = Move{std::move(std::get<AgentState>(loaded)), to, false};
  return true;
}

void ReloadedAgent::change(PipelineChange change, bool other_table, Now now) {
  changing_ = true;
  change.other_store = opened_.has_value();
  change.store_answers = flush_.snapshot().state == StoreState::kOk;
  pipeline_.change(std::move(change), now);
  if (!opened_) posted_ = Move{std::nullopt, at_, other_table};
}

void ReloadedAgent::ingest(Now now) {
  if (auto reply = flush_.take_reply()) pipeline_.deliver(std::move(*reply), now);
  if (moved_) pipeline_.deliver(*std::exchange(moved_, std::nullopt), now);
  if (std::exchange(store_left_, false)) pipeline_.store_left();
  Pipeline::Step step = pipeline_.step(now);
  if (step.spill) pipeline_.spilled(SpillResult::kDone, now);
  if (step.batch) flush_.put(std::move(*step.batch), step.last || step.release);
  if (step.move_store) posted_ = std::exchange(opened_, std::nullopt);
  if (step.changed) {
    told_ = "reloaded";
    changing_ = false;
  }
  if (pipeline_.stopping()) broken_ = "the agent stops by itself";
  if (const std::string what = unbalanced(snapshot(now)); !what.empty()) broken_ = what;
}

void ReloadedAgent::flush(Now now, Random& random) {
  if (flush_.has_reply()) return;
  if (flush_.in_call()) return end_call(now, random);
  const bool posted = posted_.has_value();  // before the batch that it came after
  flush_.take_order(now);
  if (posted) go_over(now);
  // Once the other store is loaded, which may be this one, nobody loads this one.
  flush_.begin_call(store(), kName, now, !moving_);
}

void ReloadedAgent::end_call(Now now, Random& random) {
  // A store that is to be left is interrupted.
  if (posted_ && posted_->there && random.below(2) == 0) flush_.cut();
  auto* commit = flush_.commit_answer();
  auto* result = commit ? std::get_if<CommitResult>(commit) : nullptr;
  if (result && result->outcome == CommitOutcome::kTakenOver) {
    if (moving_) {
      store_left_ = true;
      flush_.cut();
    } else if (std::exchange(may_have_moved_, false)) {
      told_ = "a refused reload took this store";
      result->outcome = CommitOutcome::kWentBack;
    } else {
      broken_ = "it took itself for another instance";
    }
  }
  flush_.end_call(now);
}

void ReloadedAgent::go_over(Now now) {
  Move move = *std::exchange(posted_, std::nullopt);
  if (!move.there) return flush_.flusher().change(FlusherOptions(), move.other_table);
  const uint64_t done = store().last_batch();
  const bool other = std::exchange(at_, move.to) != move.to;
  moving_ = false;
  flush_.flusher().move_to(std::move(*move.there), FlusherOptions(), now);
  moved_ = flush_.flusher().take_reply();
  if (!other || !moved_->batch || moved_->batch->number > done) return;
  for (const Entry& entry : moved_->batch->entries)
    in_both_[std::string(entry.client_id)] += entry.count;
}

bool ReloadedAgent::idle(Now now) const {
  return !changing_ && flush_.idle() && !moved_ && pipeline_.loaded() &&
         nothing_pending(snapshot(now));
}

}  // namespace lastseen::sim
