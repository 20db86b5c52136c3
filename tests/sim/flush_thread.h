// What the flush thread does, in steps: a call of the store begins in one, and ends in a later one.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/flusher.h"
#include "store/store.h"

namespace lastseen::sim {

class FlushThread {
 public:
  using Answer =
      std::variant<StoreResult<AgentState>, StoreResult<CommitResult>, std::optional<StoreError>>;

  FlushThread(const FlusherOptions& options, Log& log) : flusher_(options, log) {}

  void put(Batch batch, bool release) { order_.emplace(std::move(batch), release); }
  /// What ingest has to be told; nothing goes on until it is taken.
  std::optional<FlushReply> take_reply() { return std::exchange(reply_, std::nullopt); }
  bool has_reply() const { return reply_.has_value(); }
  bool idle() const { return !order_ && !reply_ && !answer_; }
  bool in_call() const { return answer_.has_value(); }
  bool in_load() const {
    return answer_ && std::holds_alternative<StoreResult<AgentState>>(*answer_);
  }

  /// The batch that was put is the flusher's.
  void take_order(Now now);
  /// False: there is none to begin, or it is a load while there is to be none. What the store did
  /// is done then, and its answer on the way.
  bool begin_call(Store& store, const std::string& agent_id, Now now, bool may_load = true);
  /// Of a commit that is under way.
  StoreResult<CommitResult>* commit_answer() {
    return answer_ ? std::get_if<StoreResult<CommitResult>>(&*answer_) : nullptr;
  }
  /// The connection is shut down: the answer does not arrive.
  void cut();
  void end_call(Now now);

  Flusher& flusher() { return flusher_; }
  const StoreSnapshot& snapshot() const { return flusher_.snapshot(); }

 private:
  Flusher flusher_;
  std::optional<std::pair<Batch, bool>> order_;
  std::optional<FlushReply> reply_;
  std::optional<Answer> answer_;
};

}  // namespace lastseen::sim
