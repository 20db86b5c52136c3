#include "sim/seeds.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace lastseen::sim {

bool Seeds::take(const std::string& name, const char* value) {
  const uint64_t number = std::strtoull(value, nullptr, 10);
  if (name == "--seed") {
    first = number;
    count = 1;
    verbose = true;
  } else if (name == "--first") {
    first = number;
  } else if (name == "--seeds") {
    count = number;
  } else if (name == "--seconds") {
    seconds = static_cast<int>(number);
  } else if (name == "--failures") {
    failures_max = number;
  } else if (name == "--bug") {
    bug = value;
  } else {
    return false;
  }
  return true;
}

int run_seeds(const Seeds& seeds, const std::string& promise,
              const std::function<std::string(uint64_t seed)>& run) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seeds.seconds);
  const auto as_printed = [](uint64_t number) { return static_cast<unsigned long long>(number); };
  uint64_t ran = 0;
  uint64_t failures = 0;
  for (; ran < seeds.count && std::chrono::steady_clock::now() < until; ++ran) {
    const uint64_t seed = seeds.first + ran;
    const std::string broken = run(seed);
    if (broken.empty()) continue;
    if (!seeds.bug.empty()) {
      std::printf("caught %s with seed %llu: %s\n", seeds.bug.c_str(), as_printed(seed),
                  broken.c_str());
      return 0;
    }
    std::printf("FAILED: %s\nreplay: %s --seed %llu\n", broken.c_str(), seeds.replay.c_str(),
                as_printed(seed));
    std::fflush(stdout);
    if (++failures == seeds.failures_max) return 1;
  }
  if (!seeds.bug.empty()) {
    std::printf("FAILED: %s was not caught by %llu seeds\n", seeds.bug.c_str(), as_printed(ran));
    return 1;
  }
  if (failures > 0) {
    std::printf("FAILED: %llu of %llu seeds, from %llu\n", as_printed(failures), as_printed(ran),
                as_printed(seeds.first));
    return 1;
  }
  std::printf("%llu seeds, from %llu: %s\n", as_printed(ran), as_printed(seeds.first),
              promise.c_str());
  return 0;
}

}  // namespace lastseen::sim
