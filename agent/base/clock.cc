#include "base/clock.h"

#include <ctime>

namespace lastseen {

namespace {

int64_t read_ms(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

Now SystemClock::now() const {
  return {read_ms(CLOCK_MONOTONIC), read_ms(CLOCK_REALTIME)};
}

}  // namespace lastseen
