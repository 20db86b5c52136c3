// What receives a feed: input that is gone once it was received, and cannot be read again.
#pragma once

#include <memory>

#include "base/log.h"
#include "base/status.h"
#include "config/config.h"
#include "source/feed_queue.h"

namespace lastseen {

/// Puts what arrives into a FeedQueue. open() and run() belong to one thread at a time, run() to
/// one that does nothing else: the kernel keeps 11 datagrams by default, and the proxy drops what
/// comes beyond them.
class Feed {
 public:
  virtual ~Feed() = default;

  /// Makes or takes the socket. kRetry: not now, run() goes on trying; kFatal: never.
  virtual Status open() = 0;

  /// Receives until end() was called, or nothing can come any more; ends the queue and removes
  /// the socket's file. Blocks.
  virtual void run() = 0;

  /// Takes in what has arrived, in one bounded turn, and lets run() return. Thread-safe.
  virtual void end() = 0;
  /// As end(), and nobody will take what was received. Thread-safe.
  virtual void abandon() = 0;

  /// Lets run() answer FeedQueue::ask_all() soon. Thread-safe.
  virtual void poke() = 0;

  /// The configuration changed; type and path are what they were. Gives the socket's file its new
  /// mode and owner; kRetry when that failed. Thread-safe.
  virtual Status change(const InputSettings& input) = 0;

  /// Whether what is at `path` now is its socket, which goes when run() returns: another feed may
  /// have the path then. A fifo stays, as does a socket that was passed in. Thread-safe.
  virtual bool will_free(const std::string& path) = 0;

  /// The socket that it was given; -1: none.
  virtual int passed_fd() const { return -1; }
};

/// The feed of an input whose type is unix_datagram, unix_stream, fifo or stdin. `passed_fd`: a
/// socket that is open already, which stays the caller's after the end; -1: there is none.
std::shared_ptr<Feed> make_feed(const InputSettings& input, std::shared_ptr<FeedQueue> queue,
                                Log& log, int passed_fd);

}  // namespace lastseen
