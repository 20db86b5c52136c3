// One client of the control server: reads requests, hands them to the routes, writes responses.
// Beast is in the .cc alone, it takes ten seconds to compile.
#pragma once

#include <functional>
#include <memory>
#include <unordered_set>

#include "control/asio.h"
#include "control/http_server.h"
#include "control/routes.h"

namespace lastseen {

class HttpConnection;

/// What the connections of one server share. Used on its thread alone, except `io`.
struct HttpShared {
  /// Also held by the completions of flushes, which may come after the server is gone.
  std::shared_ptr<boost::asio::io_context> io;
  HttpLimits limits;
  Routes routes;
  bool stopping = false;
  std::unordered_set<std::shared_ptr<HttpConnection>> open;
  std::function<void()> on_close{};  ///< Called after a connection left `open`.
};

class HttpConnection {
 public:
  virtual ~HttpConnection() = default;

  /// Takes over an accepted descriptor of that address family and serves it. The connection is
  /// in `shared.open` until it is closed; `shared` outlives it or the run of its io.
  static void start(HttpShared& shared, int family, int fd);

  virtual bool over_tcp() const = 0;
  /// The server stops: ends what waits, lets a response out that is being written.
  virtual void stop() = 0;
  virtual void close() = 0;
};

}  // namespace lastseen
