// One simulated world: proxies that write and rotate, a disk, a store, and the real agent between
// them, all stepped in an order that a seed decides.
#pragma once

#include <cstdint>
#include <string>

#include "sim/faulty_file_system.h"
#include "sim/faulty_source.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

/// Bugs that can be planted, to show that the simulation would find them.
struct Bugs {
  StoreBugs store;
  DiskBugs disk;
  SourceBugs source;
  bool unbounded_buffer = false;  ///< `buffer.clients_max` is not kept.
};

/// Kinds of events that a world may do without, to narrow a failure down.
struct Kind {
  const char* name;
  const char* what;
};
inline constexpr Kind kKinds[] = {
    {"down", "files are rotated while the agent is down"},
    {"quick-rotation", "a log is rotated again before the agent looked"},
    {"copy", "logs are copied and truncated"},
    {"unread-copy", "also before they are read, or while the agent is down"},
    {"gzip", "rotated files are compressed"},
    {"unread-gzip", "also before they are read"},
    {"destroy", "logs are truncated or removed, and old ones dropped"},
    {"wild", "also what the store does not have yet"},
    {"goback", "the store goes back, in wild worlds"},
    {"clock", "the clock jumps"},
    {"birthless", "a disk without birth times"},
    {"few", "fewer descriptors than files"},
    {"disk", "calls of the disk fail"},
    {"header", "the files of a log begin with the same line, where there are birth times"},
    {"link", "a log is named by a link to it or to its directory"},
    {"resolution", "times that move a row by little are withheld"},
    {"table", "the table of clients is dropped and made again"},
    {"release", "such a link is made to lead to another directory"},
};
/// The first name in a list that is no kind; empty: none.
std::string unknown_kind(const std::string& without);

struct WorldOptions {
  uint64_t seed = 1;
  int steps = 600;
  Bugs bugs;
  /// Kinds of events that are left out. "none": everything happens.
  std::string without = "none";
  bool verbose = false;  ///< Print what happens, for a replay.
};

/// Runs one world to its end. Empty when every invariant held, else what was broken.
std::string run_world(const WorldOptions& options);

}  // namespace lastseen::sim
