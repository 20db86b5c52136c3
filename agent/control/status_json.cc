#include "control/status_json.h"

#include <array>
#include <string_view>

#include "base/json_writer.h"
#include "control/health.h"
#include "control/printable.h"

namespace lastseen {

namespace {

// Seconds with three digits: a double this close to a decimal prints as that decimal.
double seconds(int64_t ms) {
  return static_cast<double>(ms) / 1000.0;
}

template <size_t N>
void write_reasons(JsonWriter& json, std::string_view name,
                   const std::array<std::string_view, N>& reasons,
                   const std::array<uint64_t, N>& counts) {
  json.key(name);
  json.begin_object();
  for (size_t i = 0; i < N; ++i) json.member(reasons[i], counts[i]);
  json.end_object();
}

void write_input(JsonWriter& json, const InputSnapshot& input) {
  const LedgerCounts& totals = input.totals;
  json.begin_object();
  json.member("name", std::string_view(input.name));
  json.member("lines_read", totals.lines_read);
  json.member("bytes_read", totals.bytes_read);
  json.member("committed", totals.committed);
  json.member("pending", input.pending);
  write_reasons(json, "skipped", kSkipReasonNames, totals.skipped);
  json.member("quarantined", totals.quarantined);
  write_reasons(json, "lost", kLossReasonNames, totals.lost);
  write_reasons(json, "lost_bytes", kLossReasonNames, totals.lost_bytes);
  json.member("watching", std::string_view(input.watching));
  json.key("files");
  json.begin_array();
  for (const FileSnapshot& file : input.files) {
    json.begin_object();
    json.member("path", std::string_view(printable(file.path)));
    json.member("position", file.position);
    json.member("size", file.size);
    json.member("state", std::string_view(printable(file.state)));
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void write_store(JsonWriter& json, const AgentSnapshot& snapshot, Now now) {
  const StoreSnapshot& store = snapshot.store;
  json.begin_object();
  json.member("type", std::string_view(store.type));
  json.member("state", name_of(store.state));
  json.member("batches", store.batches);
  json.member("rows", store.rows);
  json.member("retries", store.retries);
  json.member("rewinds", store.rewinds);
  json.member("clamped", store.clamped);
  json.member("withheld", store.withheld);
  json.member("last_error", std::string_view(printable(store.last_error)));
  json.key("last_commit_age_seconds");
  if (const auto age_ms = last_commit_age_ms(snapshot, now))
    json.value(seconds(*age_ms));
  else
    json.null();
  json.key("last_commit_duration_seconds");
  if (store.last_commit_duration_ms >= 0)
    json.value(seconds(store.last_commit_duration_ms));
  else
    json.null();
  json.end_object();
}

void write_reload(JsonWriter& json, const AgentSnapshot& snapshot, Now now) {
  const ReloadSnapshot& reload = snapshot.reload;
  json.begin_object();
  json.member("done", reload.done);
  json.member("failed", reload.failed);
  json.member("last_error", std::string_view(printable(reload.error)));
  json.key("last_age_seconds");
  if (reload.last_mono_ms >= 0)
    json.value(seconds(now.mono_ms - reload.last_mono_ms));
  else
    json.null();
  json.end_object();
}

}  // namespace

std::string status_json(const AgentSnapshot& snapshot, Now now, int64_t pid) {
  JsonWriter json;
  json.begin_object();
  json.member("version", LASTSEEN_VERSION);
  json.member("agent_id", std::string_view(snapshot.agent_id));
  json.member("pid", pid);
  json.member("uptime_seconds", uptime_ms(snapshot, now) / 1000);
  json.member("state", state_of(snapshot));
  // Empty: ready.
  json.member("not_ready", std::string_view(not_ready_reason(snapshot, now)));
  json.key("inputs");
  json.begin_array();
  for (const InputSnapshot& input : snapshot.inputs) write_input(json, input);
  json.end_array();
  json.key("buffer");
  json.begin_object();
  json.member("clients", snapshot.buffer_clients);
  json.member("clients_max", snapshot.buffer_clients_max);
  json.end_object();
  json.key("store");
  write_store(json, snapshot, now);
  json.key("reload");
  write_reload(json, snapshot, now);
  json.member("freshness_seconds", seconds(freshness_ms(snapshot, now)));
  json.end_object();
  return std::string(json.text()) + "\n";
}

}  // namespace lastseen
