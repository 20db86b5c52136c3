// What stood between the values of the line before, for formats whose fields have names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "parsers/field_names.h"
#include "parsers/scan.h"

namespace lastseen {

/// The joints of the line before, in their order: the texts between one value and the next, such as
/// `,"status":`. The lines of a log are alike, so comparing a few bytes nearly always replaces
/// reading punctuation byte by byte, finding a name's end and looking the name up: half of the time
/// that a line takes. It cannot change an answer, since a joint must be the same to the last byte,
/// in the same context.
class LineShape {
 public:
  struct Joint {
    size_t size = 0;          ///< Bytes of its text.
    FieldNames::Known known;  ///< Of the name in it.
    uint8_t closed = 0;       ///< Objects that end in it.
    bool quoted = false;      ///< It ends with the quote that opens the value.
  };

  /// The joint at `p`, where it is the one that had this index and this context: all that the
  /// meaning of its text may depend on, as a number. Null: it has to be read.
  const Joint* recall(size_t index, size_t context, const char* p, const char* end) const {
    if (index >= kJointsMax) return nullptr;
    const Entry& entry = entries_[index];
    if (entry.context != context) return nullptr;
    const bool same = starts_with_padded(p, end, entry.text.data(), entry.joint.size);
    return same ? &entry.joint : nullptr;
  }
  /// Keeps the joint at `p`.
  void remember(size_t index, size_t context, const char* p, const Joint& joint) {
    if (index >= kJointsMax || joint.size > kTextMax) return;
    Entry& entry = entries_[index];
    std::memcpy(entry.text.data(), p, joint.size);
    entry.context = context;
    entry.joint = joint;
  }

 private:
  static constexpr size_t kJointsMax = 64;  ///< Twice the members of the longest usual format.
  static constexpr size_t kTextMax = 32;    ///< Bytes: two SSE registers.
  static constexpr size_t kNoContext = SIZE_MAX;  ///< Nothing is remembered.
  struct Entry {
    alignas(16) std::array<char, kTextMax> text{};
    size_t context = kNoContext;
    Joint joint;
  };
  std::array<Entry, kJointsMax> entries_;
};

}  // namespace lastseen
