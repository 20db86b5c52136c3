#include "store/bisect.h"

#include <algorithm>
#include <utility>

namespace lastseen {

bool table_at_fault(size_t refused, size_t rows) {
  return refused > kRefusedRowsMax || (rows >= kRowsForShare && refused > rows / 2);
}

BisectResult apply_bisecting(size_t rows, size_t rows_per_statement,
                             const std::function<Attempt(size_t, size_t)>& attempt,
                             RefusalsMax refusals_max) {
  BisectResult result;
  // Ranges still to try, the next one last: rows are tried in their order throughout, since the
  // order is what keeps several agents from deadlocking.
  std::vector<std::pair<size_t, size_t>> ranges;
  for (size_t next = 0; next < rows || !ranges.empty();) {
    if (ranges.empty()) {
      ranges.emplace_back(next, std::min(rows, next + rows_per_statement));
      next = ranges.back().second;
    }
    const auto [begin, end] = ranges.back();
    ranges.pop_back();
    Attempt answer = attempt(begin, end);
    if (answer.kind == Attempt::Kind::kApplied) continue;
    if (answer.kind == Attempt::Kind::kFailed) {
      result.end = BisectResult::End::kFailed;
      return result;
    }
    if (end - begin > 1) {
      const size_t middle = begin + (end - begin) / 2;
      ranges.emplace_back(middle, end);
      ranges.emplace_back(begin, middle);
      continue;
    }
    result.refusals.push_back({begin, std::move(answer.sqlstate), std::move(answer.message)});
    if (refusals_max == RefusalsMax::kByShare && table_at_fault(result.refusals.size(), rows)) {
      result.end = BisectResult::End::kTableAtFault;
      return result;
    }
  }
  return result;
}

}  // namespace lastseen
