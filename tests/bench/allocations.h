// How often the process has called operator new. Linking allocations.cc replaces it by one that
// counts; a file of its own, so that no compiler sees through it.
#pragma once

#include <cstdint>

namespace lastseen {

uint64_t allocations();

}  // namespace lastseen
