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
  std::string bug;
};

int usage() {
  std::fputs(
      "usage: sim [--seconds S] [--seeds N] [--first SEED] [--bug NAME] | --seed SEED [--bug "
      "NAME]\n"
      "bugs: positions_before_rows forgotten_descriptor no_fence\n"
      "With --bug it is a success when the simulation catches it.\n",
      stderr);
  return 2;
}

bool plant(Arguments& arguments) {
  lastseen::sim::Bugs& bugs = arguments.world.bugs;
  if (arguments.bug.empty()) return true;
  if (arguments.bug == "positions_before_rows") {
    bugs.store.positions_before_rows = true;
  } else if (arguments.bug == "forgotten_descriptor") {
    bugs.forget_old_descriptor = true;
  } else if (arguments.bug == "no_fence") {
    bugs.store.no_fence = true;
  } else {
    return false;
  }
  return true;
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
    } else if (name == "--bug") {
      arguments.bug = argv[i + 1];
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && plant(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) return usage();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(arguments.seconds);
  uint64_t ran = 0;
  for (; ran < arguments.seeds && std::chrono::steady_clock::now() < until; ++ran) {
    arguments.world.seed = arguments.first_seed + ran;
    const std::string broken = lastseen::sim::run_world(arguments.world);
    if (broken.empty()) continue;
    if (!arguments.bug.empty()) {
      std::printf("caught %s with seed %llu: %s\n", arguments.bug.c_str(),
                  (unsigned long long)arguments.world.seed, broken.c_str());
      return 0;
    }
    std::printf("FAILED: %s\nreplay: %s --seed %llu\n", broken.c_str(), argv[0],
                (unsigned long long)arguments.world.seed);
    return 1;
  }
  if (!arguments.bug.empty()) {
    std::printf("FAILED: %s was not caught by %llu seeds\n", arguments.bug.c_str(),
                (unsigned long long)ran);
    return 1;
  }
  std::printf("%llu seeds, from %llu: every client, count and ledger right\n",
              (unsigned long long)ran, (unsigned long long)arguments.first_seed);
  return 0;
}
