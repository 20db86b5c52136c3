// Runs one world after the other, each from a seed of its own, as the command line says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lastseen::sim {

struct Seeds {
  uint64_t first = 1;
  uint64_t count = UINT64_MAX;
  int seconds = 3600;
  uint64_t failures_max = 1;
  bool verbose = false;  ///< One seed alone was asked for.
  std::string bug;       ///< Planted: success is that a seed fails.
  std::string replay;    ///< The command that replays a seed, but for `--seed N`.

  /// Takes --seed, --first, --seeds, --seconds, --failures and --bug; false for anything else.
  bool take(const std::string& name, const char* value);
};

/// `run` says what was broken in the world of a seed, or nothing. Prints that, or how many seeds
/// kept the promise. Returns the exit status.
int run_seeds(const Seeds& seeds, const std::string& promise,
              const std::function<std::string(uint64_t seed)>& run);

}  // namespace lastseen::sim
