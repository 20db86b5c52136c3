// Walking through a line without asking at each step how much of it is left.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace lastseen {

/// A line with zeros behind it, of which kBytes can be read at once from any place on. The walk
/// begins in the line itself and goes on in a copy of its end: so one comparison a step is enough,
/// and once a line something is done about the end. Without that, a third of what a line of
/// HAProxy cost was the byte by byte reading of its last few values.
///
/// A zero is no part of anything that is looked for: it ends every token, and no joint holds one.
class LineWindow {
 public:
  static constexpr size_t kBytes = 80;

  /// Gives the walker at the line's begin. The line must stay where it is.
  const char* open(const char* begin, const char* end) {
    const auto size = static_cast<size_t>(end - begin);
    line_base_ = walk_base_ = begin;
    if (size >= kBytes) {
      turn_ = end - kBytes;
      std::memcpy(copy_.data(), turn_, kBytes);
    } else {
      turn_ = begin;
      std::memset(copy_.data(), 0, kBytes);
      if (size != 0) std::memcpy(copy_.data(), begin, size);
    }
    return ahead(begin);
  }

  /// The walker, less than kBytes behind a place that had them, at a place that has them too.
  const char* ahead(const char* walker) {
    if (walker < turn_) [[likely]]
      return walker;
    return turn(walker);
  }
  /// The walker at a place of the line, which is not before one that it was at.
  const char* at(const char* place) { return ahead(walk_base_ + (place - line_base_)); }
  /// The place of the line that the walker is at.
  const char* place(const char* walker) const { return line_base_ + (walker - walk_base_); }

 private:
  /// From the line into the copy; from there it is not left.
  const char* turn(const char* walker) {
    line_base_ = place(turn_);
    walker = copy_.data() + (walker - turn_);
    walk_base_ = copy_.data();
    turn_ = copy_.data() + copy_.size();
    return walker;
  }

  const char* turn_ = nullptr;       // the walk goes on in the copy when it is here
  const char* line_base_ = nullptr;  // a place of the line, and …
  const char* walk_base_ = nullptr;  // … where that is walked through
  std::array<char, 2 * kBytes> copy_{};
};

}  // namespace lastseen
