#include "base/read_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lastseen {

char* ReadBuffer::Block::with(size_t wanted) {
  if (capacity < wanted) {
    bytes = std::make_unique_for_overwrite<char[]>(wanted);
    capacity = wanted;
  }
  return bytes.get();
}

Result<std::string_view> ReadBuffer::read(File& file, const Place& from, size_t length) {
  const bool is_next = from.device == place_.device && from.inode == place_.inode &&
                       from.version == place_.version && from.position > place_.position &&
                       from.position <= place_.position + last_.size();
  std::string_view bytes = is_next ? join(from, length) : std::string_view();
  if (bytes.empty()) {
    char* const memory = block_.with(length);
    last_ = {};
    Result<size_t> size = file.pread(memory, length, from.position);
    if (!size) return size.status();
    bytes = {memory, *size};
  }
  file_ = &file;
  place_ = from;
  last_ = bytes;
  goes_on_ = reads_ahead_ && is_next && bytes.size() == length;
  asked_ahead_ = false;
  ahead_size_ = 0;
  return bytes;
}

// The rest of the last bytes and those that were read ahead; empty where they are not enough.
std::string_view ReadBuffer::join(const Place& from, size_t length) {
  const std::string_view rest = last_.substr(from.position - place_.position);
  const size_t size = rest.size() + ahead_size_;
  if (ahead_size_ == 0 || rest.size() > kRestBytesMax) return {};
  if (size < length && !ahead_short_) return {};
  char* const begin = next_.bytes.get() + kRestBytesMax - rest.size();
  std::memcpy(begin, rest.data(), rest.size());
  std::swap(block_, next_);
  return {begin, std::min(size, length)};
}

void ReadBuffer::read_ahead() {
  char* const memory = next_.with(kRestBytesMax + read_bytes_) + kRestBytesMax;
  asked_ahead_ = true;
  // What goes wrong here goes wrong again when it is read.
  const Result<size_t> size = file_->pread(memory, read_bytes_, place_.position + last_.size());
  ahead_size_ = size ? *size : 0;
  ahead_short_ = ahead_size_ < read_bytes_;
}

}  // namespace lastseen
