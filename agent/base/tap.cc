#include "base/tap.h"

#include <utility>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/time_text.h"

namespace lastseen {

namespace {

std::string line_json(const TappedLine& line) {
  JsonWriter json;
  json.begin_object();
  json.member("input", line.input);
  if (line.skip) {
    json.member("skipped", name_of(*line.skip));
    const std::string text = escape_for_log(line.text.substr(0, kTapTextBytesMax));
    json.member("line", std::string_view(text));
    if (line.text.size() > kTapTextBytesMax)
      json.member("cut_to_bytes", uint64_t{kTapTextBytesMax});
  } else {
    json.member("client_id", line.client_id);  // valid UTF-8, or it were skipped
    const std::string time = format_utc_ms(line.seen_at_ms);
    json.member("ts", std::string_view(time));
  }
  json.end_object();
  return std::string(json.text()) + "\n";
}

}  // namespace

bool TapQueue::wants(const TappedLine& line) const {
  if (line.skip.has_value() != filter_.skipped) return false;
  if (filter_.reason && line.skip != filter_.reason) return false;
  if (!filter_.input.empty() && line.input != filter_.input) return false;
  return filter_.client_id.empty() || (!line.skip && line.client_id == filter_.client_id);
}

void TapQueue::offer(const TappedLine& line) {
  if (!wants(line)) return;
  const std::lock_guard lock(mutex_);
  // What is left out once is told before anything that comes after it.
  if (not_shown_ > 0 || lines_ >= kTapLinesMax || waiting_.size() >= kTapBytesMax) {
    ++not_shown_;
    return;
  }
  waiting_ += line_json(line);
  ++lines_;
}

std::string TapQueue::take() {
  const std::lock_guard lock(mutex_);
  std::string taken = std::exchange(waiting_, {});
  if (not_shown_ > 0) taken += "{\"not_shown\":" + std::to_string(not_shown_) + "}\n";
  lines_ = not_shown_ = 0;
  return taken;
}

std::shared_ptr<TapQueue> Taps::open(TapFilter filter) {
  const std::lock_guard lock(mutex_);
  drop_ended();
  if (queues_.size() >= kTapsMax) return nullptr;
  queues_.push_back(std::make_shared<TapQueue>(std::move(filter)));
  open_ = queues_.size();
  return queues_.back();
}

void Taps::offer(const TappedLine& line) {
  const std::lock_guard lock(mutex_);
  drop_ended();
  for (const auto& queue : queues_) queue->offer(line);
}

void Taps::drop_ended() {
  std::erase_if(queues_, [](const auto& queue) { return queue.use_count() == 1; });
  open_ = queues_.size();
}

}  // namespace lastseen
