// CHECK: a condition that only a bug of ours can break. Always on, in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

// A path would differ between builds that a compiler cache helped and others.
#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "lastseen: bug: %s:%d: CHECK(%s)\n", __FILE_NAME__, __LINE__, \
                   #condition);                                                          \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
