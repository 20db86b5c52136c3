#include "source/socket_feed.h"

#include <poll.h>

#include "source/feeds_by_type.h"

namespace lastseen {

namespace {

// How often a socket that could not be made is tried again.
constexpr int kOpenAgainMs = 1000;

}  // namespace

Status SocketFeed::open() {
  if (socket_.is_open()) return Status::ok();
  Result<FeedSocket> made = make_socket();
  if (!made) {
    const Status& status = made.status();
    const bool told = queue_->numbers().trouble == status.message();
    if (!told && status.code() == StatusCode::kRetry)
      log_.warn(
          "nothing can be received yet; trying again. Let the agent's user make the socket there",
          {{"error", status.message()}});
    queue_->tell([&](FeedNumbers& numbers) { numbers.trouble = status.message(); });
    return status;
  }
  set_socket(std::move(*made));
  queue_->tell([](FeedNumbers& numbers) {
    numbers.trouble.clear();
    numbers.listening = true;
  });
  return Status::ok();
}

void SocketFeed::run() {
  while (!ending() && !open()) {
    pollfd wait = {wake_.fd(), POLLIN, 0};
    ::poll(&wait, 1, kOpenAgainMs);
    wake_.clear();
  }
  if (socket_.is_open()) receive();
  if (passed()) socket_.release();
  set_socket(FeedSocket());
  queue_->end();
}

void SocketFeed::set_socket(FeedSocket socket) {
  std::lock_guard lock(socket_mutex_);
  socket_ = std::move(socket);
}

bool SocketFeed::will_free(const std::string& path) {
  std::lock_guard lock(socket_mutex_);
  return socket_.made(path);
}

Status SocketFeed::change(const InputSettings& input) {
  bool rights_differ;
  {
    std::lock_guard lock(settings_mutex_);
    rights_differ = input.mode != settings_.mode || input.owner != settings_.owner ||
                    input.group != settings_.group;
    settings_ = input;
  }
  line_bytes_max_ = static_cast<size_t>(input.line_bytes_max);
  return rights_differ && !passed() ? FeedSocket::set_rights(input) : Status::ok();
}

void SocketFeed::end() {
  ending_ = true;
  wake_.wake();
}

void SocketFeed::abandon() {
  queue_->interrupt();
  end();
}

std::shared_ptr<Feed> make_feed(const InputSettings& input, std::shared_ptr<FeedQueue> queue,
                                Log& log, int passed_fd) {
  const auto make = input.type == "unix_datagram" ? make_datagram_feed : make_stream_feed;
  return make(input, std::move(queue), log, passed_fd);
}

}  // namespace lastseen
