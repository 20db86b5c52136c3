#include "control/status_read.h"

#include <cmath>

#include "base/json_value.h"

namespace lastseen {

namespace {

int64_t as_milliseconds(JsonValue seconds) {
  return std::llround(seconds.number() * 1000);
}

void read_reasons(LedgerCounts& totals, const std::string& group, JsonValue reasons) {
  const std::string prefix = group + ".";
  for (const auto& [reason, count] : reasons.members()) totals.set(prefix + reason, count.count());
}

InputSnapshot read_input(JsonValue json) {
  InputSnapshot input;
  input.name = json["name"].text();
  for (const char* total : {"lines_read", "bytes_read", "committed", "quarantined"})
    input.totals.set(total, json[total].count());
  for (const char* group : {"skipped", "lost", "lost_bytes"})
    read_reasons(input.totals, group, json[group]);
  input.pending = json["pending"].count();
  input.watching = json["watching"].text();
  for (const JsonValue file : json["files"].items())
    input.files.push_back({file["path"].text(), file["position"].count(), file["size"].count(),
                           file["state"].text()});
  return input;
}

StoreSnapshot read_store(JsonValue json, Now now) {
  StoreSnapshot store;
  store.type = json["type"].text();
  const std::string state = json["state"].text();
  store.state = state == "ok"        ? StoreState::kOk
                : state == "holding" ? StoreState::kHolding
                                     : StoreState::kRetrying;
  store.batches = json["batches"].count();
  store.rows = json["rows"].count();
  store.retries = json["retries"].count();
  store.rewinds = json["rewinds"].count();
  store.clamped = json["clamped"].count();
  store.withheld = json["withheld"].count();
  store.last_error = json["last_error"].text();
  if (const JsonValue age = json["last_commit_age_seconds"]; !age.is_null())
    store.last_commit_mono_ms = now.mono_ms - as_milliseconds(age);
  if (const JsonValue took = json["last_commit_duration_seconds"]; !took.is_null())
    store.last_commit_duration_ms = as_milliseconds(took);
  return store;
}

}  // namespace

std::optional<AgentStatus> read_status(std::string_view json, Now now) {
  const JsonDocument document(json);
  const JsonValue root = document.root();
  if (root["agent_id"].is_null() || root["inputs"].is_null()) return std::nullopt;
  AgentStatus status;
  status.version = root["version"].text();
  status.pid = static_cast<int64_t>(root["pid"].count());
  status.not_ready = root["not_ready"].text();
  AgentSnapshot& snapshot = status.snapshot;
  snapshot.agent_id = root["agent_id"].text();
  snapshot.state = root["state"].text();
  snapshot.at_mono_ms = now.mono_ms;
  snapshot.started_mono_ms = now.mono_ms - as_milliseconds(root["uptime_seconds"]);
  for (const JsonValue input : root["inputs"].items()) snapshot.inputs.push_back(read_input(input));
  snapshot.buffer_clients = root["buffer"]["clients"].count();
  snapshot.buffer_clients_max = root["buffer"]["clients_max"].count();
  snapshot.store = read_store(root["store"], now);
  const int64_t oldest_ms = as_milliseconds(root["freshness_seconds"]);
  if (oldest_ms > 0) snapshot.oldest_pending_mono_ms = now.mono_ms - oldest_ms;
  return status;
}

}  // namespace lastseen
