// What stood between the values of the text before, for texts that are built alike.
#pragma once

#include <array>
#include <cassert>
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
/// A `Joint` says what its text means, and has the `size` of it, in bytes. No joint holds a zero.
template <typename Joint>
class Shape {
 public:
  static constexpr size_t kTextMax = 32;  ///< Bytes of a joint: two SSE registers.

  /// The joint that stood at one place of the text before.
  class alignas(64) Place {  // a line of the cache
   public:
    /// It, where it stands at `p` too and has this context: all that the meaning of its text may
    /// depend on, as a number. Null: it has to be read.
    const Joint* recall(uint64_t context, const char* p, const char* end) const {
      if (context != context_) return nullptr;
      return starts_with_padded(p, end, text_.data(), behind_) ? &joint_ : nullptr;
    }
    /// The same where kTextMax bytes can be read at `p`, with zeros behind the end.
    const Joint* recall(uint64_t context, const char* p) const {
      if (context != context_) return nullptr;
      return starts_with_padded(p, text_.data(), behind_) ? &joint_ : nullptr;
    }

   private:
    friend class Shape;
    static constexpr uint64_t kNoContext = UINT64_MAX;  ///< Nothing is remembered.
    std::array<char, kTextMax> text_{};
    uint64_t context_ = kNoContext;
    uint32_t behind_ = 0;  ///< One bit for each byte behind the text.
    Joint joint_;
  };

  Place* first() { return places_.data(); }
  /// The place behind one that a joint was read at. Behind one where it was recalled it is the
  /// next.
  Place* behind(Place* place) { return place == &places_.back() ? place : place + 1; }
  /// Keeps the joint that stands at `p`.
  void remember(Place* place, uint64_t context, const char* p, const Joint& joint) {
    if (place == &places_.back() || joint.size > kTextMax) return;
    assert(std::memchr(p, 0, joint.size) == nullptr);
    std::memcpy(place->text_.data(), p, joint.size);
    place->context_ = context;
    place->behind_ = mask_behind_first(joint.size);
    place->joint_ = joint;
  }

 private:
  static constexpr size_t kJointsMax = 64;    ///< Twice the members of the longest usual format.
  std::array<Place, kJointsMax + 1> places_;  ///< The last one stays empty: what is too much.
};

}  // namespace lastseen
