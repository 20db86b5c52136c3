// The simulation as a program: many seeds for a time, one seed again, or a planted bug.
#include <cstdio>
#include <string>

#include "sim/seeds.h"
#include "sim/world.h"

namespace {

using lastseen::sim::WorldOptions;

struct Arguments {
  WorldOptions world;
  lastseen::sim::Seeds seeds;
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
  if (arguments.seeds.bug.empty()) return true;
  for (const NamedBug& bug : kBugs) {
    if (arguments.seeds.bug != bug.name) continue;
    bug.of(arguments.world.bugs) = true;
    return true;
  }
  return false;
}

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--without")
      arguments.world.without = argv[i + 1];
    else if (!arguments.seeds.take(name, argv[i + 1]))
      return false;
  }
  if (const std::string kind = lastseen::sim::unknown_kind(arguments.world.without); !kind.empty())
    return std::fprintf(stderr, "unknown kind: %s\n", kind.c_str()), false;
  arguments.world.verbose = arguments.seeds.verbose;
  arguments.seeds.replay = std::string(argv[0]) + " --without " + arguments.world.without;
  return argc % 2 == 1 && plant(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) return usage();
  return lastseen::sim::run_seeds(arguments.seeds, "every client, count and ledger right",
                                  [&](uint64_t seed) {
                                    arguments.world.seed = seed;
                                    return lastseen::sim::run_world(arguments.world);
                                  });
}
