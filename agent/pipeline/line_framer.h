// Cuts bytes into lines. Holds nothing: what is not a whole line yet stays with the source.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace lastseen {

/// One '\r' before the '\n' that is off already belongs to the ending too.
inline std::string_view without_carriage_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

inline std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return without_carriage_return(line);
}

/// Any split of a stream into chunks gives the same lines, as long as each chunk begins where the
/// one before was consumed to. A line ends with '\n'; one '\r' before it belongs to the ending.
class LineFramer {
 public:
  /// `line_bytes_max`: a longer line (without its '\n') is not given out but announced once.
  explicit LineFramer(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  struct Progress {
    size_t consumed = 0;      ///< Bytes counted; the rest begins the next chunk again.
    bool discarding = false;  ///< The place behind them stands inside an over-long line.
    bool refused = false;     ///< on_line did not take a line; it is the first of the rest.
  };

  /// `discarding`: the bytes begin inside an over-long line that was announced before.
  /// `at_end`: nothing follows, so an unfinished last line is a line.
  /// on_line(std::string_view) → bool: false refuses the line, which ends the run before it.
  /// on_too_long(): one over-long line has begun.
  template <typename OnLine, typename OnTooLong>
  Progress frame(std::string_view bytes, bool discarding, bool at_end, OnLine&& on_line,
                 OnTooLong&& on_too_long) const {
    size_t start = 0;
    while (start < bytes.size()) {
      const void* found = std::memchr(bytes.data() + start, '\n', bytes.size() - start);
      if (found == nullptr) break;
      const size_t end = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
      if (discarding) {
        discarding = false;
      } else if (end - start > line_bytes_max_) {
        on_too_long();
      } else if (!on_line(without_carriage_return(bytes.substr(start, end - start)))) {
        return {start, false, true};
      }
      start = end + 1;
    }
    return frame_rest(bytes, start, discarding, at_end, on_line, on_too_long);
  }

 private:
  // What stands behind the last newline.
  template <typename OnLine, typename OnTooLong>
  Progress frame_rest(std::string_view bytes, size_t start, bool discarding, bool at_end,
                      OnLine& on_line, OnTooLong& on_too_long) const {
    const size_t rest = bytes.size() - start;
    if (discarding) return {bytes.size(), !at_end};
    if (rest > line_bytes_max_) {
      on_too_long();
      return {bytes.size(), !at_end};
    }
    if (!at_end || rest == 0) return {start, false};
    if (!on_line(without_carriage_return(bytes.substr(start)))) return {start, false, true};
    return {bytes.size(), false};
  }

  size_t line_bytes_max_;
};

}  // namespace lastseen
