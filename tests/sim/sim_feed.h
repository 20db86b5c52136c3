// A feed into whose queue the world puts the records.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "source/feed.h"
#include "source/feed_queue.h"

namespace lastseen::sim {

/// Ends its queue as soon as it is told to.
class SimFeed final : public Feed {
 public:
  explicit SimFeed(std::shared_ptr<FeedQueue> queue) : queue_(std::move(queue)) {}
  Status open() override { return Status::ok(); }
  void run() override {}
  void end() override {
    ended_ = true;
    queue_->end();
  }
  void abandon() override { end(); }
  void poke() override {}
  Status change(const InputSettings&) override { return Status::ok(); }
  bool will_free(const std::string&) override { return false; }

  bool ended() const { return ended_; }
  void put(std::string_view record) { queue_->put({&record, 1}); }

 private:
  std::shared_ptr<FeedQueue> queue_;
  bool ended_ = false;
};

}  // namespace lastseen::sim
