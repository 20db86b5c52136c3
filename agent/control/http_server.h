// The control server: HTTP/1.1 on a Unix socket, and a part of it on TCP. What it answers is in
// routes.h; here are sockets, connections and limits.
#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "config/config.h"
#include "control/agent_control.h"

namespace lastseen {

/// What one client, or all of them, can cost. Tests make them small.
struct HttpLimits {
  size_t connections_max = 64;            ///< On each of the two doors; more get a 503 at once.
  size_t header_bytes_max = 8 * 1024;     ///< A request's header is ~100 bytes; curl's ~80.
  size_t body_bytes_max = 64 * 1024;      ///< No route reads a body yet.
  Milliseconds read_timeout = 10'000;     ///< From a request's first byte (or connect) to its last.
  Milliseconds write_timeout = 10'000;    ///< For one whole response.
  Milliseconds idle_timeout = 30'000;     ///< Between two requests of one connection.
  Milliseconds linger_timeout = 2000;     ///< For the rest of a request that was refused …
  size_t linger_bytes_max = 1024 * 1024;  ///< … and how much of it is read and thrown away.
  Milliseconds stop_timeout = 500;        ///< For responses that are being written at stop().
  Milliseconds accept_pause = 100;        ///< After accept failed (no descriptors left).
  Milliseconds full_warning_every = 60'000;  ///< "too many connections" in the log at most so.
  int flushes_waiting_max = 16;
};

/// Agent, clock and log outlive it. A client can cost no more than the limits: the agent answers
/// from its last snapshot and nobody else waits for this thread.
class HttpServer {
 public:
  HttpServer(ControlSettings settings, AgentControl& agent, const Clock& clock, Log& log,
             const HttpLimits& limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Opens what the settings name; before run(). kFatal: the operator has to change something
  /// (another agent is alive there, a path that is not a socket); kRetry: it may work later.
  /// After an error nothing is open; it may be called again. `passed_fd`: the Unix socket, when
  /// somebody else has made it and keeps it.
  Status listen(int passed_fd = -1);

  /// Opens what other settings name and these do not, while everything goes on as it is; errors as
  /// of listen(). Then either apply_change(), which also closes what they do not name, or nothing.
  /// While run() serves; not thread-safe with itself.
  Status prepare_change(const ControlSettings& settings);
  void apply_change();
  /// As far as prepare_change() has succeeded.
  void drop_change();

  /// Serves on the calling thread until stop(). Nothing throws out of it.
  void run();

  /// Thread-safe, also before run() and twice. Waiting flushes get a 503, responses that are
  /// being written get `stop_timeout`; the socket file is removed.
  void stop();

  /// The TCP port that listen() opened; 0: none.
  int tcp_port() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace lastseen
