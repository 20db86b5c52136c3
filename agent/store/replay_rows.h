// Quarantined rows on their way back into the table of clients. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/store_admin.h"
#include "store/upsert_rows.h"

namespace lastseen {

/// Rows of the quarantine, in the order of their clients' bytes as all who upsert, and the upserts
/// that they make together.
class ReplayRows {
 public:
  explicit ReplayRows(std::vector<QuarantinedRow> rows);
  ReplayRows(const ReplayRows&) = delete;
  ReplayRows& operator=(const ReplayRows&) = delete;

  const std::vector<QuarantinedRow>& rows() const { return rows_; }
  std::vector<UpsertRow>& upserts() { return upserts_; }

  /// What the table refused again, by index of upserts(); the rest it took.
  void refuse(const std::vector<Refusal>& refusals, ReplayResult* result);
  bool taken(size_t row) const { return taken_[row]; }

  /// Lines of the rows that were taken, by agent and input.
  std::map<std::pair<std::string, std::string>, uint64_t> taken_lines() const;

 private:
  std::vector<QuarantinedRow> rows_;
  std::vector<Entry> entries_;  // one a row, at its index
  std::vector<UpsertRow> upserts_;
  std::vector<bool> taken_;
};

}  // namespace lastseen
