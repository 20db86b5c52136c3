#include "store/upsert_rows.h"

#include <algorithm>

#include "base/check.h"
#include "base/json_writer.h"

namespace lastseen {

int64_t bounded_time_ms(int64_t time_ms) {
  return std::clamp(time_ms, kTimeMinMs, kTimeMaxMs);
}

std::vector<UpsertRow> merge_rows(const std::vector<Entry>& entries) {
  std::vector<UpsertRow> rows;
  rows.reserve(entries.size());
  for (size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    UpsertRow row{entries[begin].client_id, kTimeMinMs, kTimeMaxMs, begin, begin};
    bool upsert = false;
    for (; end < entries.size() && entries[end].client_id == row.client_id; ++end) {
      const Entry& entry = entries[end];
      row.created_ms = std::min(row.created_ms, bounded_time_ms(entry.first_seen_ms));
      if (!entry.upsert) continue;
      upsert = true;
      row.last_seen_ms = std::max(row.last_seen_ms, bounded_time_ms(entry.last_seen_ms));
    }
    row.entries_end = end;
    if (upsert) rows.push_back(row);
  }
  return rows;
}

uint64_t clamp_rows(std::vector<UpsertRow>& rows, int64_t store_now_ms, int64_t future_max_ms) {
  const int64_t room_ms = kTimeMaxMs - bounded_time_ms(store_now_ms);
  const int64_t latest_ms = bounded_time_ms(store_now_ms) + std::min(future_max_ms, room_ms);
  uint64_t clamped = 0;
  for (UpsertRow& row : rows) {
    if (row.last_seen_ms > latest_ms) ++clamped;
    row.last_seen_ms = std::min(row.last_seen_ms, latest_ms);
    row.created_ms = std::min(row.created_ms, latest_ms);
  }
  return clamped;
}

std::vector<RefusedEntry> refused_entries(const Batch& batch, const std::vector<UpsertRow>& rows,
                                          const std::vector<Refusal>& refusals) {
  std::vector<RefusedEntry> refused;
  for (const Refusal& refusal : refusals) {
    const UpsertRow& row = rows[refusal.row];
    for (size_t i = row.entries_begin; i < row.entries_end; ++i)
      if (batch.entries[i].upsert) refused.push_back({&batch.entries[i], &refusal});
  }
  return refused;
}

std::vector<uint64_t> lines_quarantined(const Batch& batch,
                                        const std::vector<RefusedEntry>& refused) {
  if (refused.empty()) return {};
  std::vector<uint64_t> lines(batch.inputs.size());
  for (const RefusedEntry& item : refused) {
    CHECK(item.entry->input < lines.size());
    lines[item.entry->input] += item.entry->count;
  }
  return lines;
}

CommitOutcome classify_fence(const Batch& batch, uint64_t epoch_there, uint64_t batch_there) {
  if (epoch_there > batch.epoch) return CommitOutcome::kTakenOver;
  // A change by hand may have come after the commit; the next batch finds it.
  const bool same = epoch_there == batch.epoch && batch_there >= batch.number &&
                    batches_of(batch_there) == batches_of(batch.number);
  return same ? CommitOutcome::kAlreadyCommitted : CommitOutcome::kWentBack;
}

LedgerCounts stored_delta(const Batch& batch, size_t input, const CommitResult& result) {
  LedgerCounts stored = batch.inputs[input].delta;
  const uint64_t quarantined = result.quarantined.empty() ? 0 : result.quarantined[input];
  const uint64_t not_allowed = result.not_allowed.empty() ? 0 : result.not_allowed[input];
  CHECK(quarantined + not_allowed <= stored.committed);
  stored.committed -= quarantined + not_allowed;
  stored.quarantined += quarantined;
  stored.skipped[static_cast<size_t>(SkipReason::kNotAllowed)] += not_allowed;
  return stored;
}

std::string ledger_json(const LedgerCounts& delta) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [name, value] : delta.to_pairs()) json.member(name, value);
  json.end_object();
  return std::string(json.text());
}

}  // namespace lastseen
