#include "base/ledger.h"

#include <numeric>

namespace lastseen {

namespace {

// Visits every counter with its stored name; the one place that knows all of them.
template <typename Counts, typename Visit>
void for_each_counter(Counts& counts, Visit visit) {
  visit(std::string("lines_read"), counts.lines_read);
  visit(std::string("bytes_read"), counts.bytes_read);
  visit(std::string("committed"), counts.committed);
  visit(std::string("quarantined"), counts.quarantined);
  for (size_t i = 0; i < kSkipReasons; ++i)
    visit("skipped." + std::string(kSkipReasonNames[i]), counts.skipped[i]);
  for (size_t i = 0; i < kLossReasons; ++i)
    visit("lost." + std::string(kLossReasonNames[i]), counts.lost[i]);
  for (size_t i = 0; i < kLossReasons; ++i)
    visit("lost_bytes." + std::string(kLossReasonNames[i]), counts.lost_bytes[i]);
}

template <size_t N>
uint64_t sum(const std::array<uint64_t, N>& values) {
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

template <size_t N>
void add_each(std::array<uint64_t, N>& totals, const std::array<uint64_t, N>& delta) {
  for (size_t i = 0; i < N; ++i) totals[i] += delta[i];
}

}  // namespace

uint64_t LedgerCounts::skipped_sum() const {
  return sum(skipped);
}
uint64_t LedgerCounts::lost_sum() const {
  return sum(lost);
}

void LedgerCounts::add(const LedgerCounts& delta) {
  lines_read += delta.lines_read;
  bytes_read += delta.bytes_read;
  committed += delta.committed;
  quarantined += delta.quarantined;
  add_each(skipped, delta.skipped);
  add_each(lost, delta.lost);
  add_each(lost_bytes, delta.lost_bytes);
}

LedgerCounts LedgerCounts::minus(const LedgerCounts& other) const {
  LedgerCounts result;
  for_each_counter(*this, [&](const std::string& name, uint64_t value) {
    for_each_counter(other, [&](const std::string& same, uint64_t less) {
      if (name == same) result.set(name, value > less ? value - less : 0);
    });
  });
  return result;
}

std::vector<std::pair<std::string, uint64_t>> LedgerCounts::to_pairs() const {
  std::vector<std::pair<std::string, uint64_t>> pairs;
  for_each_counter(*this, [&](std::string name, uint64_t value) {
    if (value != 0) pairs.emplace_back(std::move(name), value);
  });
  return pairs;
}

bool LedgerCounts::set(std::string_view name, uint64_t value) {
  bool known = false;
  for_each_counter(*this, [&](const std::string& counter, uint64_t& slot) {
    if (counter != name) return;
    slot = value;
    known = true;
  });
  return known;
}

}  // namespace lastseen
