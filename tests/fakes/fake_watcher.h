// A Watcher whose events are fired by the test.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "source/watcher.h"

namespace lastseen {

class FakeWatcher final : public Watcher {
 public:
  Status refuse;  ///< Not ok: what watch() answers.
  int watch_calls = 0;

  bool watching(const std::string& directory) const { return watches_.count(directory) > 0; }
  size_t watches() const { return watches_.size(); }
  /// As the kernel would from inside wait(); nothing when nobody watches.
  void fire(const std::string& directory, const std::string& name) {
    auto found = watches_.find(directory);
    if (found == watches_.end()) return;
    std::map<Listener*, int> listeners = found->second;
    for (const auto& [listener, count] : listeners) listener->directory_changed(directory, name);
  }

  void drop_events() {
    for (const auto& [directory, listeners] : watches_)
      for (const auto& [listener, count] : listeners) listener->events_dropped();
  }

  Status watch(const std::string& directory, Listener* listener) override {
    ++watch_calls;
    if (!refuse) return refuse;
    ++watches_[directory][listener];
    return Status::ok();
  }
  void unwatch(const std::string& directory, Listener* listener) override {
    auto found = watches_.find(directory);
    if (found == watches_.end()) return;
    if (--found->second[listener] <= 0) found->second.erase(listener);
    if (found->second.empty()) watches_.erase(found);
  }
  void wait(int64_t) override {}
  void wake() override {}

 private:
  std::map<std::string, std::map<Listener*, int>> watches_;
};

}  // namespace lastseen
