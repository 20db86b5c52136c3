// What the control socket answers: a table of path and method → handler. A new route is one line
// there and one function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "control/agent_control.h"

namespace lastseen {

inline constexpr std::string_view kJsonContentType = "application/json";
inline constexpr std::string_view kTextContentType = "text/plain; charset=utf-8";

struct ControlRequest {
  std::string_view method;
  std::string_view target;  ///< Origin form, "/status?format=text", or absolute form.
  bool over_tcp = false;    ///< TCP has no peer credentials: only what anybody may see.
  bool may_change = false;  ///< The peer is root or the agent's own user.
};

/// A body without an end, in pieces. Used on the server's thread.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// What there is by now, maybe nothing; nullopt: it is over.
  virtual std::optional<std::string> take() = 0;
};

struct ControlResponse {
  int status = 200;
  std::string_view content_type = kTextContentType;
  std::string body;
  std::string allow{};  ///< For 405: the methods that the path has.
  /// Instead of `body`: asked every kTapEveryMs until it is over or the client goes away.
  std::shared_ptr<BodyStream> stream{};
};

using Respond = std::function<void(ControlResponse)>;

/// `{"error":"…"}` and a newline; the message is made printable.
ControlResponse error_response(int status, std::string_view message);

/// Used by one thread. Agent and clock outlive it.
class Routes {
 public:
  /// `waiting_max`: flushes that may wait at once, and questions about clients, those of clients of
  /// ours that went away too. While a store is down for hours, impatient scripts must not pile them
  /// up in the agent.
  Routes(AgentControl& agent, const Clock& clock, int64_t pid, int waiting_max)
      : agent_(agent), clock_(clock), pid_(pid), waiting_max_(waiting_max) {}

  /// Calls `respond` exactly once: before it returns, or for what the agent's threads answer later
  /// and on any thread, also after this object is gone. HEAD gets the whole response of GET;
  /// cutting the body off is the transport's affair.
  void handle(const ControlRequest& request, const Respond& respond);

 private:
  struct Route;
  struct Query {
    std::string_view text;    // what follows '?', not decoded
    std::string_view rest{};  // of the path, where a route names only its beginning; not decoded
    bool may_see_ids = false;
  };
  static const Route kRoutes[];

  void status(const Query& query, const Respond& respond);
  void metrics(const Query& query, const Respond& respond);
  void healthz(const Query& query, const Respond& respond);
  void readyz(const Query& query, const Respond& respond);
  void flush(const Query& query, const Respond& respond);
  void reload(const Query& query, const Respond& respond);
  void config(const Query& query, const Respond& respond);
  void client(const Query& query, const Respond& respond);
  void forget_client(const Query& query, const Respond& respond);
  void tap(const Query& query, const Respond& respond);

  // client_routes.cc:
  void ask(ClientQuestion question, std::function<void(const ClientView&)> answered,
           const Respond& respond);

  AgentControl& agent_;
  const Clock& clock_;
  int64_t pid_;
  int waiting_max_;
  std::shared_ptr<std::atomic<int>> flushes_ = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::atomic<int>> questions_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace lastseen
