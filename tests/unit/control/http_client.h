// A client of the tests that can misbehave: it sends any bytes, in pieces, or nothing.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/control_client.h"

namespace lastseen {

class HttpClient {
 public:
  static HttpClient on_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return HttpClient(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  static HttpClient on_tcp(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return HttpClient(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  HttpClient(HttpClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        bytes_(std::move(other.bytes_)) {}
  HttpClient& operator=(HttpClient&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(connected_, other.connected_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HttpClient() { close(); }

  bool connected() const { return connected_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // The server hung up; what it said can still be read.
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void ask(std::string_view method, std::string_view target) {
    send(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  void stop_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // The next response; nullopt: the server hung up before there was a whole one.
  std::optional<HttpReply> read_reply() {
    for (;;) {
      const size_t length = reply_length();
      if (length > 0) {
        auto reply = parse_reply(std::string_view(bytes_).substr(0, length), false);
        bytes_.erase(0, length);
        return reply ? std::move(*reply) : std::nullopt;
      }
      if (!receive()) return std::nullopt;
    }
  }
  HttpReply get(std::string_view target) {
    ask("GET", target);
    return read_reply().value_or(HttpReply{});
  }
  // Everything until the server hangs up.
  std::string read_to_end() {
    while (receive()) continue;
    return std::exchange(bytes_, {});
  }
  // Waits until the server has hung up without taking a byte from it.
  void wait_for_hangup() {
    pollfd hangup{.fd = fd_, .events = 0, .revents = 0};
    while ((hangup.revents & POLLHUP) == 0) ::poll(&hangup, 1, -1);
  }

 private:
  HttpClient(int family, const sockaddr* address, socklen_t length)
      : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        connected_(::connect(fd_, address, length) == 0) {}

  bool receive() {
    char chunk[65'536];
    const ssize_t received = ::recv(fd_, chunk, sizeof chunk, 0);
    if (received <= 0) return false;
    bytes_.append(chunk, static_cast<size_t>(received));
    return true;
  }
  // Bytes of the first response in bytes_; 0: it is not whole.
  size_t reply_length() const {
    const size_t header_end = bytes_.find("\r\n\r\n");
    const size_t field = bytes_.find("Content-Length: ");
    if (header_end == std::string::npos || field == std::string::npos) return 0;
    const size_t length = header_end + 4 + std::stoul(bytes_.substr(field + 16));
    return bytes_.size() < length ? 0 : length;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string bytes_;
};

}  // namespace lastseen
