// Signals as a descriptor, so that one poll() waits for everything.
#pragma once

#include <signal.h>

namespace lastseen {

/// SIGTERM, SIGINT, SIGHUP and SIGUSR1, taken instead of delivered; SIGPIPE and SIGXFSZ are
/// ignored. Made before any thread, so that all of them inherit the mask.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Negative when there is no descriptor for it now; what is sent meanwhile waits.
  int fd();
  /// The next pending signal, or 0.
  int take() const;

 private:
  sigset_t set_;
  int fd_ = -1;
};

}  // namespace lastseen
