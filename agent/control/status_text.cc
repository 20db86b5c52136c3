#include "control/status_text.h"

#include <array>
#include <string_view>

#include "base/human_text.h"
#include "control/health.h"
#include "control/printable.h"

namespace lastseen {

namespace {

// "  skipped  no_client_id 48, malformed 2", or nothing when all are 0.
template <size_t N>
std::string reasons_line(std::string_view label, const std::array<std::string_view, N>& names,
                         const std::array<uint64_t, N>& counts) {
  std::string list;
  for (size_t i = 0; i < N; ++i) {
    if (counts[i] == 0) continue;
    list += (list.empty() ? "" : ", ") + std::string(names[i]) + " " + grouped(counts[i]);
  }
  return list.empty() ? "" : "  " + std::string(label) + list + "\n";
}

std::string input_text(const InputSnapshot& input) {
  const LedgerCounts& totals = input.totals;
  std::string text = "\ninput " + input.name + ": " + counted(totals.lines_read, "line") +
                     " read (" + counted(totals.bytes_read, "byte") + ")\n";
  text += "  committed " + grouped(totals.committed) + ", pending " + grouped(input.pending) +
          ", skipped " + grouped(totals.skipped_sum()) + ", quarantined " +
          grouped(totals.quarantined) + ", lost " + grouped(totals.lost_sum()) + "\n";
  text += reasons_line("skipped: ", kSkipReasonNames, totals.skipped);
  text += reasons_line("lost lines: ", kLossReasonNames, totals.lost);
  text += reasons_line("lost bytes: ", kLossReasonNames, totals.lost_bytes);
  if (input.watching == "polling")
    text += "  polled: the kernel gives no events for its directory (the log says why)\n";
  if (input.files.empty()) text += "  no file matches yet\n";
  for (const FileSnapshot& file : input.files) {
    text += "  " + printable(file.path) + "  " + grouped(file.position) + " of " +
            counted(file.size, "byte") + "  " + printable(file.state) + "\n";
  }
  return text;
}

std::string store_text(const AgentSnapshot& snapshot, Now now) {
  const StoreSnapshot& store = snapshot.store;
  std::string text = "store   " + store.type + " " + std::string(name_of(store.state));
  if (const auto age_ms = last_commit_age_ms(snapshot, now))
    text += ", last commit " + duration(*age_ms) + " ago";
  else
    text += ", no commit yet";
  text += "; " + grouped(store.batches) + (store.batches == 1 ? " batch" : " batches") + ", " +
          counted(store.rows, "row") + "\n";
  if (store.retries > 0) text += "        " + counted(store.retries, "failed attempt") + "\n";
  if (store.rewinds > 0)
    text += "        went back " + counted(store.rewinds, "time") + " (a failover or a restore)\n";
  if (store.withheld > 0)
    text += "        the newest times of " + counted(store.withheld, "client") +
            " are withheld (last_seen.resolution)\n";
  if (!store.last_error.empty())
    text += "        last error: " + printable(store.last_error) + "\n";
  return text;
}

}  // namespace

std::string status_text(const AgentSnapshot& snapshot, Now now, int64_t pid) {
  std::string text = "lastseen " LASTSEEN_VERSION ", agent " + snapshot.agent_id + " (pid " +
                     std::to_string(pid) + "), " + std::string(state_of(snapshot)) + ", up " +
                     duration(uptime_ms(snapshot, now)) + "\n";
  const std::string reason = not_ready_reason(snapshot, now);
  text += reason.empty() ? "ready   yes\n" : "ready   no: " + reason + "\n";
  if (!snapshot.reload.error.empty())
    text +=
        "reload  failed, the old configuration goes on: " + printable(snapshot.reload.error) + "\n";
  text += store_text(snapshot, now);
  text += "buffer  " + grouped(snapshot.buffer_clients) + " of " +
          counted(snapshot.buffer_clients_max, "client");
  text += snapshot.oldest_pending_mono_ms == 0
              ? ", nothing pending\n"
              : ", oldest sighting read " + duration(freshness_ms(snapshot, now)) + " ago\n";
  for (const InputSnapshot& input : snapshot.inputs) text += input_text(input);
  return text;
}

}  // namespace lastseen
