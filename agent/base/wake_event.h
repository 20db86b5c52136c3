// Lets another thread end a poll().
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <cstdint>

#include "base/descriptor.h"

namespace lastseen {

/// Readable from wake() until clear(). wake() is thread-safe. It may have got no descriptor: then
/// who waits must look by itself from time to time, and open() before it waits.
class WakeEvent {
 public:
  WakeEvent() { open(); }
  ~WakeEvent() { Descriptor last(fd_); }
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  /// True when there is a descriptor now. What was woken before is not remembered.
  bool open() {
    if (fd_ < 0) fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd_ >= 0;
  }
  int fd() const { return fd_; }
  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  void clear() const {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
  }

 private:
  std::atomic<int> fd_ = -1;
};

}  // namespace lastseen
