#include "store/replay_rows.h"

#include <algorithm>
#include <tuple>

namespace lastseen {

ReplayRows::ReplayRows(std::vector<QuarantinedRow> rows)
    : rows_(std::move(rows)), taken_(rows_.size(), true) {
  std::sort(rows_.begin(), rows_.end(), [](const QuarantinedRow& a, const QuarantinedRow& b) {
    return std::tie(a.client_id, a.id) < std::tie(b.client_id, b.id);
  });
  entries_.reserve(rows_.size());
  for (const QuarantinedRow& row : rows_)
    entries_.push_back({row.client_id, row.first_seen_ms, row.last_seen_ms, row.lines, 0, true});
  upserts_ = merge_rows(entries_);
}

void ReplayRows::refuse(const std::vector<Refusal>& refusals, ReplayResult* result) {
  for (const Refusal& refusal : refusals) {
    const UpsertRow& upsert = upserts_[refusal.row];
    for (size_t i = upsert.entries_begin; i < upsert.entries_end; ++i) taken_[i] = false;
    result->sqlstate = refusal.sqlstate;
    result->message = refusal.message;
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (taken_[i]) {
      ++result->rows;
      result->lines += rows_[i].lines;
    } else {
      ++result->refused;
    }
  }
}

std::map<std::pair<std::string, std::string>, uint64_t> ReplayRows::taken_lines() const {
  std::map<std::pair<std::string, std::string>, uint64_t> lines;
  for (size_t i = 0; i < rows_.size(); ++i)
    if (taken_[i]) lines[{rows_[i].agent_id, rows_[i].input}] += rows_[i].lines;
  return lines;
}

}  // namespace lastseen
