// How a file is known again: after a rename, after a restart, on another device number.
//
// Four factors are kept with each position (base/batch.h, Position):
//   1  device and inode
//   2  birth time, or the inode's generation; asked through the descriptor; may be absent
//   3  head: a hash of the first bytes; grows with the file up to kHeadBytesMax
//   4  tail: a hash of the last kTailBytesMax bytes before the position
//
// Which file a stored position belongs to (compare_inode, then the contents where they decide):
//
//   inode    device   birth/generation     head     tail     decision
//   same     same     differ               any      any      another file: the inode was reused
//   same     same     same or unknown      same     same     resume at the position
//   same     same     same or unknown      (size < position) restart at 0: truncated
//   same     same     same or unknown      differs  any      restart at 0: rewritten
//   same     same     same or unknown      same     differs  restart at 0: rewritten
//   same     differs  differ               any      any      another file
//   same     differs  same or unknown      same *   same     resume: only the device changed
//   same     differs  same or unknown      else              another file
//   differs  any      any                  any      any      another file
//
//   *  of at least kHeadBytesProof bytes; the device alone never decides, it changes at a remount.
//
// The name decides nothing: it says where to look first. A file that is no stored position's is
// new and is read from its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/batch.h"
#include "base/file_system.h"

namespace lastseen {

/// Enough to tell logs apart by their first lines; one small pread.
inline constexpr size_t kHeadBytesMax = 1024;
/// Most of a log line with its time; two rewritten files agree on it only if they are copies.
inline constexpr size_t kTailBytesMax = 64;

/// FNV-1a, 64 bits: h = 14695981039346656037; for each byte h = (h ^ byte) * 1099511628211.
/// Stored, so it must never change. It notices accidents, not attackers: whoever can choose the
/// bytes of a log can write to it anyway.
inline constexpr uint64_t kHashSeed = 14695981039346656037u;
uint64_t fnv1a(std::string_view bytes, uint64_t seed = kHashSeed);

/// Factor 3 as it is known so far.
struct Head {
  uint32_t bytes = 0;
  uint64_t hash = kHashSeed;

  /// Whether a file that begins with `first` (up to kHeadBytesMax of it) can be this one.
  bool agrees_with(std::string_view first) const;
  /// Takes all of `first`.
  static Head of(std::string_view first) { return Head().with(first); }
  /// Takes all of `next`, which comes behind it.
  Head with(std::string_view next) const;
};

/// Factor 4: the bytes themselves while we read, only their hash after a restart.
class Tail {
 public:
  Tail() = default;
  /// What a position remembers; bytes() is empty until set().
  Tail(uint32_t length, uint64_t hash) : length_(length), hash_(hash), bytes_known_(length == 0) {}

  size_t length() const { return length_; }
  uint64_t hash() const { return bytes_known_ ? fnv1a({bytes_, length_}) : hash_; }
  bool agrees_with(std::string_view bytes) const;
  /// The bytes before the position, at most kTailBytesMax of them.
  void set(std::string_view bytes);
  /// The position moved behind `consumed`. Needs the bytes, not only their hash.
  void append(std::string_view consumed);

 private:
  uint32_t length_ = 0;
  char bytes_[kTailBytesMax] = {};
  uint64_t hash_ = kHashSeed;  // right only while !bytes_known_
  bool bytes_known_ = true;
};

/// Whether a copy of the file can be told by its contents. Where nothing is counted a few first
/// bytes prove nothing: the lines of a log begin alike.
inline bool tells_copies(const Position& position) {
  return position.head_bytes >= (position.position == 0 ? kHeadBytesProof : 1);
}

enum class InodeMatch {
  kOther,        ///< Not the file.
  kReused,       ///< Its number was given to another file: not the file, and the file is gone.
  kSame,         ///< The file; what is in it decides between resume and restart.
  kOtherDevice,  ///< The file only if its contents prove it.
};
/// Factors 1 and 2.
InodeMatch compare_inode(const Position& stored, const FileStat& stat);

/// A file that was written before it was born is a restored one: only its writing dates it.
inline bool birth_dates(const FileStat& stat) {
  return stat.birth_ns != 0 && stat.modified_ns >= stat.birth_ns;
}

/// Whether a compressed file is as old as what gzip would have made it of. Some tools drop what is
/// below a microsecond or a second.
inline bool is_packed_time(const FileStat& packed, const FileStat& plain) {
  for (const int64_t grain_ns : {1, 1'000, 1'000'000'000})
    if (packed.modified_ns == plain.modified_ns / grain_ns * grain_ns) return true;
  return false;
}

/// Whether gzip may be at `plain`, or has packed and kept it, by the times of both. What is older
/// was packed before the plain one got its name.
inline bool may_be_packed_of(const FileStat& packed, const FileStat& plain) {
  return packed.modified_ns > plain.modified_ns || is_packed_time(packed, plain);
}

/// Enough to say that two are one file only while a descriptor holds one of them.
inline bool same_inode(const FileStat& a, const FileStat& b) {
  return a.inode == b.inode && a.device == b.device;
}

}  // namespace lastseen
