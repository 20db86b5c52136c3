// Questions about one client on their way: first ingest looks what is pending, then flush what is
// in flight and what was committed.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/client_view.h"
#include "base/status.h"
#include "pipeline/flusher.h"
#include "pipeline/pipeline.h"

namespace lastseen {

using ClientDone = std::function<void(Result<ClientView>)>;

/// Thread-safe; its lock is held for moments, and taken only where a thread comes by anyway. A
/// batch goes to flush before a question that was asked after it, so nothing is seen twice or
/// missed.
class ClientQuestions {
 public:
  /// Any thread. `done` is called once, on any thread.
  void ask(ClientQuestion question, ClientDone done);

  /// On ingest. True: flush has something to answer. `store_hangs`: flush cannot answer soon, and
  /// kRetry says so.
  bool look(const Pipeline& pipeline, bool store_hangs);
  /// On flush.
  void answer(Flusher& flusher);

  /// The agent is stopping: what waits, and what is asked from now on, gets kRetry.
  void close();

 private:
  struct Question {
    ClientQuestion question;
    ClientDone done;
    ClientView view = {};
  };
  std::mutex mutex_;
  std::vector<Question> asked_;
  std::vector<Question> looked_;
  bool closed_ = false;
};

}  // namespace lastseen
