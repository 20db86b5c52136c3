#include <unistd.h>

#include <algorithm>
#include <string>

#include "control/health.h"
#include "daemon_state.h"
#include "exit_code.h"

namespace lastseen {

namespace {

// A stop that has committed everything waits this long for the flush thread to leave the store.
constexpr int64_t kJoinMs = 1000;
// Beyond the stop's deadline: what feeds brought is written to a file of some megabytes.
constexpr int64_t kSaveMs = 5000;

uint64_t pending_lines(const AgentSnapshot& snapshot) {
  uint64_t lines = 0;
  for (const InputSnapshot& input : snapshot.inputs) lines += input.pending;
  return lines;
}

uint64_t unsettled_bytes(const InputSnapshot& input) {
  uint64_t bytes = 0;
  for (const FileSnapshot& file : input.files) bytes += file.unsettled;
  return bytes;
}

std::string why_not_stored(const AgentSnapshot& snapshot) {
  return snapshot.store.last_error.empty() ? "the store did not answer in time"
                                           : snapshot.store.last_error;
}

// Reading begins when positions are known and the start choice is committed.
bool no_log_was_read(const AgentSnapshot& snapshot) {
  const bool loaded = snapshot.store.positions_loaded || snapshot.store.rewinds > 0;
  return std::any_of(snapshot.inputs.begin(), snapshot.inputs.end(), [&](const auto& input) {
    const bool logs = !input.watching.empty();
    return logs && (!loaded || unsettled_bytes(input) > 0);
  });
}

}  // namespace

// --once gives up when nothing has moved for the shutdown timeout: after its last line, or after
// its start while positions cannot be loaded.
bool Daemon::stuck(const AgentSnapshot& snapshot) {
  // Neither committed batches nor events would do: an idle agent commits empty ones.
  uint64_t mark = snapshot.store.positions_loaded;
  for (const InputSnapshot& input : snapshot.inputs) {
    mark += input.totals.bytes_read + input.totals.settled();
    for (const FileSnapshot& file : input.files) mark += file.position;  // passes over what is read
  }
  const int64_t now_ms = clock_.now().mono_ms;
  if (mark != moved_mark_) {
    moved_mark_ = mark;
    moved_mono_ms_ = now_ms;
  }
  return now_ms - moved_mono_ms_ >= config().shutdown_timeout;
}

// The store did not take everything in time. Threads may be inside its library, so nothing is
// joined or destroyed.
int Daemon::give_up() {
  bar_.end();
  agent_->stop();
  agent_->save_feeds(kSaveMs);
  const auto snapshot = agent_->snapshot();
  const uint64_t lines = pending_lines(*snapshot);
  // Being stuck does not end by stopping: --once has not read what it was started for.
  const bool stuck_once = options_.once && stop_deadline_mono_ms_ == kNever;
  if (agent_->finished() && !stuck_once) return finish();
  drop_reload();
  const std::string why = why_not_stored(*snapshot);
  const std::string unreadable = unread_inputs(*snapshot);
  if (options_.once && snapshot->store.positions_loaded && lines == 0 && !unreadable.empty()) {
    report_once(*snapshot);
    log_->error("gave up waiting for what cannot be read: " + unreadable +
                "; make it readable and run again");
    _exit(kExitFailed);
  }
  if (snapshot->store.withheld > 0)
    log_->error(
        "the newest times of clients that last_seen.resolution withheld are not committed; their "
        "rows stay older by less than that until they are seen again. See whether the store runs",
        {{"clients", snapshot->store.withheld}});
  const uint64_t fed = report_feeds(*snapshot);
  const bool unread = no_log_was_read(*snapshot);
  const int unread_code = unread ? report_unread(*snapshot) : kExitDone;
  const bool waits = report_unstored(*snapshot);
  if (fed == lines && fed > 0) {
    log_->error("stopped with data of feeds not committed; see whether the store runs",
                {{"lines", fed}, {"error", why}});
  } else if (!waits && (lines > 0 || (snapshot->store.withheld == 0 && !unread))) {
    log_->error(
        "stopped with data not committed; it waits in the log files and is read again at "
        "the next start. See whether the store runs",
        {{"lines", lines}, {"error", why}});
  }
  if (control_) control_->stop();
  if (control_thread_.joinable()) control_thread_.join();
  const bool nothing_pending =
      lines == 0 && snapshot->store.withheld == 0 && !waits && !options_.once;
  _exit(nothing_pending ? unread_code : kExitUncommitted);
}

// Only the store knows where reading begins. Returns the exit code.
int Daemon::report_unread(const AgentSnapshot& snapshot) {
  const std::string why = why_not_stored(snapshot);
  bool skips = false;
  for (const InputSnapshot& input : snapshot.inputs) {
    const uint64_t bytes = unsettled_bytes(input);
    if (bytes == 0) continue;
    skips = true;
    log_->error(
        "stopped before the store could tell where to begin; nothing was read. If the store does "
        "not know this input, the next start begins as `start` says, and skips what came since "
        "this one; 'lastseen backfill' reads that. See whether the store runs",
        {{"input", input.name}, {"bytes", bytes}, {"error", why}});
  }
  if (skips) return kExitUncommitted;
  log_->warn(
      "stopped before the store could tell the positions; no log was read, everything waits in the "
      "log files. See whether the store runs",
      {{"error", why}});
  return options_.once ? kExitUncommitted : kExitDone;
}

// What neither a batch nor a log holds. Returns whether there is any.
bool Daemon::report_unstored(const AgentSnapshot& snapshot) {
  const std::string why = why_not_stored(snapshot);
  if (snapshot.begins_unstored)
    log_->error(
        "stopped before the store took where inputs begin, or go on under another name; the next "
        "start chooses that by their `start`. Where that is end, 'lastseen backfill' reads what "
        "came since; or start once more as it was configured before. See whether the store runs",
        {{"lines", pending_lines(snapshot)}, {"error", why}});
  if (snapshot.spill_found > 0)
    log_->error(
        "stopped before the store could tell whether it has what feeds had brought to an earlier "
        "run; that waits in the spill file. See whether the store runs",
        {{"file", spill_file_->path()}, {"lines", snapshot.spill_found}, {"error", why}});
  return snapshot.begins_unstored || snapshot.spill_found > 0;
}

// What feeds brought waits nowhere else.
uint64_t Daemon::report_feeds(const AgentSnapshot& snapshot) {
  uint64_t lines = 0;
  for (const InputSnapshot& input : snapshot.inputs)
    if (input.feed) lines += input.pending;
  if (lines == 0) return 0;
  const uint64_t saved = snapshot.feeds_saved ? lines : std::min(lines, snapshot.spill_saved);
  if (saved > 0)
    log_->info("what feeds brought and is not committed waits in the spill file",
               {{"file", spill_file_->path()}, {"lines", saved}});
  if (saved < lines && agent_->taken_over())
    log_->error(
        "what feeds brought and is not committed is lost, since another instance took over; give "
        "each agent an agent_id of its own",
        {{"lines", lines - saved}});
  else if (saved < lines)
    log_->error(
        "what feeds brought and is not committed is lost; make state_dir writable for the next "
        "time",
        {{"lines", lines - saved}});
  return lines;
}

// It is void as long as the next start asks the same store.
void Daemon::remove_spill(const AgentSnapshot& snapshot) {
  if (!snapshot.spill_on_disk) return;
  const Status removed = spill_file_->remove();
  if (removed) return;
  log_->error(
      "the spill file is committed and cannot be removed; make state_dir writable, and remove it "
      "before lastseen starts with another store, or its lines are counted twice",
      {{"file", spill_file_->path()}, {"error", removed.message()}});
}

int Daemon::finish() {
  const auto snapshot = agent_->snapshot();
  bar_.draw(*snapshot);
  bar_.end();
  drop_reload();
  if (control_) control_->stop();
  if (control_thread_.joinable()) control_thread_.join();
  int code = agent_->taken_over() ? kExitUsage : kExitDone;
  const bool unread = code == kExitDone && no_log_was_read(*snapshot);
  if (unread) {
    code = report_unread(*snapshot);
  } else if (options_.once && code == kExitDone) {
    report_once(*snapshot);
    if (const std::string missing = unread_inputs(*snapshot); !missing.empty()) {
      log_->error("not everything could be read: " + missing + "; make it readable and run again");
      code = kExitFailed;
    }
  }
  if (agent_->taken_over()) {
    report_feeds(*snapshot);
  } else if (report_unstored(*snapshot) && code == kExitDone) {
    code = kExitUncommitted;
  }
  if (code == kExitDone && !unread) {
    remove_spill(*snapshot);
    log_->info("stopped: everything that was read is committed");
  }
  if (!agent_->join(kJoinMs)) {
    agent_->interrupt_store();
    if (!agent_->join(kJoinMs)) _exit(code);
  }
  return code;
}

void Daemon::report_once(const AgentSnapshot& snapshot) {
  for (const InputSnapshot& input : snapshot.inputs) {
    log_->info("input read to its end", {{"input", input.name},
                                         {"lines_read", input.totals.lines_read},
                                         {"committed", input.totals.committed},
                                         {"skipped", input.totals.skipped_sum()}});
    for (const FileSnapshot& file : input.files) {
      const bool read = file.state.starts_with("reading") || file.state.starts_with("idle");
      if (!read || file.size <= file.position) continue;
      log_->warn(
          "the end of the file is no whole line; it waits for its newline. Run again when it has "
          "one",
          {{"path", file.path}, {"bytes", file.size - file.position}});
    }
  }
  input_warnings_.look(snapshot, clock_.now().mono_ms, *log_);
}

}  // namespace lastseen
