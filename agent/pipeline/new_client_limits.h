// `client_id.new_per_second_max`: how many clients each batch may add to the table.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/batch.h"
#include "base/clock.h"
#include "store/store.h"

namespace lastseen {

/// A token bucket an input, which the time of its sightings fills: what is read late, after a stop
/// or an outage, is granted what it would have been granted then. The newest sighting counts, never
/// beyond the clock, so that odd times in a log give nothing away. What is not used is kept for a
/// second, or for as long as one batch covers.
///
/// Nobody remembers who is known: only the table tells, when it is asked to commit. So a restart
/// forgets nothing but the state of the bucket, which begins full. Flush thread only.
class NewClientLimits {
 public:
  /// Sets BatchInput::new_clients_max. Once a batch; every try keeps it.
  void grant(Batch& batch, Now now);
  /// What of the grant was used.
  void committed(const Batch& batch, const CommitResult& result);

 private:
  struct Bucket {
    int64_t milli = 0;      // thousandths of a client
    int64_t newest_ms = 0;  // sighting, so far
  };
  std::map<std::string, Bucket, std::less<>> buckets_;  // by input, from its first batch on
};

}  // namespace lastseen
