#include "pipeline/flusher.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace lastseen {

namespace {

// So many failures in a row, and a batch (up to megabytes) is sent only after a probe succeeded.
constexpr uint32_t kProbeAfterFailures = 3;

// What holds is somebody's to mend, who then waits for us: looked at this often, whatever
// store.retry.max says.
constexpr int64_t kHoldingProbeMs = 5000;

// What may come with every batch, for hours, is said this often.
constexpr int64_t kWarningEveryMs = 600'000;

// All agents of a table send rows in this one order, so that none can wait in a circle.
void sort_entries(std::vector<Entry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.client_id, a.input) < std::tie(b.client_id, b.input);
  });
}

uint64_t lines_of(const Batch& batch) {
  uint64_t lines = 0;
  for (const Entry& entry : batch.entries) lines += entry.count;
  return lines;
}

}  // namespace

Flusher::Flusher(FlusherOptions options, Log& log)
    : options_(std::move(options)),
      log_(log),
      random_(options_.seed),
      recent_(options_.clients_max, options_.resolution_ms, options_.seed),
      refused_pace_(kWarningEveryMs),
      clamped_pace_(kWarningEveryMs) {
  snapshot_.type = options_.store_type;
}

Flusher::Step Flusher::step(Now now) const {
  switch (state_) {
    case State::kTakenOver:
      return {Action::kStop, kNever};
    case State::kIdle:
      return {Action::kWait, kNever};
    case State::kLoading:
    case State::kCommitting:
      break;
  }
  if (reply_.has_value() || now.mono_ms < next_try_mono_ms_)
    return {Action::kWait, next_try_mono_ms_};
  if (failures_ >= kProbeAfterFailures && !probed_) return {Action::kProbe, now.mono_ms};
  return {state_ == State::kLoading ? Action::kLoad : Action::kCommit, now.mono_ms};
}

void Flusher::offer(Batch batch, bool last, Now now) {
  CHECK(state_ == State::kIdle);
  batch.epoch = epoch_;
  batch.number = last_batch_ + 1;
  limits_.grant(batch, now);
  const size_t entries = batch.entries.size();
  recent_.screen(batch, now.mono_ms, last);
  note_withheld(batch.entries.size() - entries);
  sort_entries(batch.entries);
  batch_ = std::move(batch);
  sent_less_ = false;
  last_ = last;
  state_ = State::kCommitting;
}

void Flusher::loaded(StoreResult<AgentState> result, Now now) {
  CHECK(state_ == State::kLoading);
  if (const auto* error = std::get_if<StoreError>(&result)) return failed(*error, now);
  AgentState& loaded = std::get<AgentState>(result);
  if (nothing_taken_) return move_to(std::move(loaded), options_, now);
  batch_.reset();  // void since the store went back
  epoch_ = loaded.epoch;
  last_batch_ = loaded.batch;
  succeeded(now);
  snapshot_.positions_loaded = true;
  state_ = State::kIdle;
  reply_.emplace();
  reply_->kind = FlushReply::Kind::kPositions;
  reply_->state = std::move(loaded);
}

void Flusher::change(FlusherOptions options, bool other_table) {
  if (other_table) distrust();
  options_ = std::move(options);
  recent_.change(options_.clients_max, options_.resolution_ms);
  snapshot_.type = options_.store_type;
  next_try_mono_ms_ = INT64_MIN;  // what did not work may work now
}

void Flusher::move_to(AgentState there, FlusherOptions options, Now now) {
  CHECK(!reply_);
  nothing_taken_ = true;
  change(std::move(options));
  recent_.distrust();
  epoch_ = there.epoch;
  last_batch_ = there.batch;
  succeeded(now);
  snapshot_.positions_loaded = true;
  state_ = State::kIdle;
  reply_.emplace();
  reply_->kind = FlushReply::Kind::kMoved;
  reply_->state = std::move(there);
  reply_->batch = std::exchange(batch_, std::nullopt);
}

// A database that is back is used at once: the next step commits.
void Flusher::probed(std::optional<StoreError> error, Now now) {
  CHECK(state_ == State::kLoading || state_ == State::kCommitting);
  if (error) return failed(*error, now);
  probed_ = true;
  next_try_mono_ms_ = now.mono_ms;
}

void Flusher::committed(StoreResult<CommitResult> result, Now started, Now now) {
  CHECK(state_ == State::kCommitting);
  if (const auto* error = std::get_if<StoreError>(&result)) return failed(*error, now);
  CommitResult& answer = std::get<CommitResult>(result);
  succeeded(now);
  switch (answer.outcome) {
    case CommitOutcome::kCommitted:
    case CommitOutcome::kAlreadyCommitted:
      return finish_commit(std::move(answer), started, now);
    case CommitOutcome::kWentBack:
      return went_back();
    case CommitOutcome::kTableChanged:
      log_.warn(
          "the table of clients was made anew or emptied; everything that is pending or seen from "
          "now on is sent, also what it would already hold. Nothing has to be done");
      return distrust();
    case CommitOutcome::kTakenOver:
      log_.error(
          "another instance took over this agent_id; stopping. "
          "Give each agent an agent_id of its own");
      state_ = State::kTakenOver;
      reply_.emplace();
      reply_->kind = FlushReply::Kind::kTakenOver;
      return;
  }
}

void Flusher::finish_commit(CommitResult result, Now started, Now now) {
  // Of a commit whose reply was lost it is not known whose lines were not allowed.
  const bool all_known = result.not_allowed.empty() || !result.left_out.empty();
  const bool earlier = result.outcome == CommitOutcome::kAlreadyCommitted && sent_less_;
  const bool trusted = result.clamped == 0 && result.quarantined.empty() && all_known && !earlier;
  recent_.committed(*batch_, trusted, result.left_out);
  limits_.committed(*batch_, result);
  last_batch_ = batch_->number;
  nothing_taken_ = false;
  ++snapshot_.batches;
  snapshot_.rows += result.rows;
  snapshot_.clamped += result.clamped;
  snapshot_.last_commit_mono_ms = now.mono_ms;
  snapshot_.last_commit_duration_ms = now.mono_ms - started.mono_ms;
  measure(result.rows, now);
  announce(result, now);
  for (CommitListener* listener : listeners_) listener->committed(*batch_, result);
  batch_.reset();
  note_withheld(0);
  state_ = State::kIdle;
  reply_.emplace();
  reply_->kind = FlushReply::Kind::kCommitted;
  reply_->result = std::move(result);
}

void Flusher::note_withheld(uint64_t on_the_way) {
  snapshot_.withheld = recent_.withheld() + on_the_way;
}

void Flusher::measure(uint64_t rows, Now now) {
  const auto age = [&](int64_t since_mono_ms) {
    return static_cast<uint64_t>(std::max<int64_t>(now.mono_ms - since_mono_ms, 0));
  };
  snapshot_.commit_ms.observe(static_cast<uint64_t>(snapshot_.last_commit_duration_ms));
  snapshot_.commit_rows.observe(rows);
  for (const ReadMark& mark : batch_->reads)
    snapshot_.read_to_commit_ms.observe(age(mark.mono_ms), mark.lines);
}

void Flusher::announce(const CommitResult& result, Now now) {
  announce_flush(result.rows, now);
  uint64_t quarantined = 0;
  for (const uint64_t refused : result.quarantined) quarantined += refused;
  if (quarantined > 0)
    if (const auto turn = refused_pace_.take(quarantined, now.mono_ms))
      log_.warn(
          "the store refused rows; they are kept in lastseen_quarantine. Look there for the "
          "reason: lastseen quarantine list",
          {{"lines", turn->amount}, {"held_back", turn->held_back}});
  announce_not_allowed(result, now);
  if (result.clamped > 0)
    if (const auto turn = clamped_pace_.take(result.clamped, now.mono_ms))
      log_.warn("sightings from the future were moved to the store's time; check the clocks",
                {{"rows", turn->amount}, {"held_back", turn->held_back}});
}

void Flusher::announce_flush(uint64_t rows, Now now) {
  const Flushed commit{rows, lines_of(*batch_), snapshot_.last_commit_duration_ms};
  if (commit.lines == 0) return;
  const auto sum = summary_.take(commit, last_, now.mono_ms);
  if (sum) log_.info(flushed_text(*sum));
  if (!sum || sum->commits > 1) log_.debug(flushed_text(commit));
}

void Flusher::announce_not_allowed(const CommitResult& result, Now now) {
  for (size_t i = 0; i < result.not_allowed.size(); ++i) {
    const std::optional<uint64_t>& limit = batch_->inputs[i].new_per_second_max;
    if (result.not_allowed[i] == 0 || limit == 0) continue;  // insert: false says so already
    const std::string& input = batch_->inputs[i].name;
    auto& pace = limit_paces_.try_emplace(input, kWarningEveryMs).first->second;
    const auto turn = pace.take(result.not_allowed[i], now.mono_ms);
    if (!turn) continue;
    log_.warn(
        "more new clients than client_id.new_per_second_max allows; their lines are skipped as "
        "not_allowed, and clients that the table has are updated as ever. Raise it if they are "
        "real",
        {{"input", input}, {"lines", turn->amount}, {"held_back", turn->held_back}});
  }
}

void Flusher::went_back() {
  log_.warn(
      "the store is not where this agent left it (a standby took over, a backup was restored, or "
      "positions were changed by hand); taking a new epoch and reading on from its positions. "
      "Nothing has to be done, unless nobody meant it");
  recent_.went_back(*batch_);
  note_withheld(0);
  ++snapshot_.rewinds;
  snapshot_.positions_loaded = false;
  state_ = State::kLoading;
}

// The table may not hold what this agent committed: the batch at hand and all that follow send
// every client again. The state stays what it is.
void Flusher::distrust() {
  recent_.distrust();
  if (!batch_) return;
  sent_less_ = true;
  for (Entry& entry : batch_->entries) entry.upsert = true;
}

void Flusher::failed(const StoreError& error, Now now) {
  ++snapshot_.retries;
  ++failures_;
  probed_ = false;
  // Whoever mends a table may do so by making it anew.
  if (error.trouble == StoreTrouble::kHolding) distrust();
  const StoreState state =
      error.trouble == StoreTrouble::kHolding ? StoreState::kHolding : StoreState::kRetrying;
  // The first failure, and each change of the reason, is told once; the rest is in `status`.
  if (snapshot_.last_error != error.message) {
    log_.warn(state == StoreState::kHolding
                  ? "the store does not take data; everything is kept until it does"
                  : "the store does not answer; trying again. See whether it runs",
              {{"error", error.message}});
  }
  snapshot_.state = state;
  snapshot_.last_error = error.message;
  if (error.trouble == StoreTrouble::kRetryAtOnce && failures_ == 1) {
    next_try_mono_ms_ = now.mono_ms;
    return;
  }
  // Full jitter: agents that lost the same database must not come back in step.
  const uint32_t doublings = std::min<uint32_t>(failures_ - 1, 30);
  int64_t ceiling = std::min(options_.retry_max_ms, options_.retry_initial_ms << doublings);
  if (state == StoreState::kHolding) ceiling = std::min(ceiling, kHoldingProbeMs);
  next_try_mono_ms_ =
      now.mono_ms + static_cast<int64_t>(random_.below(static_cast<uint64_t>(ceiling) + 1));
}

void Flusher::succeeded(Now now) {
  if (failures_ > 0) log_.info("the store takes data again", {{"failed_tries", failures_}});
  failures_ = 0;
  probed_ = false;
  next_try_mono_ms_ = now.mono_ms;
  snapshot_.state = StoreState::kOk;
  snapshot_.last_error.clear();
}

void Flusher::look_up(const ClientQuestion& question, ClientView& view) {
  if (question.forget_until_ms)
    recent_.forget_client(question.client_id, *question.forget_until_ms);
  recent_.look_up(question.client_id, view);
  if (!batch_) return;
  for (Entry& entry : batch_->entries) {
    if (entry.client_id != question.client_id) continue;
    view.add_pending(entry.count, entry.last_seen_ms);
    const auto& until_ms = question.forget_until_ms;
    if (!entry.upsert && until_ms && entry.last_seen_ms > *until_ms)
      entry.upsert = sent_less_ = true;
  }
}

std::optional<FlushReply> Flusher::take_reply() {
  if (reply_) reply_->withheld = recent_.withheld();
  return std::exchange(reply_, std::nullopt);
}

}  // namespace lastseen
