// Finds the rows that a store refuses, so that one bad row does not hold up all others. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lastseen {

/// How one try at a range of rows ended.
struct Attempt {
  enum class Kind {
    kApplied,
    kRowAtFault,  ///< Undone; at least one row of the range is refused.
    kFailed,      ///< Not about a row: the whole commit has to end.
  };
  Kind kind = Kind::kApplied;
  std::string sqlstate;
  std::string message;
};

/// A row that was refused when it was tried alone.
struct Refusal {
  size_t row = 0;
  std::string sqlstate;
  std::string message;
};

/// More refused rows than this in one batch: not the rows, the table is at fault.
inline constexpr size_t kRefusedRowsMax = 100;
/// From this many rows on, more refused than half of them says the same. Below it the share says
/// nothing: at a quiet site one hostile id may be the whole batch, and would hold it for ever.
inline constexpr size_t kRowsForShare = 10;

bool table_at_fault(size_t refused, size_t rows);
/// Follows the name of the table.
inline constexpr const char* kRefusesTooMany =
    " refuses more than 100 rows or most of them, so none is set aside: ";

struct BisectResult {
  enum class End { kDone, kTableAtFault, kFailed };
  End end = End::kDone;
  std::vector<Refusal> refusals;  ///< In the order of rows.
};

/// Applies rows [0, rows) in order, at most `rows_per_statement` a try, halving what is refused.
/// `attempt(begin, end)` either applies all of the range or leaves nothing of it behind; after it
/// answered kFailed it is not called again. Costs about 2·log2(rows_per_statement) tries a refusal.
/// kAnyNumber: refusals never mean that the table is at fault.
enum class RefusalsMax { kByShare, kAnyNumber };
BisectResult apply_bisecting(size_t rows, size_t rows_per_statement,
                             const std::function<Attempt(size_t begin, size_t end)>& attempt,
                             RefusalsMax refusals_max = RefusalsMax::kByShare);

}  // namespace lastseen
