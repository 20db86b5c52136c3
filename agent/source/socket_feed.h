// What datagram and stream feeds share: opening, trying again, being woken, ending.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/wake_event.h"
#include "source/feed.h"
#include "source/feed_socket.h"

namespace lastseen {

class SocketFeed : public Feed {
 public:
  SocketFeed(const InputSettings& input, std::shared_ptr<FeedQueue> queue, Log& log, int passed_fd)
      : queue_(std::move(queue)),
        log_(log),
        type_(input.type),
        path_(input.path),
        passed_fd_(passed_fd),
        settings_(input),
        line_bytes_max_(static_cast<size_t>(input.line_bytes_max)) {}

  Status open() final;
  void run() final;
  void end() final;
  void abandon() final;
  void poke() final { wake_.wake(); }
  Status change(const InputSettings& input) final;
  bool will_free(const std::string& path) final;
  int passed_fd() const final { return passed_fd_; }

 protected:
  virtual Result<FeedSocket> make_socket() = 0;
  /// Receives until ending() or the end; the socket is open.
  virtual void receive() = 0;

  /// The thread of open() and run() replaces it, under a lock: others ask what it made.
  void set_socket(FeedSocket socket);

  bool ending() const { return ending_.load(); }
  /// Somebody else keeps the socket, so what waits in it is not lost with us.
  bool passed() const { return passed_fd_ >= 0; }

  /// As of the last change().
  InputSettings settings() const {
    std::lock_guard lock(settings_mutex_);
    return settings_;
  }
  std::string name() const { return settings().name; }
  size_t line_bytes_max() const { return line_bytes_max_.load(std::memory_order_relaxed); }

  const std::shared_ptr<FeedQueue> queue_;
  Log& log_;
  const std::string type_;
  const std::string path_;
  const int passed_fd_;
  FeedSocket socket_;
  WakeEvent wake_;

 private:
  std::mutex socket_mutex_;
  mutable std::mutex settings_mutex_;
  InputSettings settings_;
  std::atomic<size_t> line_bytes_max_;
  std::atomic<bool> ending_{false};
};

}  // namespace lastseen
