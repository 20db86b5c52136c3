// What datagram and stream feeds share: opening, trying again, being woken, ending.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/wake_event.h"
#include "source/feed.h"
#include "source/feed_socket.h"

namespace lastseen {

class SocketFeed : public Feed {
 public:
  SocketFeed(const InputSettings& input, std::shared_ptr<FeedQueue> queue, Log& log, int passed_fd)
      : input_(input), queue_(std::move(queue)), log_(log), passed_fd_(passed_fd) {}

  Status open() final;
  void run() final;
  void end() final;
  void abandon() final;
  void poke() final { wake_.wake(); }

 protected:
  virtual Result<FeedSocket> make_socket() = 0;
  /// Receives until ending() or the end; the socket is open.
  virtual void receive() = 0;

  bool ending() const { return ending_.load(); }
  /// Somebody else keeps the socket, so what waits in it is not lost with us.
  bool passed() const { return passed_fd_ >= 0; }

  const InputSettings input_;
  const std::shared_ptr<FeedQueue> queue_;
  Log& log_;
  const int passed_fd_;
  FeedSocket socket_;
  WakeEvent wake_;

 private:
  std::atomic<bool> ending_{false};
};

}  // namespace lastseen
