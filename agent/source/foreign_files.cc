#include "source/foreign_files.h"

#include <algorithm>

namespace lastseen {

ForeignFiles::ForeignFiles(std::shared_ptr<const std::vector<ForeignPosition>> positions)
    : positions_(std::move(positions)) {
  if (!positions_) return;
  for (size_t i = 0; i < positions_->size(); ++i) {
    const Position& position = (*positions_)[i].position;
    // At position 0 nothing was read.
    if (position.position == 0 || position.head_bytes < kHeadBytesProof ||
        position.head_bytes > kHeadBytesMax)
      continue;
    by_head_[position.head_bytes].emplace(position.head_hash, i);
  }
}

Result<std::string> ForeignFiles::reader_of(FollowedFile& file) const {
  Result<std::string> first = file.first_bytes();
  if (!first) return first.status();
  std::vector<size_t> alike;
  uint64_t hash = kHashSeed;
  size_t hashed = 0;
  for (const auto& [length, by_hash] : by_head_) {
    if (length > first->size()) break;
    hash = fnv1a(std::string_view(*first).substr(hashed, length - hashed), hash);
    hashed = length;
    const auto [begin, end] = by_hash.equal_range(hash);
    for (auto i = begin; i != end; ++i) alike.push_back(i->second);
  }
  std::sort(alike.begin(), alike.end());
  for (const size_t i : alike) {
    const Position& position = (*positions_)[i].position;
    const InodeMatch inode = compare_inode(position, file.stat());
    const bool same = inode == InodeMatch::kSame || inode == InodeMatch::kOtherDevice;
    if (!same && position.position <= kHeadBytesMax) continue;
    const Result<bool> proven = file.proves(position);
    if (!proven) return proven.status();
    if (*proven) return (*positions_)[i].agent_id;
  }
  return std::string();
}

}  // namespace lastseen
