#include "source/feed_source.h"

#include <algorithm>

namespace lastseen {

// A busy feed is looked at on a timer: being woken for each datagram would take the processor from
// the thread that has to receive the next one.
int64_t FeedSource::step(Now now) {
  if (std::exchange(busy_, false)) return now.mono_ms + hot_ms_;
  queue_->arm();
  return kNever;
}

std::optional<Chunk> FeedSource::read(ReadBuffer&, Now) {
  if (block_.ends.empty()) {
    taken_ = 0;
    if (!queue_->take(block_)) return std::nullopt;
  }
  busy_ = true;
  Chunk chunk;
  chunk.bytes = std::string_view(block_.bytes).substr(taken_);
  chunk.ends = block_.ends;
  return chunk;
}

void FeedSource::consume(const Chunk& chunk, size_t bytes, bool) {
  // Records may be empty: all that end where counting ended are done when the chunk is.
  size_t done = 0;
  while (done < chunk.ends.size() && chunk.ends[done] <= bytes) ++done;
  taken_ += bytes;
  block_.ends.erase(block_.ends.begin(), block_.ends.begin() + static_cast<ptrdiff_t>(done));
  for (uint32_t& end : block_.ends) end -= static_cast<uint32_t>(bytes);
}

void FeedSource::look_now() {
  queue_->ask_all();
  feed_->poke();
}

void FeedSource::describe(std::vector<FileSnapshot>& out) const {
  const FeedNumbers numbers = queue_->numbers();
  FileSnapshot& file = out.emplace_back();
  file.path = label_;
  file.position = file.size = numbers.bytes;
  file.refused = numbers.refused;
  if (!numbers.trouble.empty()) {
    file.state = "unreadable: " + numbers.trouble;
  } else if (numbers.ended) {
    file.state = "ended";
  } else if (!numbers.listening) {
    file.state = "opening";
  } else {
    file.state = "receiving";
    if (numbers.connections > 0)
      file.state += ", connections " + std::to_string(numbers.connections);
    if (numbers.refused > 0) file.state += ", refused " + std::to_string(numbers.refused);
  }
}

}  // namespace lastseen
