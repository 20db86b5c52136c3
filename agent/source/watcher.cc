#include "source/watcher.h"

#include <uv.h>

#include <map>
#include <vector>

#include "base/check.h"

namespace lastseen {

namespace {

// One loop, one inotify descriptor. uv_fs_event_t registers with the loop's epoll inside the next
// uv_run(), which wait() calls before it blocks, so a watch is live as soon as we wait.
class UvWatcher final : public Watcher {
 public:
  UvWatcher() {
    CHECK(uv_loop_init(&loop_) == 0);
    CHECK(uv_async_init(&loop_, &wake_, [](uv_async_t*) {}) == 0);
    CHECK(uv_timer_init(&loop_, &timer_) == 0);
  }

  ~UvWatcher() override {
    for (auto& [directory, entry] : entries_) close(std::move(entry));
    uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
  }
  UvWatcher(const UvWatcher&) = delete;
  UvWatcher& operator=(const UvWatcher&) = delete;

  Status watch(const std::string& directory, Listener* listener) override {
    auto found = entries_.find(directory);
    if (found == entries_.end()) {
      auto entry = std::make_unique<Entry>();
      entry->directory = directory;
      entry->handle.data = entry.get();
      CHECK(uv_fs_event_init(&loop_, &entry->handle) == 0);
      int error = uv_fs_event_start(&entry->handle, on_event, directory.c_str(), 0);
      if (error != 0) {
        close(std::move(entry));
        return refused(directory, error);
      }
      found = entries_.emplace(directory, std::move(entry)).first;
    }
    ++found->second->listeners[listener];
    return Status::ok();
  }

  void unwatch(const std::string& directory, Listener* listener) override {
    auto found = entries_.find(directory);
    if (found == entries_.end()) return;
    std::map<Listener*, int>& listeners = found->second->listeners;
    auto count = listeners.find(listener);
    if (count == listeners.end()) return;
    if (--count->second == 0) listeners.erase(count);
    if (!listeners.empty()) return;
    close(std::move(found->second));
    entries_.erase(found);
  }

  void wait(int64_t timeout_ms) override {
    if (timeout_ms == 0) {
      uv_run(&loop_, UV_RUN_NOWAIT);
      return;
    }
    if (timeout_ms > 0) {
      uv_update_time(&loop_);
      uv_timer_start(
          &timer_, [](uv_timer_t*) {}, static_cast<uint64_t>(timeout_ms), 0);
    }
    uv_run(&loop_, UV_RUN_ONCE);
    uv_timer_stop(&timer_);
  }

  void wake() override { uv_async_send(&wake_); }

 private:
  struct Entry {
    uv_fs_event_t handle{};
    std::string directory;
    std::map<Listener*, int> listeners;  // with how often each one watches
  };

  static void on_event(uv_fs_event_t* handle, const char* name, int, int) {
    // Copies: a listener may unwatch from inside the call.
    const Entry& entry = *static_cast<Entry*>(handle->data);
    std::string directory = entry.directory;
    std::string changed = name ? name : "";
    std::vector<Listener*> listeners;
    for (const auto& [listener, count] : entry.listeners) listeners.push_back(listener);
    for (Listener* listener : listeners) listener->directory_changed(directory, changed);
  }

  // The loop owns a handle until its close callback, which the next uv_run() calls.
  static void close(std::unique_ptr<Entry> entry) {
    uv_close(reinterpret_cast<uv_handle_t*>(&entry.release()->handle),
             [](uv_handle_t* handle) { delete static_cast<Entry*>(handle->data); });
  }

  static Status refused(const std::string& directory, int error) {
    std::string message = "cannot watch " + directory + ": " + uv_strerror(error);
    if (error == UV_ENOENT || error == UV_ENOTDIR) return Status::not_found(std::move(message));
    if (error == UV_ENOSPC) message += " (raise fs.inotify.max_user_watches)";
    if (error == UV_EMFILE) message += " (raise fs.inotify.max_user_instances)";
    return Status::retry(std::move(message));
  }

  uv_loop_t loop_{};
  uv_async_t wake_{};
  uv_timer_t timer_{};
  std::map<std::string, std::unique_ptr<Entry>> entries_;
};

}  // namespace

std::unique_ptr<Watcher> make_uv_watcher() {
  return std::make_unique<UvWatcher>();
}

}  // namespace lastseen
