#include "pipeline/new_client_limits.h"

#include <algorithm>
#include <vector>

namespace lastseen {

namespace {

constexpr int64_t kMilli = 1000;
// So that a log's oddest time multiplies to no more than 64 bits; no batch covers as much.
constexpr int64_t kSpanMaxMs = int64_t{7} * 24 * 3600 * 1000;

struct Span {
  int64_t oldest_ms = INT64_MAX;
  int64_t newest_ms = INT64_MIN;
};

// Of each input's sightings. Withheld ones are older news: they count nothing.
std::vector<Span> spans_of(const Batch& batch) {
  std::vector<Span> spans(batch.inputs.size());
  for (const Entry& entry : batch.entries) {
    if (entry.count == 0) continue;
    Span& span = spans[entry.input];
    span.oldest_ms = std::min(span.oldest_ms, entry.first_seen_ms);
    span.newest_ms = std::max(span.newest_ms, entry.last_seen_ms);
  }
  return spans;
}

}  // namespace

void NewClientLimits::grant(Batch& batch, Now now) {
  const bool any = std::any_of(batch.inputs.begin(), batch.inputs.end(),
                               [](const BatchInput& input) { return input.new_per_second_max; });
  if (!any) return;
  const std::vector<Span> spans = spans_of(batch);
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    BatchInput& input = batch.inputs[i];
    if (!input.new_per_second_max) continue;
    const int64_t a_second = static_cast<int64_t>(*input.new_per_second_max);
    auto [found, first] = buckets_.try_emplace(input.name);
    Bucket& bucket = found->second;
    if (spans[i].newest_ms != INT64_MIN) {
      const int64_t newest_ms = std::min(spans[i].newest_ms, now.wall_ms);
      if (first) bucket = {INT64_MAX, std::min(spans[i].oldest_ms, newest_ms)};
      bucket.newest_ms = std::min(bucket.newest_ms, now.wall_ms);  // the clock was set back
      const int64_t since_ms = std::max(bucket.newest_ms, newest_ms - kSpanMaxMs);
      const int64_t moved_ms = std::max<int64_t>(newest_ms - since_ms, 0);
      const int64_t covered_ms =
          newest_ms - std::clamp(spans[i].oldest_ms, std::min(since_ms, newest_ms), newest_ms);
      const int64_t room = a_second * std::max(kMilli, covered_ms);
      bucket.milli = first ? room : std::min(bucket.milli + a_second * moved_ms, room);
      bucket.newest_ms = std::max(bucket.newest_ms, newest_ms);
    }
    input.new_clients_max = static_cast<uint64_t>(bucket.milli / kMilli);
  }
}

void NewClientLimits::committed(const Batch& batch, const CommitResult& result) {
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const BatchInput& input = batch.inputs[i];
    const auto found = buckets_.find(input.name);
    if (!input.new_per_second_max || found == buckets_.end()) continue;
    const bool known = result.outcome == CommitOutcome::kCommitted;
    // Of a commit whose reply was lost: all of it.
    const uint64_t used = !known                 ? input.new_clients_max
                          : result.added.empty() ? 0
                                                 : result.added[i];
    found->second.milli -= static_cast<int64_t>(used) * kMilli;
  }
}

}  // namespace lastseen
