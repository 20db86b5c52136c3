#include "store/new_clients.h"

#include <algorithm>
#include <tuple>

namespace lastseen {

namespace {

constexpr uint64_t kAnyNumber = UINT64_MAX;

// The input that adds the row: one of those that send it and may still add. Null: none may.
uint64_t* adder(const Batch& batch, const UpsertRow& row, std::vector<uint64_t>& left) {
  for (size_t i = row.entries_begin; i < row.entries_end; ++i) {
    const Entry& entry = batch.entries[i];
    if (entry.upsert && left[entry.input] > 0) return &left[entry.input];
  }
  return nullptr;
}

}  // namespace

bool has_limits(const Batch& batch) {
  return std::any_of(batch.inputs.begin(), batch.inputs.end(),
                     [](const BatchInput& input) { return input.new_clients_max != kAnyNumber; });
}

std::vector<size_t> limited_rows(const Batch& batch, const std::vector<UpsertRow>& rows) {
  std::vector<size_t> limited;
  if (!has_limits(batch)) return limited;
  for (size_t at = 0; at < rows.size(); ++at) {
    const UpsertRow& row = rows[at];
    bool free = false;
    for (size_t i = row.entries_begin; i < row.entries_end; ++i) {
      const Entry& entry = batch.entries[i];
      free |= entry.upsert && batch.inputs[entry.input].new_clients_max == kAnyNumber;
    }
    if (!free) limited.push_back(at);
  }
  return limited;
}

void leave_out(const Batch& batch, std::vector<UpsertRow>& rows, std::vector<size_t> absent,
               CommitResult* result) {
  if (absent.empty()) return;
  std::sort(absent.begin(), absent.end(), [&](size_t a, size_t b) {
    return std::tie(rows[a].created_ms, a) < std::tie(rows[b].created_ms, b);
  });
  std::vector<uint64_t> left;
  for (const BatchInput& input : batch.inputs) left.push_back(input.new_clients_max);
  result->added.assign(batch.inputs.size(), 0);
  std::vector<uint64_t> lines(batch.inputs.size());
  std::vector<bool> out(rows.size());
  for (const size_t at : absent) {
    if (uint64_t* budget = adder(batch, rows[at], left)) {
      --*budget;
      ++result->added[static_cast<size_t>(budget - left.data())];
      continue;
    }
    out[at] = true;
    for (size_t i = rows[at].entries_begin; i < rows[at].entries_end; ++i) {
      const Entry& entry = batch.entries[i];
      if (!entry.upsert) continue;  // counted when it was sent
      lines[entry.input] += entry.count;
      result->left_out.push_back(i);
    }
  }
  if (result->left_out.empty()) return;
  std::sort(result->left_out.begin(), result->left_out.end());
  result->not_allowed = std::move(lines);
  size_t kept = 0;
  for (size_t at = 0; at < rows.size(); ++at)
    if (!out[at]) rows[kept++] = rows[at];
  rows.resize(kept);
  result->rows = kept;
}

void note_not_allowed(const Batch& batch, std::string_view input, uint64_t stored_total,
                      CommitResult* result) {
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const BatchInput& known = batch.inputs[i];
    if (known.name != input || stored_total <= known.not_allowed_total) continue;
    // `positions take` may have added the totals of another agent meanwhile.
    const uint64_t refused = result->quarantined.empty() ? 0 : result->quarantined[i];
    result->not_allowed.resize(batch.inputs.size());
    result->not_allowed[i] =
        std::min(stored_total - known.not_allowed_total, known.delta.committed - refused);
  }
}

}  // namespace lastseen
