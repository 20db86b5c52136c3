// What the control socket may ask of the agent. The daemon implements it; tests fake it.
#pragma once

#include <functional>
#include <memory>

#include "base/snapshot.h"
#include "base/status.h"

namespace lastseen {

/// Thread-safe. Never blocks: control must answer also while the database hangs.
class AgentControl {
 public:
  virtual ~AgentControl() = default;

  /// The newest moment that ingest and flush published. Never null.
  virtual std::shared_ptr<const AgentSnapshot> snapshot() = 0;

  /// Reads what is written by now, commits it, then calls `done` once, on any thread: ok when
  /// all of it is committed, kRetry with the reason when the agent stops before that.
  virtual void flush(std::function<void(Status)> done) = 0;
};

}  // namespace lastseen
