// The simulation as a program: many seeds for a time, one seed again, or a planted bug.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/world.h"

namespace {

using lastseen::sim::WorldOptions;

struct Arguments {
  WorldOptions world;
  uint64_t first_seed = 1;
  uint64_t seeds = UINT64_MAX;
  int seconds = 60;
  uint64_t failures_max = 1;
  std::string bug;
};

struct NamedBug {
  const char* name;
  bool& (*of)(lastseen::sim::Bugs&);
};

constexpr NamedBug kBugs[] = {
    {"positions_before_rows", [](auto& b) -> bool& { return b.store.positions_before_rows; }},
    {"no_fence", [](auto& b) -> bool& { return b.store.no_fence; }},
    {"last_seen_overwritten", [](auto& b) -> bool& { return b.store.last_seen_overwritten; }},
    {"went_back_unnoticed", [](auto& b) -> bool& { return b.store.went_back_unnoticed; }},
    {"quarantine_uncounted", [](auto& b) -> bool& { return b.store.quarantine_uncounted; }},
    {"forgotten_descriptor", [](auto& b) -> bool& { return b.disk.forgotten_descriptor; }},
    {"missed_siblings", [](auto& b) -> bool& { return b.disk.missed_siblings; }},
    {"half_lines_consumed", [](auto& b) -> bool& { return b.source.half_lines_consumed; }},
    {"no_rewind", [](auto& b) -> bool& { return b.source.no_rewind; }},
    {"unbounded_buffer", [](auto& b) -> bool& { return b.unbounded_buffer; }},
};

int usage() {
  std::fputs(
      "usage: sim [--seconds S] [--seeds N] [--first SEED] [--without KINDS] [--bug NAME]\n"
      "           [--failures N]\n"
      "       sim --seed SEED [--without KINDS] [--bug NAME]\n"
      "With --bug it is a success when the simulation catches it. Bugs:\n",
      stderr);
  for (const NamedBug& bug : kBugs) std::fprintf(stderr, "  %s\n", bug.name);
  std::fputs("Kinds, joined by commas (\"none\": everything happens):\n", stderr);
  for (const auto& kind : lastseen::sim::kKinds)
    std::fprintf(stderr, "  %-15s%s\n", kind.name, kind.what);
  return 2;
}

bool plant(Arguments& arguments) {
  if (arguments.bug.empty()) return true;
  for (const NamedBug& bug : kBugs) {
    if (arguments.bug != bug.name) continue;
    bug.of(arguments.world.bugs) = true;
    return true;
  }
  return false;
}

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const uint64_t number = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seed") {
      arguments.first_seed = number;
      arguments.seeds = 1;
      arguments.world.verbose = true;
    } else if (name == "--first") {
      arguments.first_seed = number;
    } else if (name == "--seeds") {
      arguments.seeds = number;
    } else if (name == "--seconds") {
      arguments.seconds = static_cast<int>(number);
    } else if (name == "--failures") {
      arguments.failures_max = number;
    } else if (name == "--without") {
      arguments.world.without = argv[i + 1];
    } else if (name == "--bug") {
      arguments.bug = argv[i + 1];
    } else {
      return false;
    }
  }
  if (const std::string kind = lastseen::sim::unknown_kind(arguments.world.without); !kind.empty())
    return std::fprintf(stderr, "unknown kind: %s\n", kind.c_str()), false;
  return argc % 2 == 1 && plant(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) return usage();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(arguments.seconds);
  uint64_t ran = 0;
  uint64_t failures = 0;
  for (; ran < arguments.seeds && std::chrono::steady_clock::now() < until; ++ran) {
    arguments.world.seed = arguments.first_seed + ran;
    const std::string broken = lastseen::sim::run_world(arguments.world);
    if (broken.empty()) continue;
    if (!arguments.bug.empty()) {
      std::printf("caught %s with seed %llu: %s\n", arguments.bug.c_str(),
                  (unsigned long long)arguments.world.seed, broken.c_str());
      return 0;
    }
    std::printf("FAILED: %s\nreplay: %s --seed %llu --without %s\n", broken.c_str(), argv[0],
                (unsigned long long)arguments.world.seed, arguments.world.without.c_str());
    std::fflush(stdout);
    if (++failures == arguments.failures_max) return 1;
  }
  if (!arguments.bug.empty()) {
    std::printf("FAILED: %s was not caught by %llu seeds\n", arguments.bug.c_str(),
                (unsigned long long)ran);
    return 1;
  }
  if (failures > 0) {
    std::printf("FAILED: %llu of %llu seeds, from %llu\n", (unsigned long long)failures,
                (unsigned long long)ran, (unsigned long long)arguments.first_seed);
    return 1;
  }
  std::printf("%llu seeds, from %llu: every client, count and ledger right\n",
              (unsigned long long)ran, (unsigned long long)arguments.first_seed);
  return 0;
}
