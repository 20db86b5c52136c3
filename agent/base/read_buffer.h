// Where a pipeline's files are read into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/file_system.h"

namespace lastseen {

/// The one buffer that all files of a pipeline share, so memory does not grow with inputs. With
/// several threads it has a second half: one of them reads on in a file while the others parse
/// what was read before, since copying a log's bytes is a fourth of the work.
class ReadBuffer {
 public:
  /// `read_bytes`: how much a file is asked for at a time, unless one line needs more.
  explicit ReadBuffer(size_t read_bytes, bool reads_ahead = false)
      : read_bytes_(read_bytes), reads_ahead_(reads_ahead) {}
  size_t read_bytes() const { return read_bytes_; }
  size_t capacity() const {
    return block_.capacity + next_.capacity;
  }  ///< Bytes, as much as was needed.

  /// Which bytes of which file.
  struct Place {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t version = 0;  ///< Another whenever what was read of it may have been written anew.
    uint64_t position = 0;
  };
  /// Up to `length` bytes from there; fewer only at the end of the file. Valid until the next
  /// read(), whatever file that is of.
  Result<std::string_view> read(File& file, const Place& from, size_t length);

  /// Whether these are the bytes of the last read(), and its file is likely to be asked for more.
  bool may_read_ahead(std::string_view bytes) const {
    return goes_on_ && !asked_ahead_ && bytes.data() == last_.data() && !bytes.empty();
  }
  /// Reads what follows the last read(), on any thread, while its bytes are in use and its file is
  /// not. What comes of it the next read() finds.
  void read_ahead();

 private:
  /// What of a chunk was not used, an unfinished line mostly, is copied before what follows it.
  static constexpr size_t kRestBytesMax = 64 * 1024;

  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t capacity = 0;

    char* with(size_t wanted);
  };

  std::string_view join(const Place& from, size_t length);

  const size_t read_bytes_;
  const bool reads_ahead_;
  Block block_;
  Block next_;  // what was read ahead begins in it at kRestBytesMax

  File* file_ = nullptr;  // of the last read(), until the next one; it may have been closed since
  Place place_;
  std::string_view last_;
  bool goes_on_ =
      false;  // the last read() went on where the one before it ended, and was not short
  bool asked_ahead_ = false;  // since the last read()
  bool ahead_short_ = false;  // the end of the file was reached
  size_t ahead_size_ = 0;
};

}  // namespace lastseen
