// An open-addressing index from client ids to places in a dense array that somebody else owns.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/equal_text.h"
#include "base/hash.h"
#include "base/prefetch.h"

namespace lastseen {

/// Finds the index of an id. Linear probing over 8-byte slots that hold 32 bits of the hash, so
/// that a miss touches one cache line and no id. Measured against node-based maps on 10,000 hot
/// ids it is three to four times as fast, and it allocates only when it grows.
class ClientTable {
 public:
  explicit ClientTable(uint64_t seed) : seed_(seed) {}

  static constexpr uint32_t kAbsent = UINT32_MAX;

  uint64_t seed() const { return seed_; }
  uint64_t hash(std::string_view id) const { return hash_bytes(id, seed_); }

  /// The index stored for the id, or kAbsent. `id_at(index)` gives the id at an index.
  template <typename IdAt>
  uint32_t find(std::string_view id, uint64_t hash, IdAt&& id_at) const {
    if (slots_.empty()) return kAbsent;
    const uint64_t tag = hash >> 32;
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const uint64_t slot = slots_[at];
      if (slot == 0) return kAbsent;
      const uint32_t index = static_cast<uint32_t>(slot) - 1;
      if (slot >> 32 == tag && equal_text(id_at(index), id)) return index;
    }
  }

  /// The index of the first id that find() will compare with; kAbsent: it is not known. A guess, to
  /// have it in the cache by then.
  uint32_t guess(uint64_t hash) const {
    if (slots_.empty()) return kAbsent;
    const uint64_t slot = slots_[hash & mask_];
    return slot >> 32 == hash >> 32 ? static_cast<uint32_t>(slot) - 1 : kAbsent;
  }
  void prefetch_slot(uint64_t hash) const {
    if (!slots_.empty()) prefetch(&slots_[hash & mask_]);
  }

  /// Adds an id that find() did not find, before its place `index` is filled: `id_at` is asked
  /// for the others only, when the table grows.
  template <typename IdAt>
  void insert(uint64_t hash, uint32_t index, IdAt&& id_at) {
    if ((size_ + 1) * 2 > slots_.size()) grow(id_at);
    place(hash, index);
    ++size_;
  }

  /// Forgets everything. Keeps its memory, unless that is far more than was used lately.
  void clear() {
    if (slots_.size() > kSlotsMin && size_ * kShrinkFactor < slots_.size()) {
      slots_.assign(slots_.size() / 2, 0);
      slots_.shrink_to_fit();
      mask_ = slots_.size() - 1;
    } else {
      std::fill(slots_.begin(), slots_.end(), 0);
    }
    size_ = 0;
  }

  size_t size() const { return size_; }

 private:
  static constexpr size_t kSlotsMin = 1024;    // 8 KiB: two pages for a quiet agent
  static constexpr size_t kShrinkFactor = 16;  // at 2 slots a client, 1/8 of the room was used

  template <typename IdAt>
  void grow(IdAt& id_at) {
    const std::vector<uint64_t> old = std::move(slots_);
    slots_.assign(old.empty() ? kSlotsMin : old.size() * 2, 0);
    mask_ = slots_.size() - 1;
    for (const uint64_t slot : old) {
      if (slot == 0) continue;
      const uint32_t index = static_cast<uint32_t>(slot) - 1;
      place(hash(id_at(index)), index);
    }
  }

  void place(uint64_t hash, uint32_t index) {
    size_t at = hash & mask_;
    while (slots_[at] != 0) at = (at + 1) & mask_;
    slots_[at] = (hash >> 32) << 32 | (index + 1);
  }

  std::vector<uint64_t> slots_;  // hash's upper half, index + 1; 0: free
  size_t mask_ = 0;
  size_t size_ = 0;
  uint64_t seed_;
};

}  // namespace lastseen
