// Which directories are watched: those that hold followed files, except while one of them is hot.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/file_system.h"
#include "base/log.h"
#include "source/watcher.h"

namespace lastseen {

/// A hot file is read on a timer, so its directory is not watched meanwhile: 10,000 writes a
/// second would be 9,650 wake-ups and 7.6 % of a core (measured; 20 ms pauses: 50 and 0.5 %).
class DirectoryWatches {
 public:
  DirectoryWatches(std::string input, FileSystem& files, Watcher& watcher, Log& log,
                   Watcher::Listener& listener);
  ~DirectoryWatches();
  DirectoryWatches(const DirectoryWatches&) = delete;
  DirectoryWatches& operator=(const DirectoryWatches&) = delete;

  /// What messages call the input.
  void rename(const std::string& input) { input_ = input; }
  /// Watches `wanted` without `hot`. True if a watch is new: whatever happened before it began
  /// gave no event, so the caller looks once more.
  bool update(const std::set<std::string>& wanted, const std::set<std::string>& hot);
  /// Drops watches of directories that were replaced by others of the same name.
  void drop_replaced();
  /// Whether a directory could not be watched, so that only the poll sees it.
  bool refused(const std::string& directory) const { return refused_.count(directory) > 0; }
  bool any_refused() const { return !refused_.empty(); }
  /// Says, the first time, that the kernel dropped events.
  void note_overflow();

 private:
  struct Watched {
    uint64_t device = 0;
    uint64_t inode = 0;
  };

  std::string input_;
  FileSystem& files_;
  Watcher& watcher_;
  Log& log_;
  Watcher::Listener& listener_;
  std::map<std::string, Watched> watched_;
  std::map<std::string, std::string> refused_;  // with the reason that was logged
  bool overflow_said_ = false;
};

}  // namespace lastseen
