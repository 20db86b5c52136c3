#include "base/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace lastseen {

namespace {

constexpr std::string_view kSuffix = ".gz";
constexpr int kGzipWindowBits = 15 + 16;      // 16 selects gzip headers (zlib.h, inflateInit2)
constexpr unsigned char kMemberMagic = 0x1f;  // the first byte of each member (RFC 1952, 2.3.1)

constexpr size_t kPackedBytes = 64 * 1024;  // read at a time
// Unpacked at a time. Small enough to skip through a large file in a bounded window.
constexpr size_t kUnpackedBytes = 64 * 1024;
// The first bytes are asked for again and again, to compare files.
constexpr size_t kHeadBytes = 4096;
// Kept before the last read: whoever follows the file compares what is before its position.
constexpr size_t kBehindBytes = 4096;

class GzipFile final : public File {
 public:
  GzipFile(std::unique_ptr<File> packed, std::string path)
      : packed_(std::move(packed)), path_(std::move(path)) {}
  ~GzipFile() override { end(); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
    const uint64_t to = position > UINT64_MAX - length ? UINT64_MAX : position + length;
    if (to < head_.size()) return head_.copy(buffer, length, position);
    if (position < window_begin()) end();  // unpacks again from the beginning
    keep_ = position;
    wanted_ = to;
    Status status = unpack_to();
    if (position >= unpacked_) {
      if (!status) return status;
      return size_t{0};
    }
    return window_.copy(buffer, length, position - window_begin());
  }

  Result<FileStat> stat() override {
    Result<FileStat> stat = packed_->stat();
    if (!stat) return stat;
    // What is at fault in the contents is for pread() to tell.
    static_cast<void>(unpack_to().is_ok());
    stat->size = static_cast<int64_t>(unpacked_);
    return stat;
  }

  bool complete() const override { return complete_; }
  bool has_more() const override { return !complete_; }

 private:
  uint64_t window_begin() const { return unpacked_ - window_.size(); }

  // Until there is a byte more than is wanted, or nothing more comes.
  Status unpack_to() {
    while (unpacked_ <= wanted_) {
      const size_t before = window_.size();
      bool more = false;
      if (Status status = unpack(more); !status) return status;
      const std::string_view fresh = std::string_view(window_).substr(before);
      if (head_.size() < kHeadBytes && unpacked_ - fresh.size() == head_.size())
        head_.append(fresh.substr(0, kHeadBytes - head_.size()));
      trim();
      if (!more) break;
    }
    trim();
    return Status::ok();
  }

  // Drops what is far before the last read, but never all of what was unpacked last.
  void trim() {
    const uint64_t from = keep_ - std::min<uint64_t>(keep_, kBehindBytes);
    if (from <= window_begin() || window_.size() <= kBehindBytes) return;
    window_.erase(0, std::min<uint64_t>(from - window_begin(), window_.size() - kBehindBytes));
  }

  // One step; `more`: another may give something.
  Status unpack(bool& more) {
    if (!broken_.is_ok()) return broken_;
    if (!began_ && inflateInit2(&stream_, kGzipWindowBits) != Z_OK)
      return Status::retry("cannot read " + path_ + ": no memory to unpack it");
    began_ = true;
    bool at_packed_end = false;
    if (stream_.avail_in == 0) {
      if (Status status = refill(at_packed_end); !status) return status;
    }
    if (member_ended_) {
      if (at_packed_end || garbage_ || *stream_.next_in != kMemberMagic) {
        garbage_ |= !at_packed_end;  // padding behind the last member, as gzip itself takes it
        complete_ = true;
        return Status::ok();
      }
      CHECK(inflateReset(&stream_) == Z_OK);
      member_ended_ = complete_ = false;
    }
    if (at_packed_end) return Status::ok();  // gzip is still at it, or it was cut off
    return inflate_some(more);
  }

  Status inflate_some(bool& more) {
    const size_t before = window_.size();
    window_.resize(before + kUnpackedBytes);
    stream_.next_out = reinterpret_cast<Bytef*>(window_.data() + before);
    stream_.avail_out = kUnpackedBytes;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    const size_t got = kUnpackedBytes - stream_.avail_out;
    window_.resize(before + got);
    unpacked_ += got;
    if (result == Z_STREAM_END) {
      member_ended_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      broken_ = Status::reject("cannot read " + path_ + ": not good gzip: " +
                               (stream_.msg != nullptr ? stream_.msg : "unknown error"));
    }
    more = true;
    return Status::ok();
  }

  Status refill(bool& at_end) {
    if (!input_) input_ = std::make_unique_for_overwrite<char[]>(kPackedBytes);
    Result<size_t> got = packed_->pread(input_.get(), kPackedBytes, packed_position_);
    if (!got) return got.status();
    packed_position_ += *got;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.get());
    stream_.avail_in = static_cast<uInt>(*got);
    at_end = *got == 0;
    return Status::ok();
  }

  void end() {
    if (began_) inflateEnd(&stream_);
    stream_ = z_stream();
    began_ = member_ended_ = garbage_ = complete_ = false;
    packed_position_ = unpacked_ = 0;
    window_.clear();
    head_.clear();
    broken_ = Status::ok();
  }

  std::unique_ptr<File> packed_;
  std::string path_;
  z_stream stream_{};
  std::unique_ptr<char[]> input_;
  uint64_t packed_position_ = 0;  // behind what is in input_
  uint64_t unpacked_ = 0;         // bytes
  uint64_t keep_ = 0;             // where the last read began
  uint64_t wanted_ = 0;           // and where it ended
  std::string window_;            // the last unpacked bytes
  std::string head_;              // the first ones
  bool began_ = false;
  bool member_ended_ = false;
  bool garbage_ = false;   // what follows the members is none
  bool complete_ = false;  // unpacked to the end of the last member
  Status broken_;
};

}  // namespace

bool is_gzip_name(std::string_view path) {
  return path.ends_with(kSuffix);
}

std::string without_gzip_suffix(std::string_view path) {
  if (is_gzip_name(path)) path.remove_suffix(kSuffix.size());
  return std::string(path);
}

std::unique_ptr<File> make_gzip_file(std::unique_ptr<File> packed, std::string path) {
  return std::make_unique<GzipFile>(std::move(packed), std::move(path));
}

Result<std::unique_ptr<File>> open_possibly_gzip(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<File>> file = files.open(path);
  if (!file || !is_gzip_name(path)) return file;
  return make_gzip_file(std::move(*file), path);
}

}  // namespace lastseen
