#include "source/directory_watches.h"

namespace lastseen {

DirectoryWatches::DirectoryWatches(std::string input, FileSystem& files, Watcher& watcher, Log& log,
                                   Watcher::Listener& listener)
    : input_(std::move(input)), files_(files), watcher_(watcher), log_(log), listener_(listener) {}

DirectoryWatches::~DirectoryWatches() {
  for (const auto& [directory, watched] : watched_) watcher_.unwatch(directory, &listener_);
}

bool DirectoryWatches::update(const std::set<std::string>& wanted,
                              const std::set<std::string>& hot) {
  std::erase_if(watched_, [&](const auto& entry) {
    bool stays = wanted.count(entry.first) > 0 && hot.count(entry.first) == 0;
    if (!stays) watcher_.unwatch(entry.first, &listener_);
    return !stays;
  });
  std::erase_if(refused_, [&](const auto& entry) { return wanted.count(entry.first) == 0; });
  bool any_new = false;
  for (const std::string& directory : wanted) {
    if (hot.count(directory) > 0 || watched_.count(directory) > 0) continue;
    Result<FileStat> stat = files_.stat(directory);
    if (!stat) continue;  // the poll sees it come
    Status status = watcher_.watch(directory, &listener_);
    if (status) {
      watched_[directory] = {stat->device, stat->inode};
      refused_.erase(directory);
      any_new = true;
    } else if (refused_[directory] != status.message()) {
      refused_[directory] = status.message();
      log_.warn(status.message() + "; its files are polled instead", {{"input", input_}});
    }
  }
  return any_new;
}

void DirectoryWatches::note_overflow() {
  if (overflow_said_) return;
  overflow_said_ = true;
  log_.warn(
      "the kernel dropped events; everything was looked at instead, nothing is lost (raise "
      "fs.inotify.max_queued_events if it matters)",
      {{"input", input_}});
}

void DirectoryWatches::drop_replaced() {
  std::erase_if(watched_, [&](const auto& entry) {
    Result<FileStat> stat = files_.stat(entry.first);
    bool same = stat && stat->device == entry.second.device && stat->inode == entry.second.inode;
    if (!same) watcher_.unwatch(entry.first, &listener_);
    return !same;
  });
}

}  // namespace lastseen
