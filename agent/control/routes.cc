#include "control/routes.h"

#include "base/json_writer.h"
#include "config/config_json.h"
#include "control/health.h"
#include "control/metrics.h"
#include "control/printable.h"
#include "control/status_json.h"
#include "control/status_text.h"

namespace lastseen {

struct Routes::Route {
  std::string_view method;
  std::string_view path;  // with `…/` at its end: whatever follows
  bool over_tcp;
  void (Routes::*handle)(const Query&, const Respond&);
  std::string_view rest{};  // how that is called

  bool matches(std::string_view target) const {
    return rest.empty() ? target == path : target.size() > path.size() && target.starts_with(path);
  }
};

const Routes::Route Routes::kRoutes[] = {
    {"GET", "/status", false, &Routes::status},
    {"GET", "/metrics", true, &Routes::metrics},
    {"GET", "/healthz", true, &Routes::healthz},
    {"GET", "/readyz", true, &Routes::readyz},
    {"GET", "/config", false, &Routes::config},
    {"GET", "/clients/", false, &Routes::client, "ID"},
    {"GET", "/tap", false, &Routes::tap},
    {"POST", "/flush", false, &Routes::flush},
    {"POST", "/reload", false, &Routes::reload},
    {"POST", "/clients/", false, &Routes::forget_client, "ID/forget"},
};

namespace {

// "http://host/path" → "/path": a server must accept the absolute form (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  const size_t slash = target.find('/', kScheme.size());
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

void append_to_list(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

ControlResponse error_response(int status, std::string_view message) {
  JsonWriter json;
  json.begin_object();
  json.member("error", std::string_view(printable(message)));
  json.end_object();
  return {status, kJsonContentType, std::string(json.text()) + "\n"};
}

void Routes::handle(const ControlRequest& request, const Respond& respond) {
  const std::string_view target = origin_form(request.target);
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  Query query{mark == std::string_view::npos ? "" : target.substr(mark + 1)};
  const std::string_view method = request.method == "HEAD" ? "GET" : request.method;

  std::string known, allow;
  for (const Route& route : kRoutes) {
    if (request.over_tcp && !route.over_tcp) continue;
    append_to_list(
        known, std::string(route.method) + " " + std::string(route.path) + std::string(route.rest));
    if (!route.matches(path)) continue;
    append_to_list(allow, route.method == "GET" ? "GET, HEAD" : route.method);
    if (route.method != method) continue;
    if (method != "GET" && !request.may_change) {
      return respond(error_response(
          403, "only root and the user that the agent runs as may " + std::string(method)));
    }
    query.rest = path.substr(route.path.size());
    query.may_see_ids = request.may_change || agent_.config()->control.tap;
    return (this->*route.handle)(query, respond);
  }
  if (allow.empty()) return respond(error_response(404, "no such path; there is " + known));
  ControlResponse response = error_response(405, "this path takes only " + allow);
  response.allow = allow;
  respond(std::move(response));
}

void Routes::status(const Query& query, const Respond& respond) {
  const auto snapshot = agent_.snapshot();
  if (query.text == "format=text")
    return respond({200, kTextContentType, status_text(*snapshot, clock_.now(), pid_)});
  if (!query.text.empty() && query.text != "format=json")
    return respond(error_response(400, "/status takes only format=json or format=text"));
  respond({200, kJsonContentType, status_json(*snapshot, clock_.now(), pid_)});
}

void Routes::metrics(const Query&, const Respond& respond) {
  respond({200, kMetricsContentType, metrics_text(*agent_.snapshot(), clock_.now())});
}

void Routes::healthz(const Query&, const Respond& respond) {
  respond({200, kTextContentType, "ok\n"});
}

void Routes::readyz(const Query&, const Respond& respond) {
  const std::string reason = not_ready_reason(*agent_.snapshot(), clock_.now());
  if (reason.empty()) return respond({200, kTextContentType, "ready\n"});
  respond({503, kTextContentType, reason + "\n"});
}

void Routes::config(const Query&, const Respond& respond) {
  respond({200, kJsonContentType, config_json(*agent_.config()) + "\n"});
}

// 422: the file is wrong, or something that it names cannot be had.
void Routes::reload(const Query& query, const Respond& respond) {
  const bool text = query.text == "format=text";
  agent_.reload([respond, text](const Result<std::string>& result) {
    const int code = result ? 200 : result.status().code() == StatusCode::kReject ? 422 : 503;
    if (text)
      return respond(
          {code, kTextContentType, printable(result ? *result : result.status().message()) + "\n"});
    if (!result) return respond(error_response(code, result.status().message()));
    JsonWriter json;
    json.begin_object();
    json.member("reloaded", true);
    json.member("changes", std::string_view(printable(*result)));
    json.end_object();
    respond({200, kJsonContentType, std::string(json.text()) + "\n"});
  });
}

void Routes::flush(const Query&, const Respond& respond) {
  if (flushes_->fetch_add(1) >= waiting_max_) {
    flushes_->fetch_sub(1);
    return respond(error_response(
        503, std::to_string(waiting_max_) + " flushes wait already: see /status for the store"));
  }
  agent_.flush([respond, flushes = flushes_](const Status& result) {
    flushes->fetch_sub(1);
    if (result.is_ok()) return respond({200, kJsonContentType, "{\"flushed\":true}\n"});
    respond(error_response(503, result.message()));
  });
}

}  // namespace lastseen
