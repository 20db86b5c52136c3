// What `doctor` writes to see whether commits would work. Pure.
#pragma once

#include <string>
#include <vector>

#include "store/upsert_rows.h"

namespace lastseen {

/// A batch that touches all that a commit touches: one client, one position, one counter.
struct TestBatch {
  explicit TestBatch(const std::string& id) {
    BatchInput& input = batch.inputs.emplace_back();
    input.name = "doctor";
    input.delta.lines_read = input.delta.committed = 1;
    Position& position = input.positions.emplace_back();
    position.stream = position.path = "doctor";
    batch.entries.push_back({batch.ids.add(id), kTimeMs, kTimeMs, 1, 0, true});
    rows = merge_rows(batch.entries);
  }
  /// One that the table refused, for the quarantine.
  std::vector<RefusedEntry> refused() const { return {{&batch.entries[0], &refusal}}; }
  /// The same client again, later: an update of its row.
  std::vector<UpsertRow> rows_later() const {
    std::vector<UpsertRow> later = rows;
    ++later[0].last_seen_ms;
    return later;
  }

  static constexpr int64_t kTimeMs = 1'000;  // 1970: never after what a real row holds

  Batch batch;
  std::vector<UpsertRow> rows;
  Refusal refusal{0, "00000", "a test"};
};

/// An agent that nobody runs under.
inline std::string test_agent(const std::string& agent_id) {
  return agent_id + "/doctor";
}

}  // namespace lastseen
