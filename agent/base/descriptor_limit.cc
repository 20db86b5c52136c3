#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <cstdint>

namespace lastseen {

namespace {

// What POSIX promises at least (_POSIX_OPEN_MAX is 20), for a kernel that does not tell.
constexpr size_t kLimitUnknown = 256;

}  // namespace

size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kLimitUnknown;
  const rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  const rlim_t in_force = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft;
  return in_force == RLIM_INFINITY ? SIZE_MAX : static_cast<size_t>(in_force);
}

}  // namespace lastseen
