// What the control socket answers: a table of path and method → handler. A new route is one line
// there and one function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
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

struct ControlResponse {
  int status = 200;
  std::string_view content_type = kTextContentType;
  std::string body;
  std::string allow{};  ///< For 405: the methods that the path has.
};

using Respond = std::function<void(ControlResponse)>;

/// `{"error":"…"}` and a newline; the message is made printable.
ControlResponse error_response(int status, std::string_view message);

/// Used by one thread. Agent and clock outlive it.
class Routes {
 public:
  /// `flushes_max`: flushes that may wait at once, those of clients that went away too. While a
  /// store is down for hours, impatient scripts must not pile them up in the agent.
  Routes(AgentControl& agent, const Clock& clock, int64_t pid, int flushes_max)
      : agent_(agent), clock_(clock), pid_(pid), flushes_max_(flushes_max) {}

  /// Calls `respond` exactly once: before it returns, or for POST /flush later and on any thread,
  /// also after this object is gone. HEAD gets the whole response of GET; cutting the body off
  /// is the transport's affair.
  void handle(const ControlRequest& request, Respond respond);

 private:
  struct Route;
  struct Query;
  static const Route kRoutes[];

  void status(const Query& query, const Respond& respond);
  void metrics(const Query& query, const Respond& respond);
  void healthz(const Query& query, const Respond& respond);
  void readyz(const Query& query, const Respond& respond);
  void flush(const Query& query, const Respond& respond);
  void reload(const Query& query, const Respond& respond);

  AgentControl& agent_;
  const Clock& clock_;
  int64_t pid_;
  int flushes_max_;
  std::shared_ptr<std::atomic<int>> flushes_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace lastseen
