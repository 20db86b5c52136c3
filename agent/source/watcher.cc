#include "source/watcher.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <system_error>
#include <vector>

#include "base/check.h"

namespace lastseen {

namespace {

constexpr uint32_t kMask = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                           IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// Room for some hundred events; one with the longest name takes 272 bytes.
constexpr size_t kEventBytes = 64 * 1024;

// File systems on which others than this kernel write, so that it has no events to give
// (statfs(2); magic numbers from linux/magic.h and the file systems' own sources).
constexpr std::array<uint32_t, 9> kRemoteFileSystems = {
    0x6969,      // nfs
    0xff534d42,  // cifs
    0xfe534d42,  // smb2
    0x517b,      // smb
    0x01021997,  // 9p
    0x00c36400,  // ceph
    0x786f4256,  // vboxsf
    0x6a656a63,  // virtiofs
    0x5346414f,  // afs
};

bool is_remote(const std::string& directory) {
  struct statfs what {};
  if (statfs(directory.c_str(), &what) != 0) return false;
  const auto type = static_cast<uint32_t>(what.f_type);
  return std::find(kRemoteFileSystems.begin(), kRemoteFileSystems.end(), type) !=
         kRemoteFileSystems.end();
}

Status refused(const std::string& directory, int error) {
  std::string message = "cannot watch " + directory + ": " + std::generic_category().message(error);
  if (error == ENOENT || error == ENOTDIR) return Status::not_found(std::move(message));
  if (error == ENOSPC) message += " (raise fs.inotify.max_user_watches)";
  if (error == EMFILE) message += " (raise fs.inotify.max_user_instances)";
  return Status::retry(std::move(message));
}

// One loop, one inotify descriptor. Not libuv's own watches: they hide that events were dropped.
class UvWatcher final : public Watcher {
 public:
  UvWatcher() {
    CHECK(uv_loop_init(&loop_) == 0);
    CHECK(uv_async_init(&loop_, &wake_, [](uv_async_t*) {}) == 0);
    uv_run(&loop_, UV_RUN_NOWAIT);  // it tells epoll of new descriptors only when it runs
  }

  ~UvWatcher() override {
    uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
    if (inotify_ >= 0) uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
    if (inotify_ >= 0) ::close(inotify_);
  }
  UvWatcher(const UvWatcher&) = delete;
  UvWatcher& operator=(const UvWatcher&) = delete;

  Status watch(const std::string& directory, Listener* listener) override {
    auto found = entries_.find(directory);
    if (found == entries_.end()) {
      if (is_remote(directory))
        return Status::retry("cannot watch " + directory +
                             ": a file system that others write to gives no events");
      if (int error = open_inotify(); error != 0) return refused(directory, error);
      const int descriptor = inotify_add_watch(inotify_, directory.c_str(), kMask);
      if (descriptor < 0) return refused(directory, errno);
      found = entries_.emplace(directory, Entry{descriptor, {}}).first;
    }
    ++found->second.listeners[listener];
    return Status::ok();
  }

  void unwatch(const std::string& directory, Listener* listener) override {
    auto found = entries_.find(directory);
    if (found == entries_.end()) return;
    std::map<Listener*, int>& listeners = found->second.listeners;
    auto count = listeners.find(listener);
    if (count == listeners.end()) return;
    if (--count->second == 0) listeners.erase(count);
    if (!listeners.empty()) return;
    const int descriptor = found->second.descriptor;
    entries_.erase(found);
    // Two names of one directory share a watch.
    const bool shared = std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return entry.second.descriptor == descriptor;
    });
    if (!shared) inotify_rm_watch(inotify_, descriptor);  // fails if the directory is gone
  }

  // The loop never waits itself. UV_RUN_ONCE with a timer looks at the timer before it waits and
  // not after: a thread that was not on a CPU until the timer was due waited for ever.
  void wait(int64_t timeout_ms) override {
    pollfd ready{uv_backend_fd(&loop_), POLLIN, 0};
    const int64_t longest = std::numeric_limits<int>::max();
    ::poll(&ready, 1, static_cast<int>(std::min(timeout_ms, longest)));
    uv_run(&loop_, UV_RUN_NOWAIT);
  }

  void wake() override { uv_async_send(&wake_); }

 private:
  struct Entry {
    int descriptor;
    std::map<Listener*, int> listeners;  // with how often each one watches
  };

  // 0, or why there is none; the next watch() tries again.
  int open_inotify() {
    if (inotify_ >= 0) return 0;
    const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) return errno;
    inotify_ = descriptor;
    CHECK(uv_poll_init(&loop_, &poll_, inotify_) == 0);
    poll_.data = this;
    CHECK(uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
            static_cast<UvWatcher*>(poll->data)->read_events();
          }) == 0);
    uv_run(&loop_, UV_RUN_NOWAIT);
    return 0;
  }

  void read_events() {
    ssize_t length;
    while ((length = ::read(inotify_, buffer_, sizeof buffer_)) > 0) {
      for (const char* at = buffer_; at < buffer_ + length;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        at += sizeof(inotify_event) + event->len;
        if (event->mask & IN_Q_OVERFLOW) {
          tell_dropped();
        } else if (!(event->mask & IN_IGNORED)) {
          tell(event->wd, event->len > 0 ? event->name : "");
        }
      }
    }
  }

  // Copies: a listener may unwatch from inside the call.
  void tell(int descriptor, const std::string& name) {
    std::vector<std::pair<std::string, Listener*>> told;
    for (const auto& [directory, entry] : entries_) {
      if (entry.descriptor != descriptor) continue;
      for (const auto& [listener, count] : entry.listeners) told.emplace_back(directory, listener);
    }
    for (const auto& [directory, listener] : told) listener->directory_changed(directory, name);
  }

  void tell_dropped() {
    std::vector<Listener*> told;
    for (const auto& [directory, entry] : entries_)
      for (const auto& [listener, count] : entry.listeners) told.push_back(listener);
    std::sort(told.begin(), told.end());
    told.erase(std::unique(told.begin(), told.end()), told.end());
    for (Listener* listener : told) listener->events_dropped();
  }

  uv_loop_t loop_{};
  uv_async_t wake_{};
  uv_poll_t poll_{};
  int inotify_ = -1;
  alignas(inotify_event) char buffer_[kEventBytes] = {};
  std::map<std::string, Entry> entries_;
};

}  // namespace

std::unique_ptr<Watcher> make_uv_watcher() {
  return std::make_unique<UvWatcher>();
}

}  // namespace lastseen
