// From a batch to the rows a store upserts, and back from refused rows to the ledger. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "store/bisect.h"
#include "store/store.h"

namespace lastseen {

/// What a text time can express in both stores: 0001-01-01 … 9999-12-31 23:59:59.999 UTC. Times
/// outside are moved to the bound, so that a time can never be what a row is refused for.
inline constexpr int64_t kTimeMinMs = -62'135'596'800'000;
inline constexpr int64_t kTimeMaxMs = 253'402'300'799'999;
int64_t bounded_time_ms(int64_t time_ms);

/// One client of a batch, over all inputs.
struct UpsertRow {
  std::string_view client_id;  ///< Bytes owned by the batch.
  int64_t last_seen_ms = 0;    ///< Newest sighting among the entries to upsert.
  int64_t created_ms = 0;      ///< Oldest sighting of the batch: created_at if the row is new.
  size_t entries_begin = 0;    ///< The client's entries in Batch::entries …
  size_t entries_end = 0;      ///< … up to here.
};

/// The clients with at least one entry to upsert, in the order of the entries: by client_id bytes.
std::vector<UpsertRow> merge_rows(const std::vector<Entry>& entries);

/// Moves times after the store's clock + future_max back to it. Returns how many rows that moved.
uint64_t clamp_rows(std::vector<UpsertRow>& rows, int64_t store_now_ms, int64_t future_max_ms);

/// An entry whose row was refused; pointers into the batch and the refusals.
struct RefusedEntry {
  const Entry* entry;
  const Refusal* refusal;
};
/// Only what was to be upserted: the other entries' value is in the table already.
std::vector<RefusedEntry> refused_entries(const Batch& batch, const std::vector<UpsertRow>& rows,
                                          const std::vector<Refusal>& refusals);

/// Lines of refused entries per index of Batch::inputs; empty when there are none.
std::vector<uint64_t> lines_quarantined(const Batch& batch,
                                        const std::vector<RefusedEntry>& refused);

/// Why the fence did not let `batch` through, from what stands there.
CommitOutcome classify_fence(const Batch& batch, uint64_t epoch_there, uint64_t batch_there);

/// What goes into the stored ledger: the input's delta with the lines that `result` says moved.
LedgerCounts stored_delta(const Batch& batch, size_t input, const CommitResult& result);

/// The delta as a flat JSON object, {"lines_read":5,"skipped.no_client_id":3}.
std::string ledger_json(const LedgerCounts& delta);

}  // namespace lastseen
