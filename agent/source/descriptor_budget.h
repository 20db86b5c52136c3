// How many descriptors log files may take, over all inputs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace lastseen {

/// A process has only so many descriptors, and the store and the control socket need some: log
/// files leave a reserve alone. Files beyond that wait until idle ones are closed for them. One
/// budget is shared by the sources of an agent; ingest thread only.
class DescriptorBudget {
 public:
  /// What one source has of it.
  struct Share {
    size_t open = 0;
    size_t wanted = 0;  ///< Files that found no room in its last look.
  };

  explicit DescriptorBudget(size_t files_max) : files_max_(files_max) {}

  std::shared_ptr<Share> join() {
    shares_.push_back(std::make_shared<Share>());
    return shares_.back();
  }
  /// The source is no more.
  void leave(const Share& mine) {
    std::erase_if(shares_, [&](const auto& share) { return share.get() == &mine; });
  }
  /// Each source gets two at least: a rotated file and its successor.
  size_t files_max() const { return std::max(files_max_, 2 * shares_.size()); }
  size_t free() const {
    size_t open = 0;
    for (const auto& share : shares_) open += share->open;
    return open < files_max() ? files_max() - open : 0;
  }
  /// More is open than may stay so.
  bool overdrawn() const {
    size_t open = 0;
    for (const auto& share : shares_) open += share->open;
    return open > files_max();
  }
  /// How many files a source may open now: while others wait, no more than its part.
  size_t room_of(const Share& mine) const {
    if (wanted_by_others(mine) == 0) return free();
    return mine.open < part() ? std::min(free(), part() - mine.open) : 0;
  }
  /// How many of its files a source should close now, if it can.
  size_t surplus_of(const Share& mine) const {
    const size_t room = room_of(mine);
    size_t surplus = mine.wanted > room ? mine.wanted - room : 0;
    if (mine.open > part()) surplus = std::max(surplus, mine.wanted + wanted_by_others(mine));
    return surplus;
  }
  /// True the first time: what is to be said of it is said once.
  bool say() { return !std::exchange(said_, true); }

 private:
  size_t part() const { return files_max() / shares_.size(); }
  size_t wanted_by_others(const Share& mine) const {
    size_t wanted = 0;
    for (const auto& share : shares_)
      if (share.get() != &mine) wanted += share->wanted;
    return wanted;
  }

  size_t files_max_;
  std::vector<std::shared_ptr<Share>> shares_;
  bool said_ = false;
};

/// A file that is counted while it is open.
class CountedFile final : public File {
 public:
  CountedFile(std::unique_ptr<File> file, std::shared_ptr<DescriptorBudget::Share> share)
      : file_(std::move(file)), share_(std::move(share)) {
    ++share_->open;
  }
  ~CountedFile() override { --share_->open; }
  CountedFile(const CountedFile&) = delete;
  CountedFile& operator=(const CountedFile&) = delete;

  Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
    return file_->pread(buffer, length, position);
  }
  Result<FileStat> stat() override { return file_->stat(); }
  bool complete() const override { return file_->complete(); }
  bool has_more() const override { return file_->has_more(); }
  bool concurrent() const override { return file_->concurrent(); }

 private:
  std::unique_ptr<File> file_;
  std::shared_ptr<DescriptorBudget::Share> share_;
};

}  // namespace lastseen
