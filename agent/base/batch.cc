#include "base/batch.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace lastseen {

// Large enough that ids of a busy second share a few chunks, small enough for a quiet agent.
static constexpr size_t kArenaChunkBytes = 64 * 1024;

std::string_view IdArena::add(std::string_view id) {
  if (id.empty()) return {};
  if (capacity_ - used_ < id.size()) {
    capacity_ = std::max(kArenaChunkBytes, id.size());
    used_ = 0;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(capacity_));
    bytes_reserved_ += capacity_;
  }
  char* place = chunks_.back().get() + used_;
  std::memcpy(place, id.data(), id.size());
  used_ += id.size();
  return {place, id.size()};
}

void IdArena::adopt(IdArena&& other) {
  // Other's chunks go to the front: the last chunk stays the one with room left.
  bytes_reserved_ += other.bytes_reserved_;
  if (chunks_.empty()) {
    used_ = other.used_;
    capacity_ = other.capacity_;
    chunks_ = std::move(other.chunks_);
  } else {
    chunks_.insert(chunks_.begin(), std::make_move_iterator(other.chunks_.begin()),
                   std::make_move_iterator(other.chunks_.end()));
  }
  other = IdArena();
}

void IdArena::clear() {
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);
  used_ = 0;
  bytes_reserved_ = capacity_;
}

}  // namespace lastseen
