// What the control socket may ask of the agent. The daemon implements it; tests fake it.
#pragma once

#include <functional>
#include <memory>

#include "base/client_view.h"
#include "base/snapshot.h"
#include "base/status.h"
#include "base/tap.h"
#include "config/config.h"

namespace lastseen {

/// Told what has changed, in words, or why nothing has.
using ReloadDone = std::function<void(Result<std::string>)>;

/// Thread-safe. Never blocks: control must answer also while the database hangs.
class AgentControl {
 public:
  virtual ~AgentControl() = default;

  /// The newest moment that ingest and flush published. Never null.
  virtual std::shared_ptr<const AgentSnapshot> snapshot() = 0;

  /// Reads what is written by now, commits it, then calls `done` once, on any thread: ok when
  /// all of it is committed, kRetry with the reason when the agent stops before that.
  virtual void flush(std::function<void(Status)> done) = 0;

  /// Reads the configuration file again and goes over to it, then calls `done` once, on any thread.
  /// kReject: the file is wrong, and nothing has changed.
  virtual void reload(ReloadDone done) = 0;

  /// What the agent knows of one client: `done` is called once, on any thread, soon, or with
  /// kRetry when the store hangs or the agent stops.
  virtual void ask_client(ClientQuestion question,
                          std::function<void(Result<ClientView>)> done) = 0;

  /// Lines as they are read, from now on. Null: too many look on already.
  virtual std::shared_ptr<TapQueue> tap(TapFilter filter) = 0;

  /// What is in force now; holds passwords. Never null.
  virtual std::shared_ptr<const Config> config() = 0;
};

}  // namespace lastseen
