// The ingest thread's side of a feed.
#pragma once

#include <memory>
#include <string>

#include "source/feed.h"
#include "source/feed_queue.h"
#include "source/source.h"

namespace lastseen {

/// Gives out what the feed's thread has put into the queue. It has no positions: what was received
/// is in nobody else's hands.
class FeedSource final : public Source {
 public:
  /// `label`: how status calls it, the socket's path. A busy feed is looked at every `hot_ms`.
  FeedSource(std::shared_ptr<FeedQueue> queue, std::shared_ptr<Feed> feed, std::string label,
             int64_t hot_ms)
      : queue_(std::move(queue)),
        feed_(std::move(feed)),
        label_(std::move(label)),
        hot_ms_(hot_ms) {}
  ~FeedSource() override { queue_->interrupt(); }

  void restore(const StoredInput&, Now) override {}
  void begin() override {}
  int64_t step(Now now) override;
  std::optional<Chunk> read(ReadBuffer& buffer, Now now) override;
  void consume(const Chunk& chunk, size_t bytes, bool discarding) override;
  /// The flush interval changed, and with it how often a busy feed is looked at.
  void set_hot_ms(int64_t hot_ms) { hot_ms_ = hot_ms; }
  Feed& feed() { return *feed_; }
  void look_now() override;
  bool looked() const override { return queue_->is_all_in(); }
  void end() override { feed_->end(); }
  bool ended() const override { return block_.ends.empty() && queue_->ended_and_empty(); }
  void collect(std::vector<Position>&) override {}
  LedgerCounts take_losses() override { return queue_->take_losses(); }
  void describe(std::vector<FileSnapshot>& out) const override;
  bool drained() const override { return ended(); }

 private:
  std::shared_ptr<FeedQueue> queue_;
  std::shared_ptr<Feed> feed_;
  std::string label_;
  int64_t hot_ms_;
  FeedBlock block_;
  size_t taken_ = 0;  // bytes of block_ that were counted
  bool busy_ = false;
};

}  // namespace lastseen
