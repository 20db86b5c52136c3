#include "control/http_server.h"

#include "control/asio.h"  // first of all Asio

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pace.h"
#include "control/http_connection.h"
#include "control/listening_socket.h"
#include "control/routes.h"

namespace lastseen {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

// Connections accepted in one go, before others are served again.
constexpr int kAcceptBurst = 16;

constexpr std::string_view kFullResponse =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 57\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"error\":\"too many control connections: try again soon\"}\n";

}  // namespace

class HttpServer::Core {
 public:
  Core(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
       const HttpLimits& limits);
  ~Core();

  Status listen(int passed_fd);
  Status prepare_change(const ControlSettings& settings);
  void apply_change();
  void drop_change() { change_.reset(); }
  void run();
  void stop();
  int tcp_port() const { return tcp_port_; }

 private:
  class Door;
  struct Change {
    ControlSettings settings;
    std::vector<ListeningSocket> sockets;
    bool close_unix = false;
    bool close_tcp = false;
    int tcp_port = 0;
  };
  void change_doors(Change change);

  Status open_door(Result<ListeningSocket> socket);
  void close_doors();
  void close_connections();
  void begin_stop();
  void finish_stop_when_idle();
  void warn_full();

  ControlSettings settings_;      // changed by apply_change(), on the thread of that
  std::optional<Change> change_;  // prepared
  const Clock& clock_;
  Log& log_;
  HttpShared shared_;
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_;
  asio::steady_timer stop_timer_{*shared_.io};
  Pace full_pace_{shared_.limits.full_warning_every};
  std::vector<std::shared_ptr<Door>> doors_;
  std::atomic<int> tcp_port_ = 0;
};

// Accepts on one listening socket. Both kinds of socket give the same connections, so that
// Beast is compiled once for them.
class HttpServer::Core::Door : public std::enable_shared_from_this<Door> {
 public:
  Door(Core& core, ListeningSocket socket)
      : core_(core),
        socket_(std::move(socket)),
        is_tcp_(socket_->is_tcp()),
        readable_(*core.shared_.io),
        pause_(*core.shared_.io) {}

  Status open() {
    error_code error;
    readable_.assign(socket_->fd(), error);
    if (error) return Status::retry("control: cannot watch the socket: " + error.message());
    wait();
    return Status::ok();
  }

  bool is_tcp() const { return is_tcp_; }

  /// Removes the socket file. Later calls of pending handlers do nothing.
  void close() {
    if (readable_.is_open()) readable_.release();  // The descriptor is socket_'s.
    pause_.cancel();
    socket_.reset();
  }

  /// After an exception, which may have come out of accept_some().
  void resume() {
    if (socket_ && !armed_) wait();
  }

 private:
  void wait() {
    armed_ = true;
    readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](error_code) { self->accept_some(); });
  }

  void accept_some() {
    armed_ = false;
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
    for (const auto& connection : core_.shared_.open) open += connection->over_tcp() == is_tcp_;
    if (open >= core_.shared_.limits.connections_max) {
      // A fresh socket's send buffer takes these bytes, so this never waits.
      (void)::send(fd, kFullResponse.data(), kFullResponse.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::close(fd);
      return core_.warn_full();
    }
    HttpConnection::start(core_.shared_, family, fd);
  }

  // Out of descriptors or memory: the pending connection stays readable, so trying again at
  // once would spin.
  void wait_a_moment() {
    armed_ = true;
    pause_.expires_after(milliseconds(core_.shared_.limits.accept_pause));
    pause_.async_wait([self = shared_from_this()](error_code) { self->accept_some(); });
  }

  Core& core_;
  std::optional<ListeningSocket> socket_;  // nullopt: closed
  const bool is_tcp_;
  bool armed_ = false;  // accept_some() will be called
  asio::posix::stream_descriptor readable_;
  asio::steady_timer pause_;
};

HttpServer::Core::Core(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
                       const HttpLimits& limits)
    : settings_(std::move(settings)),
      clock_(clock),
      log_(log),
      shared_{.io = std::make_shared<asio::io_context>(1),  // 1: run by one thread
              .limits = limits,
              .routes = Routes(agent, clock, ::getpid(), limits.flushes_waiting_max),
              .open = {},
              .on_close = [this] { finish_stop_when_idle(); }},
      keep_running_(shared_.io->get_executor()) {}

// A flush that still waits in the agent may keep io alive: nothing must stay open in it.
HttpServer::Core::~Core() {
  try {
    close_doors();
    close_connections();
  } catch (...) {
    // No memory to close them with. The process ends next, and that closes everything.
  }
}

Status HttpServer::Core::listen(int passed_fd) {
  Status result = Status::ok();
  if (!settings_.socket.empty())
    result = open_door(passed_fd >= 0 ? ListeningSocket::adopt(passed_fd)
                                      : ListeningSocket::at_path(settings_.socket, settings_.mode));
  if (result && !settings_.http.empty()) {
    auto socket = ListeningSocket::at_host_port(settings_.http);
    if (socket) tcp_port_ = socket->port();
    result = open_door(std::move(socket));
  }
  if (!result) {
    close_doors();
    tcp_port_ = 0;
  }
  return result;
}

Status HttpServer::Core::open_door(Result<ListeningSocket> socket) {
  if (!socket) return socket.status();
  doors_.push_back(std::make_shared<Door>(*this, std::move(*socket)));
  return doors_.back()->open();
}

Status HttpServer::Core::prepare_change(const ControlSettings& settings) {
  Change change{.settings = settings, .sockets = {}, .tcp_port = tcp_port_};
  if (settings.socket != settings_.socket) {
    change.close_unix = !settings_.socket.empty();
    if (!settings.socket.empty()) {
      auto socket = ListeningSocket::at_path(settings.socket, settings.mode);
      if (!socket) return socket.status();
      change.sockets.push_back(std::move(*socket));
    }
  }
  if (settings.http != settings_.http) {
    change.close_tcp = !settings_.http.empty();
    change.tcp_port = 0;
    if (!settings.http.empty()) {
      auto socket = ListeningSocket::at_host_port(settings.http);
      if (!socket) return socket.status();
      change.tcp_port = socket->port();
      change.sockets.push_back(std::move(*socket));
    }
  }
  change_ = std::move(change);
  return Status::ok();
}

void HttpServer::Core::apply_change() {
  if (!change_) return;
  if (change_->settings.socket == settings_.socket && change_->settings.mode != settings_.mode &&
      !settings_.socket.empty() &&
      ::chmod(settings_.socket.c_str(), static_cast<mode_t>(change_->settings.mode)) != 0)
    log_.warn("the control socket kept its mode; it cannot be changed. Restart the agent",
              {{"path", settings_.socket}});
  settings_ = change_->settings;
  auto change = std::make_shared<Change>(std::move(*change_));
  change_.reset();
  asio::post(*shared_.io, [this, change] { change_doors(std::move(*change)); });
}

// On the server's thread. Connections stay open, those too that came through a door that closes.
void HttpServer::Core::change_doors(Change change) {
  if (shared_.stopping) return;
  std::erase_if(doors_, [&](const std::shared_ptr<Door>& door) {
    const bool closes = door->is_tcp() ? change.close_tcp : change.close_unix;
    if (closes) door->close();
    return closes;
  });
  for (ListeningSocket& socket : change.sockets)
    if (const Status opened = open_door(std::move(socket)); !opened)
      log_.error("a door of the control server stays closed; mend control and reload again",
                 {{"error", opened.message()}});
  tcp_port_ = change.tcp_port;
}

void HttpServer::Core::close_doors() {
  for (const auto& door : doors_) door->close();
  doors_.clear();
}

void HttpServer::Core::close_connections() {
  const auto open = std::exchange(shared_.open, {});  // close() would take itself out of the set
  for (const auto& connection : open) connection->close();
}

void HttpServer::Core::run() {
  for (;;) {
    try {
      shared_.io->run();
      return;
    } catch (const std::exception& error) {
      // Most likely no memory. Which connection it was is not known any more.
      log_.error("control: a request failed; all control connections are closed. Please report it",
                 {{"error", error.what()}});
      close_connections();
      for (const auto& door : doors_) door->resume();
    }
  }
}

void HttpServer::Core::stop() {
  asio::post(*shared_.io, [this] { begin_stop(); });
}

void HttpServer::Core::begin_stop() {
  if (std::exchange(shared_.stopping, true)) return;
  close_doors();
  const auto open = shared_.open;
  for (const auto& connection : open) connection->stop();
  stop_timer_.expires_after(milliseconds(shared_.limits.stop_timeout));
  stop_timer_.async_wait([io = shared_.io.get()](error_code) { io->stop(); });
  finish_stop_when_idle();
}

void HttpServer::Core::finish_stop_when_idle() {
  if (shared_.stopping && shared_.open.empty()) shared_.io->stop();
}

void HttpServer::Core::warn_full() {
  const auto turn = full_pace_.take(1, clock_.now().mono_ms);
  if (!turn) return;
  log_.warn("control: too many connections, new ones are answered 503; close idle clients",
            {{"connections_max", shared_.limits.connections_max}, {"refused", turn->amount}});
}

HttpServer::HttpServer(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
                       const HttpLimits& limits)
    : core_(std::make_unique<Core>(std::move(settings), agent, clock, log, limits)) {}

HttpServer::~HttpServer() = default;

Status HttpServer::listen(int passed_fd) {
  return core_->listen(passed_fd);
}

Status HttpServer::prepare_change(const ControlSettings& settings) {
  return core_->prepare_change(settings);
}

void HttpServer::apply_change() {
  core_->apply_change();
}

void HttpServer::drop_change() {
  core_->drop_change();
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
