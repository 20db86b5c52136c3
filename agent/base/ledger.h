// Conservation: nothing disappears without being counted. For every input, always:
//   lines read = committed + pending + sum of skipped + quarantined + sum of lost
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/reason.h"

namespace lastseen {

/// Totals of one input, or the change of them that one batch carries. Only ingest writes them.
struct LedgerCounts {
  uint64_t lines_read = 0;
  uint64_t bytes_read = 0;
  uint64_t committed = 0;    ///< Lines whose sighting is in a committed batch.
  uint64_t quarantined = 0;  ///< Lines whose row the store refused and set aside.
  std::array<uint64_t, kSkipReasons> skipped{};
  std::array<uint64_t, kLossReasons> lost{};        ///< Lines.
  std::array<uint64_t, kLossReasons> lost_bytes{};  ///< Bytes that were never seen as lines.

  void skip(SkipReason reason) { ++skipped[static_cast<size_t>(reason)]; }
  uint64_t skipped_sum() const;
  uint64_t lost_sum() const;
  /// Lines read that are accounted for; what is missing to lines_read is pending.
  uint64_t settled() const { return committed + skipped_sum() + quarantined + lost_sum(); }

  void add(const LedgerCounts& delta);
  /// Each counter less that of `other`, and at least 0.
  LedgerCounts minus(const LedgerCounts& other) const;
  bool operator==(const LedgerCounts&) const = default;

  /// Every counter that is not 0 under its stored name: "lines_read", "skipped.too_long",
  /// "lost_bytes.truncated", … The stores keep these pairs, so a new reason needs no migration.
  std::vector<std::pair<std::string, uint64_t>> to_pairs() const;
  /// Sets the counter of that stored name; false for a name this version does not know.
  bool set(std::string_view name, uint64_t value);
};

}  // namespace lastseen
