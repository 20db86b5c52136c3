// Hints from the kernel that a directory changed. stat is the truth; a hint only wakes early.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace lastseen {

/// Watches directories and lets the ingest thread wait. Everything but wake() belongs to the
/// ingest thread.
class Watcher {
 public:
  /// Told of each change, from inside wait(). `name` is the entry that changed, or empty if the
  /// kernel did not say (then anything may have changed).
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void directory_changed(const std::string& directory, const std::string& name) = 0;
    /// The kernel dropped events: anything may have changed anywhere.
    virtual void events_dropped() {}
  };

  virtual ~Watcher() = default;

  /// Begins to watch a directory; watching twice is one watch with a count. kRetry when watches
  /// have run out or the directory cannot be watched: the caller's poll has to do.
  virtual Status watch(const std::string& directory, Listener* listener) = 0;
  virtual void unwatch(const std::string& directory, Listener* listener) = 0;

  /// Waits until an event, wake(), or `timeout_ms` milliseconds have passed (negative: for ever).
  virtual void wait(int64_t timeout_ms) = 0;
  /// Ends a wait() early, or the next one at once. Thread-safe.
  virtual void wake() = 0;
};

/// Over libuv: one inotify descriptor for all directories.
std::unique_ptr<Watcher> make_uv_watcher();

}  // namespace lastseen
