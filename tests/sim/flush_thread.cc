#include "sim/flush_thread.h"

namespace lastseen::sim {

void FlushThread::take_order(Now now) {
  if (!order_) return;
  auto [batch, release] = *std::exchange(order_, std::nullopt);
  flusher_.offer(std::move(batch), release, now);
}

bool FlushThread::begin_call(Store& store, const std::string& agent_id, Now now, bool may_load) {
  switch (flusher_.step(now).action) {
    case Flusher::Action::kWait:
    case Flusher::Action::kStop:
      return false;
    case Flusher::Action::kLoad:
      if (!may_load) return false;
      answer_ = store.load(agent_id);
      return true;
    case Flusher::Action::kProbe:
      answer_ = store.probe(agent_id);
      return true;
    case Flusher::Action::kCommit:
      answer_ = store.commit(agent_id, flusher_.batch());
      return true;
  }
  return false;
}

// But a real store says with the next call that the table changed.
void FlushThread::cut() {
  const StoreError error{StoreTrouble::kUnreachable, "", "interrupted"};
  if (auto* loaded = std::get_if<StoreResult<AgentState>>(&*answer_)) *loaded = error;
  if (auto* committed = commit_answer()) {
    const auto* result = std::get_if<CommitResult>(committed);
    if (!result || result->outcome != CommitOutcome::kTableChanged) *committed = error;
  }
  if (auto* probed = std::get_if<std::optional<StoreError>>(&*answer_)) *probed = error;
}

void FlushThread::end_call(Now now) {
  Answer answer = *std::exchange(answer_, std::nullopt);
  if (auto* loaded = std::get_if<StoreResult<AgentState>>(&answer))
    flusher_.loaded(std::move(*loaded), now);
  else if (auto* committed = std::get_if<StoreResult<CommitResult>>(&answer))
    flusher_.committed(std::move(*committed), now, now);
  else
    flusher_.probed(std::move(std::get<std::optional<StoreError>>(answer)), now);
  reply_ = flusher_.take_reply();
}

}  // namespace lastseen::sim
