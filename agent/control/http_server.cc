#include "control/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "control/listening_socket.h"
#include "control/routes.h"

namespace lastseen {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

// Connections accepted in one go, before others are served again.
constexpr int kAcceptBurst = 16;
// Read at once while waiting for a request; most fit whole.
constexpr size_t kReadChunk = 4096;

constexpr std::string_view kFullResponse =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 57\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"error\":\"too many control connections: try again soon\"}\n";

// Root and the agent's own user may change things; over TCP nobody can be known.
bool peer_may_change(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// The answer to a request that could not be read; nullopt where the peer went away or was slow.
std::optional<ControlResponse> response_to(const error_code& error) {
  static const auto& http_category = http::make_error_code(http::error::end_of_stream).category();
  if (error.category() != http_category || error == http::error::end_of_stream ||
      error == http::error::partial_message) {
    return std::nullopt;
  }
  if (error == http::error::body_limit) return error_response(413, "the body is too large");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return error_response(431, "the header is too large");
  return error_response(400, "not an HTTP/1.1 request: " + error.message());
}

}  // namespace

class HttpServer::Core {
 public:
  Core(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
       HttpLimits limits);
  ~Core();

  Status listen();
  void run();
  void stop();
  int tcp_port() const { return tcp_port_; }

 private:
  class Connection;
  class Door;

  Status open_door(Result<ListeningSocket> socket);
  void close_doors();
  void close_connections();
  void begin_stop();
  void finish_stop_when_idle();
  void warn_full();

  const ControlSettings settings_;
  const HttpLimits limits_;
  const Clock& clock_;
  Log& log_;
  Routes routes_;
  // Shared with the completions of flushes, which may come after the server is gone.
  const std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_;
  asio::steady_timer stop_timer_{*io_};
  bool stopping_ = false;
  std::optional<int64_t> warned_full_mono_ms_;
  std::vector<std::shared_ptr<Door>> doors_;
  int tcp_port_ = 0;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
};

// One client. Its pending operation keeps it alive; Core::connections_ knows it until close().
class HttpServer::Core::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Core& core, bool over_tcp)
      : core_(core), stream_(*core.io_), over_tcp_(over_tcp), buffer_(buffer_max(core.limits_)) {}

  bool over_tcp() const { return over_tcp_; }

  /// Takes over an accepted descriptor.
  void start(int family, int fd) {
    error_code error;
    may_change_ = !over_tcp_ && peer_may_change(fd);
    stream_.socket().assign({family, 0}, fd, error);
    if (error) {
      ::close(fd);
      return close();
    }
    read_request();
  }

  /// The server stops: ends what waits, lets a response out that is being written.
  void stop() {
    switch (phase_) {
      case Phase::kReading:
        return close();
      case Phase::kWaiting:
        return respond(serial_, error_response(503, "the agent is stopping"));
      case Phase::kWriting:
        return;  // written() sees that the server stops
    }
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();  // The set may hold the last reference.
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.close();
    core_.connections_.erase(self);
    core_.finish_stop_when_idle();
  }

 private:
  using Protocol = asio::generic::stream_protocol;
  enum class Phase {
    kReading,  // a request, or waiting for the next
    kWaiting,  // for the route's answer
    kWriting,  // the response, or reading off the rest of a refused request
  };

  static size_t buffer_max(const HttpLimits& limits) {
    return limits.header_bytes_max + limits.body_bytes_max + kReadChunk;
  }

  void wait_for_request() {
    phase_ = Phase::kReading;
    if (buffer_.size() > 0) return read_request();
    stream_.expires_after(milliseconds(core_.limits_.idle_timeout));
    stream_.async_read_some(buffer_.prepare(kReadChunk),
                            [self = shared_from_this()](error_code error, size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read_request();
                            });
  }

  void read_request() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(core_.limits_.header_bytes_max));
    parser_->body_limit(core_.limits_.body_bytes_max);
    stream_.expires_after(milliseconds(core_.limits_.read_timeout));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->request_read(error); });
  }

  void request_read(const error_code& error) {
    if (closed_) return;
    ++serial_;
    if (error) {
      auto refusal = response_to(error);
      if (!refusal) return close();
      refused_ = true;
      phase_ = Phase::kWaiting;
      return respond(serial_, std::move(*refusal));
    }
    phase_ = Phase::kWaiting;
    stream_.expires_never();
    watch_peer();
    const auto& request = parser_->get();
    core_.routes_.handle(
        {.method = {request.method_string().data(), request.method_string().size()},
         .target = {request.target().data(), request.target().size()},
         .over_tcp = over_tcp_,
         .may_change = may_change_},
        [io = core_.io_, weak = weak_from_this(), serial = serial_](ControlResponse response) {
          asio::post(*io, [weak, serial, response = std::move(response)]() mutable {
            if (const auto self = weak.lock()) self->respond(serial, std::move(response));
          });
        });
  }

  // Notices a peer that closed while its flush waits, so that it does not keep its place. Only
  // errors and a full close wake this: a half-closed peer still wants its answer.
  void watch_peer() {
    stream_.socket().async_wait(
        asio::socket_base::wait_error,
        [self = shared_from_this(), serial = serial_](error_code error) {
          if (!error && self->phase_ == Phase::kWaiting && self->serial_ == serial) self->close();
        });
  }

  // `serial` says which request this answers; a late answer to one that is over is dropped.
  void respond(uint64_t serial, ControlResponse answer) {
    if (closed_ || phase_ != Phase::kWaiting || serial != serial_) return;
    phase_ = Phase::kWriting;
    error_code ignored;
    stream_.socket().cancel(ignored);  // watch_peer()
    const auto& request = parser_->get();
    const unsigned version = refused_ ? 11 : request.version();
    response_.emplace(static_cast<http::status>(answer.status), version);
    response_->set(http::field::server, "lastseen/" LASTSEEN_VERSION);
    response_->set(http::field::content_type,
                   {answer.content_type.data(), answer.content_type.size()});
    response_->set(http::field::cache_control, "no-store");
    if (!answer.allow.empty()) response_->set(http::field::allow, answer.allow);
    response_->keep_alive(!refused_ && !core_.stopping_ && request.keep_alive());
    response_->content_length(answer.body.size());
    if (refused_ || request.method() != http::verb::head) response_->body() = answer.body;
    stream_.expires_after(milliseconds(core_.limits_.write_timeout));
    http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
      self->written(error);
    });
  }

  void written(const error_code& error) {
    if (closed_) return;
    const bool keep_alive = response_->keep_alive();
    response_.reset();
    if (error) return close();
    if (refused_ && !core_.stopping_) return linger();
    if (!keep_alive || core_.stopping_) return close();
    wait_for_request();
  }

  // Reads off what a refused request still sends. Closing at once would reset the connection,
  // and the client might never see why it was refused (RFC 9112, 9.6).
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    stream_.expires_after(milliseconds(core_.limits_.linger_timeout));
    discard(core_.limits_.linger_bytes_max);
  }

  void discard(size_t bytes_left) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kReadChunk), [self = shared_from_this(), bytes_left](
                                                             error_code error, size_t bytes) {
      if (error || bytes >= bytes_left || self->core_.stopping_) return self->close();
      self->discard(bytes_left - bytes);
    });
  }

  Core& core_;
  beast::basic_stream<Protocol> stream_;
  const bool over_tcp_;
  bool may_change_ = false;
  bool refused_ = false;  // the request could not be read: answer, then close
  bool closed_ = false;
  Phase phase_ = Phase::kReading;
  uint64_t serial_ = 0;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

// Accepts on one listening socket. Both kinds of socket give the same connections, so that
// Beast is compiled once for them.
class HttpServer::Core::Door : public std::enable_shared_from_this<Door> {
 public:
  Door(Core& core, ListeningSocket socket)
      : core_(core),
        socket_(std::move(socket)),
        is_tcp_(socket_->is_tcp()),
        readable_(*core.io_),
        pause_(*core.io_) {}

  Status open() {
    error_code error;
    readable_.assign(socket_->fd(), error);
    if (error) return Status::retry("control: cannot watch the socket: " + error.message());
    wait();
    return Status::ok();
  }

  /// Removes the socket file. Later calls of pending handlers do nothing.
  void close() {
    if (readable_.is_open()) readable_.release();  // The descriptor is socket_'s.
    pause_.cancel();
    socket_.reset();
  }

 private:
  void wait() {
    readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](error_code) { self->accept_some(); });
  }

  void accept_some() {
    for (int i = 0; socket_ && i < kAcceptBurst; ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      const int fd = ::accept4(socket_->fd(), reinterpret_cast<sockaddr*>(&address), &length,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        admit(address.ss_family, fd);
      } else if (errno == EAGAIN) {
        break;
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return wait_a_moment();
      }
    }
    if (socket_) wait();
  }

  void admit(int family, int fd) {
    size_t open = 0;
    for (const auto& connection : core_.connections_) open += connection->over_tcp() == is_tcp_;
    if (open >= core_.limits_.connections_max) {
      // A fresh socket's send buffer takes these bytes, so this never waits.
      (void)::send(fd, kFullResponse.data(), kFullResponse.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::close(fd);
      return core_.warn_full();
    }
    const auto connection = std::make_shared<Connection>(core_, is_tcp_);
    core_.connections_.insert(connection);
    connection->start(family, fd);
  }

  // Out of descriptors or memory: the pending connection stays readable, so trying again at
  // once would spin.
  void wait_a_moment() {
    pause_.expires_after(milliseconds(core_.limits_.accept_pause));
    pause_.async_wait([self = shared_from_this()](error_code) { self->accept_some(); });
  }

  Core& core_;
  std::optional<ListeningSocket> socket_;  // nullopt: closed
  const bool is_tcp_;
  asio::posix::stream_descriptor readable_;
  asio::steady_timer pause_;
};

HttpServer::Core::Core(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
                       HttpLimits limits)
    : settings_(std::move(settings)),
      limits_(limits),
      clock_(clock),
      log_(log),
      routes_(agent, clock, ::getpid(), limits.flushes_waiting_max),
      keep_running_(io_->get_executor()) {}

// Handlers that never ran hold connections until io_ goes; they are closed now.
HttpServer::Core::~Core() {
  stopping_ = true;
  close_doors();
  close_connections();
}

Status HttpServer::Core::listen() {
  Status result = Status::ok();
  if (!settings_.socket.empty())
    result = open_door(ListeningSocket::at_path(settings_.socket, settings_.mode));
  if (result && !settings_.http.empty()) {
    auto socket = ListeningSocket::at_host_port(settings_.http);
    if (socket) tcp_port_ = socket->port();
    result = open_door(std::move(socket));
  }
  if (!result) close_doors();
  return result;
}

Status HttpServer::Core::open_door(Result<ListeningSocket> socket) {
  if (!socket) return socket.status();
  doors_.push_back(std::make_shared<Door>(*this, std::move(*socket)));
  return doors_.back()->open();
}

void HttpServer::Core::close_doors() {
  for (const auto& door : doors_) door->close();
  doors_.clear();
  tcp_port_ = 0;
}

void HttpServer::Core::close_connections() {
  const auto open = connections_;  // close() takes itself out of the set.
  for (const auto& connection : open) connection->close();
}

void HttpServer::Core::run() {
  for (;;) {
    try {
      io_->run();
      return;
    } catch (const std::exception& error) {
      // Most likely no memory. Which connection it was is not known any more.
      log_.error("control: a request failed; all control connections are closed",
                 {{"error", error.what()}});
      close_connections();
    }
  }
}

void HttpServer::Core::stop() {
  asio::post(*io_, [this] { begin_stop(); });
}

void HttpServer::Core::begin_stop() {
  if (std::exchange(stopping_, true)) return;
  close_doors();
  const auto open = connections_;
  for (const auto& connection : open) connection->stop();
  stop_timer_.expires_after(milliseconds(limits_.stop_timeout));
  stop_timer_.async_wait([io = io_.get()](error_code) { io->stop(); });
  finish_stop_when_idle();
}

void HttpServer::Core::finish_stop_when_idle() {
  if (stopping_ && connections_.empty()) io_->stop();
}

void HttpServer::Core::warn_full() {
  const int64_t now_ms = clock_.now().mono_ms;
  if (warned_full_mono_ms_ && now_ms - *warned_full_mono_ms_ < limits_.full_warning_every) return;
  warned_full_mono_ms_ = now_ms;
  log_.warn("control: too many connections, new ones are answered 503; close idle clients",
            {{"connections_max", std::to_string(limits_.connections_max)}});
}

HttpServer::HttpServer(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
                       HttpLimits limits)
    : core_(std::make_unique<Core>(std::move(settings), agent, clock, log, limits)) {}

HttpServer::~HttpServer() = default;

Status HttpServer::listen() {
  return core_->listen();
}

void HttpServer::run() {
  core_->run();
}

void HttpServer::stop() {
  core_->stop();
}

int HttpServer::tcp_port() const {
  return core_->tcp_port();
}

}  // namespace lastseen
