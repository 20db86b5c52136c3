// Where a pipeline's files are read into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/file_system.h"

namespace lastseen {

/// Memory that is used again for each read, so that it does not grow with inputs.
class ReadBuffer {
 public:
  /// How much a file is asked for at a time, unless one line needs more.
  size_t read_bytes = 0;
  /// A file that has more than this much is not read here: it is left to several threads, so much
  /// at a time. 0: no file is.
  size_t stretch_bytes = 0;

  explicit ReadBuffer(size_t bytes = 0) : read_bytes(bytes) {}
  size_t capacity() const { return capacity_; }  ///< Bytes, as much as was needed.

  /// Up to `length` bytes from there; fewer only at the end of the file. Valid until the next
  /// read(), whatever file that is of.
  Result<std::string_view> read(File& file, uint64_t position, size_t length) {
    if (capacity_ < length) {
      memory_ = std::make_unique_for_overwrite<char[]>(length);
      capacity_ = length;
    }
    const Result<size_t> size = file.pread(memory_.get(), length, position);
    if (!size) return size.status();
    return std::string_view(memory_.get(), *size);
  }

 private:
  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0;
};

}  // namespace lastseen
