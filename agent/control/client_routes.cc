// Routes that show client ids: /clients/ID and /tap.
#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/time_text.h"
#include "control/query_text.h"
#include "control/routes.h"

namespace lastseen {

namespace {

constexpr std::string_view kNdjsonContentType = "application/x-ndjson";

// Clients and times that nobody knows are null.
void write_time(JsonWriter& json, std::string_view key, const std::optional<int64_t>& ms) {
  json.key(key);
  if (!ms) return json.null();
  json.value(std::string_view(format_utc_ms(*ms)));
}

std::string client_json(const std::string& client_id, const ClientView& view) {
  JsonWriter json;
  json.begin_object();
  json.member("client_id", std::string_view(client_id));
  json.member("pending", view.pending);
  write_time(json, "pending_last_seen", view.pending_last_seen_ms);
  write_time(json, "committed_last_seen", view.committed_last_seen_ms);
  json.end_object();
  return std::string(json.text()) + "\n";
}

// Ends when the configuration is reloaded without `control.tap`.
class TapStream final : public BodyStream {
 public:
  TapStream(AgentControl& agent, std::shared_ptr<TapQueue> queue)
      : agent_(agent), queue_(std::move(queue)) {}

  std::optional<std::string> take() override {
    if (!agent_.config()->control.tap) return std::nullopt;
    return queue_->take();
  }

 private:
  AgentControl& agent_;
  std::shared_ptr<TapQueue> queue_;
};

// input=NAME, client=ID, skipped or skipped=REASON. Otherwise what is wrong.
Result<TapFilter> read_filter(std::string_view text) {
  TapFilter filter;
  for (const auto& [key, value] : query_items(text)) {
    if (!value) return Status::reject("'" + key + "' holds a '%' that begins no %XX, or a NUL");
    if (key == "input") {
      filter.input = *value;
    } else if (key == "client") {
      filter.client_id = *value;
    } else if (key == "skipped") {
      filter.skipped = true;
      if (value->empty()) continue;
      const auto name = std::find(kSkipReasonNames.begin(), kSkipReasonNames.end(), *value);
      if (name == kSkipReasonNames.end())
        return Status::reject("there is no reason '" + *value + "' to skip a line");
      filter.reason = static_cast<SkipReason>(name - kSkipReasonNames.begin());
    } else {
      return Status::reject("/tap takes only input=NAME, client=ID and skipped=REASON");
    }
  }
  if (filter.skipped && !filter.client_id.empty())
    return Status::reject("a skipped line names no client: ask for one of the two");
  return filter;
}

bool is_input(const Config& config, const std::string& name) {
  return std::any_of(config.inputs.begin(), config.inputs.end(),
                     [&](const InputSettings& input) { return input.name == name; });
}

}  // namespace

// Root and the agent's own user can read the logs as well, so they may ask for an id anyway.
void Routes::client(const Query& query, const Respond& respond) {
  if (!query.may_see_ids)
    return respond(error_response(
        403, "control.tap is false, so only root and the agent's own user may ask about a client"));
  const std::optional<std::string> id = percent_decoded(query.rest);
  if (!id || id->empty())
    return respond(error_response(400, "the id must be percent-encoded, as in /clients/a%2Fb"));
  ask(
      {*id},
      [id = *id, respond](const ClientView& view) {
        if (!view.is_known())
          return respond(error_response(
              404,
              "this agent does not know that client (now); the table may: see lastseen "
              "clients"));
        respond({200, kJsonContentType, client_json(id, view)});
      },
      respond);
}

void Routes::forget_client(const Query& query, const Respond& respond) {
  constexpr std::string_view kEnd = "/forget", kUntil = "until_ms=";
  std::string_view rest = query.rest;
  if (!rest.ends_with(kEnd)) return respond(error_response(405, "this path takes only GET"));
  rest.remove_suffix(kEnd.size());
  std::optional<std::string> id = percent_decoded(rest);
  if (!id || id->empty())
    return respond(error_response(400, "the id must be percent-encoded, as in /clients/a%2Fb"));
  int64_t until_ms = clock_.now().wall_ms;
  if (!query.text.empty()) {
    const std::string_view text = query.text.substr(std::min(kUntil.size(), query.text.size()));
    const auto read = std::from_chars(text.data(), text.data() + text.size(), until_ms);
    if (!query.text.starts_with(kUntil) || read.ec != std::errc() ||
        read.ptr != text.data() + text.size())
      return respond(error_response(400, "only until_ms=MILLISECONDS may follow"));
  }
  ask(
      {std::move(*id), until_ms},
      [respond](const ClientView&) {
        respond({200, kJsonContentType, "{\"forgotten\":true}\n"});
      },
      respond);
}

void Routes::ask(ClientQuestion question, std::function<void(const ClientView&)> answered,
                 const Respond& respond) {
  if (questions_->fetch_add(1) >= waiting_max_) {
    questions_->fetch_sub(1);
    return respond(error_response(
        503, std::to_string(waiting_max_) + " questions about clients wait already"));
  }
  agent_.ask_client(std::move(question), [answered = std::move(answered), respond,
                                          questions = questions_](const Result<ClientView>& view) {
    questions->fetch_sub(1);
    if (!view) return respond(error_response(503, view.status().message()));
    answered(*view);
  });
}

void Routes::tap(const Query& query, const Respond& respond) {
  const auto config = agent_.config();
  if (!config->control.tap)
    return respond(error_response(
        403, "it shows client ids, so it is off: set control.tap to true, and reload"));
  Result<TapFilter> filter = read_filter(query.text);
  if (!filter) return respond(error_response(400, filter.status().message()));
  if (!filter->input.empty() && !is_input(*config, filter->input))
    return respond(error_response(404, "there is no input '" + filter->input + "'"));
  std::shared_ptr<TapQueue> queue = agent_.tap(std::move(*filter));
  if (!queue) return respond(error_response(503, std::to_string(kTapsMax) + " look on already"));
  respond({.content_type = kNdjsonContentType,
           .body = {},
           .stream = std::make_shared<TapStream>(agent_, std::move(queue))});
}

}  // namespace lastseen
