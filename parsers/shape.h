// What stood between the values of the text before, for texts that are built alike.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "parsers/scan.h"

namespace lastseen {

/// The joints of the text before, in their order: the texts between one value and the next, such as
/// `,"status":`. The lines of a log are alike, and so are the bodies in them: comparing a few bytes
/// nearly always replaces reading punctuation byte by byte, finding a name's end and looking the
/// name up: half of the time that a line takes. It cannot change an answer, since a joint must be
/// the same to the last byte, in the same context.
///
/// A `Joint` says what its text means, and has the `size` of it, in bytes.
template <typename Joint>
class Shape {
 public:
  /// The joint at `p`, where it is the one that had this index and this context: all that the
  /// meaning of its text may depend on, as a number. Null: it has to be read.
  const Joint* recall(size_t index, uint64_t context, const char* p, const char* end) const {
    if (index >= kJointsMax) return nullptr;
    const Entry& entry = entries_[index];
    if (entry.context != context) return nullptr;
    return starts_with_padded(p, end, entry.text.data(), entry.mask) ? &entry.joint : nullptr;
  }
  /// Keeps the joint at `p`.
  void remember(size_t index, uint64_t context, const char* p, const Joint& joint) {
    if (index >= kJointsMax || joint.size > kTextMax) return;
    Entry& entry = entries_[index];
    std::memcpy(entry.text.data(), p, joint.size);
    entry.context = context;
    entry.mask = mask_of_first(joint.size);
    entry.joint = joint;
  }

 private:
  static constexpr size_t kJointsMax = 64;  ///< Twice the members of the longest usual format.
  static constexpr size_t kTextMax = 32;    ///< Bytes: two SSE registers.
  static constexpr uint64_t kNoContext = UINT64_MAX;  ///< Nothing is remembered.
  struct alignas(64) Entry {                          // a line of the cache
    std::array<char, kTextMax> text{};
    uint64_t context = kNoContext;
    uint32_t mask = 0;  ///< One bit a byte of the text.
    Joint joint;
  };
  std::array<Entry, kJointsMax> entries_;
};

}  // namespace lastseen
