#include "source/file_identity.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace lastseen {

namespace {

constexpr uint64_t kHashPrime = 1099511628211u;

// Both known and not alike. 0 means unknown.
template <typename T>
bool differ(T a, T b) {
  return a != 0 && b != 0 && a != b;
}

}  // namespace

uint64_t fnv1a(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed;
  for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * kHashPrime;
  return hash;
}

bool Head::agrees_with(std::string_view first) const {
  return first.size() >= bytes && fnv1a(first.substr(0, bytes)) == hash;
}

Head Head::with(std::string_view next) const {
  return {bytes + static_cast<uint32_t>(next.size()), fnv1a(next, hash)};
}

bool Tail::agrees_with(std::string_view bytes) const {
  return bytes.size() == length_ && fnv1a(bytes) == hash();
}

void Tail::set(std::string_view bytes) {
  CHECK(bytes.size() <= kTailBytesMax);
  length_ = static_cast<uint32_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_);
  bytes_known_ = true;
}

void Tail::append(std::string_view consumed) {
  if (consumed.size() >= kTailBytesMax) {
    set(consumed.substr(consumed.size() - kTailBytesMax));
    return;
  }
  CHECK(bytes_known_);
  size_t kept = std::min<size_t>(length_, kTailBytesMax - consumed.size());
  std::memmove(bytes_, bytes_ + length_ - kept, kept);
  std::copy(consumed.begin(), consumed.end(), bytes_ + kept);
  length_ = static_cast<uint32_t>(kept + consumed.size());
}

InodeMatch compare_inode(const Position& stored, const FileStat& stat) {
  if (stored.inode != stat.inode) return InodeMatch::kOther;
  bool born_apart =
      differ(stored.birth_ns, stat.birth_ns) || differ(stored.generation, stat.generation);
  if (stored.device == stat.device) return born_apart ? InodeMatch::kReused : InodeMatch::kSame;
  return born_apart ? InodeMatch::kOther : InodeMatch::kOtherDevice;
}

}  // namespace lastseen
