#include "control/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstring>

#include "control/listening_socket.h"

namespace lastseen {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr size_t kHeaderBytesMax = 64 * 1024;  // Ours are about 200; a stranger gets no more.

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> parse_number(std::string_view digits, int base) {
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

Status not_http() {
  return Status::fatal("the answer is not HTTP: does another program listen on the socket?");
}

struct Header {
  int status = 0;
  std::string content_type;
  std::optional<uint64_t> content_length;
  bool chunked = false;
};

std::optional<Header> parse_header(std::string_view text) {
  Header header;
  // "HTTP/1.1 200 OK"
  size_t end = std::min(text.find(kLineEnd), text.size());
  const std::string_view first = text.substr(0, end);
  if (!first.starts_with("HTTP/1.") || first.size() < 12 || first[8] != ' ') return std::nullopt;
  const auto status = parse_number(first.substr(9, 3), 10);
  if (!status || *status < 100) return std::nullopt;
  header.status = static_cast<int>(*status);
  while (end < text.size()) {
    text.remove_prefix(end + kLineEnd.size());
    end = std::min(text.find(kLineEnd), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equals_ignoring_case(name, "content-type")) header.content_type = value;
    if (equals_ignoring_case(name, "transfer-encoding"))
      header.chunked = equals_ignoring_case(value, "chunked");
    if (equals_ignoring_case(name, "content-length")) {
      header.content_length = parse_number(value, 10);
      if (!header.content_length) return std::nullopt;
    }
  }
  return header;
}

// The body out of its chunks (RFC 9112, section 7.1); nullopt: not whole yet.
Result<std::optional<std::string>> parse_chunks(std::string_view bytes) {
  std::string body;
  for (;;) {
    const size_t line_end = bytes.find(kLineEnd);
    if (line_end == std::string_view::npos) return std::optional<std::string>();
    const std::string_view line = bytes.substr(0, line_end);
    const auto size = parse_number(trimmed(line.substr(0, line.find(';'))), 16);
    if (!size || *size > kReplyBytesMax) return not_http();
    if (*size == 0) {
      // The last chunk is followed by trailers, most often none, and an empty line.
      const bool whole = bytes.substr(line_end).find(kHeaderEnd) != std::string_view::npos;
      return whole ? std::optional(std::move(body)) : std::nullopt;
    }
    bytes.remove_prefix(line_end + kLineEnd.size());
    if (bytes.size() < *size + kLineEnd.size()) return std::optional<std::string>();
    if (bytes.substr(*size, kLineEnd.size()) != kLineEnd) return not_http();
    body += bytes.substr(0, *size);
    bytes.remove_prefix(*size + kLineEnd.size());
  }
}

// A connected descriptor with a deadline for all that is done with it.
class Connection {
 public:
  Connection(const Clock& clock, Milliseconds timeout_ms) : clock_(clock) {
    const int64_t now_ms = clock.now().mono_ms;
    deadline_ms_ = timeout_ms >= kNever - now_ms ? kNever : now_ms + timeout_ms;
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // 0 or an errno. connect() to a Unix socket waits while the agent's backlog is full; the send
  // timeout limits that too, and it then fails with EAGAIN (unix(7), socket(7)).
  int connect(const std::string& path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return errno;
    // 0 would mean no limit, which is what kNever asks for.
    const int64_t left_ms = deadline_ms_ == kNever ? 0 : std::max<int64_t>(1, milliseconds_left());
    const timeval timeout{.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    if (::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) return errno;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      if (errno != EINTR) return errno;
    }
    return 0;
  }

  // 0 or an errno. The request is far smaller than a socket's buffer, so it goes in one piece.
  int send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) return errno;
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return 0;
  }

  // Appends what comes; 0 or an errno, EAGAIN at the deadline. `at_end`: the agent closed.
  int receive(std::string& bytes, bool& at_end) {
    for (;;) {
      const int64_t left_ms = milliseconds_left();
      if (left_ms <= 0) return EAGAIN;
      pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
      const int count = ::poll(&ready, 1, static_cast<int>(std::min<int64_t>(left_ms, INT_MAX)));
      if (count < 0 && errno != EINTR) return errno;
      if (count <= 0) continue;
      char chunk[16 * 1024];
      const ssize_t received = ::recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
      if (received < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (received < 0) return errno;
      at_end = received == 0;
      bytes.append(chunk, static_cast<size_t>(received));
      return 0;
    }
  }

 private:
  int64_t milliseconds_left() const {
    return deadline_ms_ == kNever ? kNever : deadline_ms_ - clock_.now().mono_ms;
  }

  const Clock& clock_;
  int64_t deadline_ms_;
  int fd_ = -1;
};

Status connect_error(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Status::not_found("there is no control socket " + path +
                               ": is the agent running? Another socket is named with -s");
    case ECONNREFUSED:
      return Status::not_found("nobody answers on " + path +
                               ": the agent is not running; start it with lastseen run");
    case EACCES:
    case EPERM:
      return Status::fatal("no permission for " + path +
                           ": run this as root or as a user whom control.mode lets in");
    case EAGAIN:
      return Status::retry("the agent behind " + path + " takes no connection: it is stuck or " +
                           "flooded; see its log");
    default:
      return Status::fatal("cannot connect to " + path + ": " + std::strerror(error));
  }
}

Status cannot_read(const std::string& path, int error) {
  return Status::retry("cannot read from " + path + ": " + std::strerror(error));
}

Status send_request(Connection& connection, const std::string& socket_path, std::string_view method,
                    std::string_view target) {
  if (socket_path.empty())
    return Status::fatal("control.socket is empty, so the agent cannot be asked: set it");
  if (socket_path.size() > kSocketPathBytesMax)
    return Status::fatal("the path of a Unix socket has at most " +
                         std::to_string(kSocketPathBytesMax) + " bytes: " + socket_path);
  if (const int error = connection.connect(socket_path); error != 0)
    return connect_error(socket_path, error);
  const std::string request = std::string(method) + " " + std::string(target) +
                              " HTTP/1.1\r\nHost: lastseen\r\nConnection: close\r\n" +
                              "Content-Length: 0\r\n\r\n";
  // An agent that has no place left answers and closes unasked; its answer is still there.
  if (const int error = connection.send(request); error != 0 && error != EPIPE)
    return Status::retry("cannot send to " + socket_path + ": " + std::strerror(error));
  return Status::ok();
}

}  // namespace

Result<std::optional<HttpReply>> parse_reply(std::string_view bytes, bool at_end) {
  constexpr std::string_view kStart = "HTTP/1.";
  const Status cut_off = Status::retry("the agent closed the connection in mid-answer");
  const std::string_view start = bytes.substr(0, kStart.size());
  if (start != kStart.substr(0, start.size())) return not_http();
  const size_t header_end = bytes.find(kHeaderEnd);
  if (header_end == std::string_view::npos) {
    if (bytes.size() > kHeaderBytesMax) return not_http();
    if (at_end) return cut_off;
    return std::optional<HttpReply>();
  }
  const auto header = parse_header(bytes.substr(0, header_end));
  if (!header) return not_http();
  const std::string_view rest = bytes.substr(header_end + kHeaderEnd.size());
  HttpReply reply{header->status, header->content_type, {}};
  bool whole = at_end;
  if (header->chunked) {
    Result<std::optional<std::string>> body = parse_chunks(rest);
    if (!body) return body.status();
    whole = body->has_value();
    if (whole) reply.body = std::move(**body);
  } else if (header->content_length) {
    if (*header->content_length > kReplyBytesMax) return not_http();
    whole = rest.size() >= *header->content_length;
    if (whole) reply.body = rest.substr(0, *header->content_length);
  } else if (whole) {
    reply.body = rest;
  }
  if (whole) return std::optional(std::move(reply));
  if (at_end) return cut_off;
  return std::optional<HttpReply>();
}

Result<HttpReply> ask_agent(const std::string& socket_path, std::string_view method,
                            std::string_view target, Milliseconds timeout_ms, const Clock& clock) {
  Connection connection(clock, timeout_ms);
  if (Status sent = send_request(connection, socket_path, method, target); !sent) return sent;
  std::string bytes;
  bool at_end = false;
  for (;;) {
    const int error = connection.receive(bytes, at_end);
    if (error == EAGAIN) {
      return Status::retry("no answer from " + socket_path + " within " +
                           std::to_string(timeout_ms) + " ms: see the agent's log");
    }
    if (error == ECONNRESET) at_end = true;
    if (error != 0 && !at_end) return cannot_read(socket_path, error);
    Result<std::optional<HttpReply>> reply = parse_reply(bytes, at_end);
    if (!reply) return reply.status();
    if (reply->has_value()) return std::move(**reply);
    if (bytes.size() > kReplyBytesMax + kHeaderBytesMax)
      return Status::fatal("the answer of " + socket_path + " is too large");
  }
}

Result<HttpReply> stream_from_agent(const std::string& socket_path, std::string_view target,
                                    const Clock& clock,
                                    const std::function<bool(std::string_view)>& take) {
  constexpr int kOk = 200;
  Connection connection(clock, kNever);
  if (Status sent = send_request(connection, socket_path, "GET", target); !sent) return sent;
  std::string bytes;
  bool at_end = false, in_body = false;
  for (;;) {
    const int error = connection.receive(bytes, at_end);
    if (error == ECONNRESET) at_end = true;
    if (error != 0 && !at_end) return cannot_read(socket_path, error);
    const size_t header_end = in_body ? std::string::npos : bytes.find(kHeaderEnd);
    if (header_end != std::string::npos) {
      const auto header = parse_header(std::string_view(bytes).substr(0, header_end));
      if (!header) return not_http();
      in_body = header->status == kOk && !header->content_length;
      if (in_body) bytes.erase(0, header_end + kHeaderEnd.size());
    }
    if (!in_body) {
      Result<std::optional<HttpReply>> reply = parse_reply(bytes, at_end);
      if (!reply) return reply.status();
      if (reply->has_value()) return std::move(**reply);
      continue;
    }
    if (!bytes.empty() && !take(bytes)) return HttpReply{kOk, {}, {}};
    bytes.clear();
    if (at_end) return HttpReply{kOk, {}, "the agent ended it: it stopped, or control.tap is off"};
  }
}

}  // namespace lastseen
