// Asking for memory before it is needed.
#pragma once

namespace lastseen {

/// The empty statement stands for an effect: without one GCC 12 finds a function that only
/// prefetches to be of no use, and drops the calls of it.
inline void prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace lastseen
