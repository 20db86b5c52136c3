#include "source/followed_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace lastseen {

namespace {

// Room for the line, its "\r\n", and one byte that shows it is longer.
constexpr size_t kLineEndBytes = 3;
// How much is read at a time while looking backwards for a newline.
constexpr size_t kScanBytes = 64 * 1024;
// What may be written between two looks at a hot file: 20 ms at 50 MB/s. Lines often end alike (in
// the name of a browser), so up to here the tail alone does not tell that all was written anew.
constexpr uint64_t kRewrittenBytesMax = 1 << 20;

static_assert(Stretch::kLastBytes >= kTailBytesMax);

constexpr std::string_view kTruncated = "truncated";
constexpr std::string_view kCut = "cut behind the position";
constexpr std::string_view kTailDiffers = "bytes before the position differ";
constexpr std::string_view kHeadDiffers = "first bytes differ";

}  // namespace

FollowedFile::FollowedFile(std::unique_ptr<File> file, const FileStat& stat, size_t line_bytes_max)
    : file_(std::move(file)),
      stat_(stat),
      read_bytes_max_(std::max(kReadBytes, line_bytes_max + kLineEndBytes)),
      line_bytes_max_(line_bytes_max),
      size_seen_(static_cast<uint64_t>(stat.size)) {
  held_.size = size_seen_;
}

void FollowedFile::hold() {
  if (std::exchange(placed_, false)) held_ = {"", size_seen_, false};
}

Status FollowedFile::failed(const Status& status) {
  trouble_ = status.message();
  return status;
}

Result<std::string_view> FollowedFile::pread(char* buffer, size_t length, uint64_t position) {
  Result<size_t> n = file_->pread(buffer, length, position);
  if (!n) return failed(n.status());
  return std::string_view(buffer, *n);
}

Status FollowedFile::load_tail() {
  char buffer[kTailBytesMax];
  size_t length = std::min<uint64_t>(position_, kTailBytesMax);
  Result<std::string_view> bytes = std::string_view();  // the first byte can be begun at unread
  if (length > 0) bytes = pread(buffer, length, position_ - length);
  if (!bytes) return bytes.status();
  if (bytes->size() < length) return failed(Status::retry("the file shrinks while it is read"));
  tail_.set(*bytes);
  return Status::ok();
}

Status FollowedFile::start_at(uint64_t position, bool discarding) {
  position_ = origin_ = seen_end_ = position;
  discarding_ = origin_discarding_ = discarding;
  read_bytes_ = kReadBytes;
  placed_ = verified_ = false;
  if (Status status = load_tail(); !status) return status;
  placed_ = true;
  return Status::ok();
}

Status FollowedFile::start_at_last_line(uint64_t size) {
  if (has_more() && size > 0) {
    if (Status status = unpack_to(size); !status) return status;
    Result<FileStat> stat = file_->stat();
    if (!stat) return failed(stat.status());
    stat_ = *stat;
  }
  uint64_t end = std::min(size, static_cast<uint64_t>(stat_.size));
  size_seen_ = static_cast<uint64_t>(stat_.size);  // what was before is nobody's loss
  held_ = {};
  uint64_t low = end > line_bytes_max_ ? end - line_bytes_max_ : 0;
  std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kScanBytes);
  for (uint64_t to = end; to > low;) {
    uint64_t from = to - std::min<uint64_t>(to - low, kScanBytes);
    Result<std::string_view> bytes = pread(buffer.get(), to - from, from);
    if (!bytes) return bytes.status();
    if (bytes->size() < to - from)
      return failed(Status::retry("the file shrinks while it is read"));
    size_t newline = bytes->rfind('\n');
    if (newline != std::string_view::npos) return start_at(from + newline + 1, false);
    to = from;
  }
  return low == 0 ? start_at(0, false) : start_at(end, true);
}

Status FollowedFile::start_at_end() {
  char byte;
  // What has to be unpacked to know its size is unpacked by a read behind the end.
  Result<std::string_view> none = pread(&byte, 1, INT64_MAX - 1);
  Result<FileStat> stat = none ? file_->stat() : Result<FileStat>(none.status());
  if (!stat) return failed(stat.status());
  stat_ = *stat;
  size_seen_ = static_cast<uint64_t>(stat_.size);
  return start_at(size_seen_, false);
}

void FollowedFile::resume(const Position& stored) {
  position_ = origin_ = stored.position;
  discarding_ = origin_discarding_ = stored.discarding;
  head_ = {std::min<uint32_t>(stored.head_bytes, kHeadBytesMax),
           stored.head_bytes == 0 ? kHashSeed : stored.head_hash};
  bool tail_possible = stored.tail_bytes <= std::min<uint64_t>(kTailBytesMax, position_);
  tail_ = tail_possible ? Tail(stored.tail_bytes, stored.tail_hash) : Tail();
  const bool is_held = held_.is_over && head_.agrees_with(held_.first);
  size_seen_ = is_held ? std::max(held_.size, stored.size) : stored.size;
  seen_end_ = position_;
  read_bytes_ = kReadBytes;
  verified_ = false;
  finishing_ = false;
  placed_ = true;
}

Status FollowedFile::rewind() {
  finishing_ = false;
  return start_at(origin_, origin_discarding_);
}

void FollowedFile::reopen(std::unique_ptr<File> file) {
  file_ = std::move(file);
  finishing_ = false;
  verified_ = false;
}

FollowedFile::Look FollowedFile::look(bool thorough) {
  Look look;
  if (placed_ && !verified_ && position_ > 0) {
    look.status = unpack_to(position_);
    if (!look.status) return look;
  }
  Result<FileStat> next = file_->stat();
  if (!next) {
    look.status = failed(next.status());
    return look;
  }
  look.changed = next->size != stat_.size || next->modified_ns != stat_.modified_ns;
  stat_ = *next;
  const uint64_t size = static_cast<uint64_t>(stat_.size);
  const bool size_known = !file_->has_more();  // what is read below may be unpacked only then
  if (!placed_) {
    size_seen_ = std::max(size_seen_, size);
    trouble_.clear();
    look_while_held(look.changed);
    return look;
  }
  if (verified_ && !look.changed && trouble_.empty()) return look;
  const bool nothing_known = position_ == 0 && head_.bytes < kHeadBytesProof;
  const std::optional<Position> held = truncated_while_held();
  Position before = identity();
  Result<std::string_view> differs = verify(thorough || !verified_);
  if (!differs) {
    look.status = differs.status();
    return look;
  }
  held_ = {};
  if (!differs->empty()) {
    look.before = before;
    restart(look, *differs);
  } else if (nothing_known && held) {
    look.before = held;
    look.reason = kTruncated;
    look.lost_bytes = held->size;
    size_seen_ = size;
  } else if (size < size_seen_ && size_known) {
    // The lines that were counted are still there; part of the unfinished line is not.
    look.reason = kCut;
    look.lost_bytes = size_seen_ - std::max(size, position_);
    if (position_ <= kHeadBytesMax) look.before = before;
    size_seen_ = size;
  }
  look.unproven = nothing_known || (!look.before && position_ <= kHeadBytesMax);
  // What we have seen of the unfinished line may have been written anew.
  if (look.changed && size <= seen_end_) seen_end_ = position_;
  verified_ = true;
  trouble_.clear();
  end_ = size;
  size_seen_ = std::max(size_seen_, size);
  return look;
}

std::optional<Position> FollowedFile::truncated_while_held() const {
  if (!held_.is_over) return std::nullopt;
  Position before = identity();
  const Head first = Head::of(held_.first);
  before.head_bytes = first.bytes;
  before.head_hash = first.hash;
  before.position = before.tail_bytes = 0;
  before.discarding = false;
  before.size = held_.size;
  return before;
}

// Before anybody tells where reading begins: what is there now may be in a copy by then.
void FollowedFile::look_while_held(bool changed) {
  const uint64_t size = static_cast<uint64_t>(stat_.size);
  const size_t length = std::min<uint64_t>(size, kHeadBytesMax);
  const bool known = !changed && held_.first.size() == length;
  if (known || held_.is_over || file_->has_more()) return;
  char buffer[kHeadBytesMax];
  Result<size_t> n = file_->pread(buffer, length, 0);
  if (!n) return;  // the next look tells
  const std::string_view first(buffer, *n);
  held_.is_over = size < held_.size || !first.starts_with(held_.first);
  if (!held_.is_over) held_ = {std::string(first), size, false};
}

// Says in what way the file is not what was read; empty when it is.
Result<std::string_view> FollowedFile::verify(bool thorough) {
  if (static_cast<uint64_t>(stat_.size) < position_) return kTruncated;
  char buffer[kTailBytesMax];
  if (tail_.length() > 0) {
    Result<std::string_view> bytes = pread(buffer, tail_.length(), position_ - tail_.length());
    if (!bytes) return bytes.status();
    if (!tail_.agrees_with(*bytes)) return kTailDiffers;
    tail_.set(*bytes);
  } else if (position_ > 0) {
    if (Status status = load_tail(); !status) return status;  // stored without its factor 4
  }
  bool head_differs = false;
  const bool maybe_rewritten = thorough || position_ <= kRewrittenBytesMax;
  if (Status status = extend_head(maybe_rewritten, head_differs); !status) return status;
  return head_differs ? kHeadDiffers : std::string_view();
}

// Reads the first bytes where they are to be compared, or where there are more than we know. The
// head covers counted bytes only, once there are any: an unfinished line may still be cut off.
Status FollowedFile::extend_head(bool thorough, bool& differs) {
  const uint64_t known_good = position_ > 0 ? position_ : static_cast<uint64_t>(stat_.size);
  const size_t length = std::min<uint64_t>(known_good, kHeadBytesMax);
  if (length <= head_.bytes && !thorough) return Status::ok();
  char buffer[kHeadBytesMax];
  Result<std::string_view> first = pread(buffer, std::max<size_t>(length, head_.bytes), 0);
  if (!first) return first.status();
  // It was truncated just now: the next look tells, and needs the head to find a copy.
  if (position_ > 0 && first->size() < head_.bytes)
    return failed(Status::retry("the file shrinks while it is read"));
  // Shorter than the head: only where nothing is counted, so nothing is to be protected.
  differs = first->size() >= head_.bytes && !head_.agrees_with(*first);
  if (!differs) head_ = Head::of(*first);
  return Status::ok();
}

void FollowedFile::restart(Look& look, std::string_view reason) {
  look.restarted = true;
  look.reason = reason;
  look.lost_bytes = unread();
  position_ = origin_ = seen_end_ = 0;
  discarding_ = origin_discarding_ = false;
  read_bytes_ = kReadBytes;
  head_ = Head();
  tail_ = Tail();
  size_seen_ = 0;
  bool differs = false;
  // A failure here costs nothing: the head is empty, and the next look tries again.
  if (!extend_head(true, differs)) trouble_.clear();
}

Result<bool> FollowedFile::proves(const Position& stored, uint32_t head_bytes_min) {
  if (stored.head_bytes < head_bytes_min || stored.head_bytes > kHeadBytesMax) return false;
  if (stored.tail_bytes > std::min<uint64_t>(stored.position, kTailBytesMax)) return false;
  if (stored.position > 0 && stored.tail_bytes == 0) return false;
  char buffer[kHeadBytesMax];
  Result<std::string_view> first = pread(buffer, stored.head_bytes, 0);
  if (!first) return first.status();
  if (!Head{stored.head_bytes, stored.head_hash}.agrees_with(*first)) return false;
  Result<std::string_view> last =
      pread(buffer, stored.tail_bytes, stored.position - stored.tail_bytes);
  if (!last) return last.status();
  return Tail(stored.tail_bytes, stored.tail_hash).agrees_with(*last);
}

Result<std::string> FollowedFile::first_bytes() {
  std::string first(kHeadBytesMax, '\0');
  Result<std::string_view> bytes = pread(first.data(), first.size(), 0);
  if (!bytes) return bytes.status();
  first.resize(bytes->size());
  return first;
}

Result<bool> FollowedFile::begins_as(FollowedFile& other) {
  char mine[kHeadBytesMax];
  char others[kHeadBytesMax];
  auto alike = [&](size_t length, uint64_t position) -> Result<bool> {
    Result<std::string_view> a = pread(mine, length, position);
    if (!a) return a.status();
    Result<std::string_view> b = other.pread(others, length, position);
    if (!b) return b.status();
    return *a == *b;
  };
  if (file_->has_more()) {
    if (Status status = unpack_to(kHeadBytesMax); !status) return status;
    Result<FileStat> unpacked = file_->stat();
    if (!unpacked) return unpacked.status();
    stat_ = *unpacked;
  }
  if (other.file_->has_more() && stat_.size > 0)
    if (Status status = other.unpack_to(static_cast<uint64_t>(stat_.size)); !status) return status;
  Result<FileStat> now = other.file_->stat();
  if (!now) return now.status();
  if (now->size < other.stat_.size) return Status::retry("the file shrinks while it is compared");
  if (now->size < stat_.size) return false;
  const uint64_t length = static_cast<uint64_t>(stat_.size);
  Result<bool> head = alike(std::min<uint64_t>(length, kHeadBytesMax), 0);
  if (!head || !*head) return head;
  const uint64_t tail = std::min<uint64_t>(length, kHeadBytesMax);
  return alike(tail, length - tail);
}

Result<bool> FollowedFile::is_longer_than(uint64_t bytes) {
  char byte;
  Result<std::string_view> more = pread(&byte, 1, bytes);
  if (!more) return more.status();
  return !more->empty();
}

// What is packed knows its size as far as it is unpacked.
Status FollowedFile::unpack_to(uint64_t bytes) {
  return is_longer_than(bytes - 1).status();
}

Result<bool> FollowedFile::is_beginning_of(const Position& stored) {
  if (stored.head_bytes != kHeadBytesMax || stored.position == 0) return false;
  const Result<bool> longer = is_longer_than(stored.position - 1);
  if (!longer || *longer) return longer ? Result<bool>(false) : longer;
  char buffer[kHeadBytesMax];
  Result<std::string_view> first = pread(buffer, kHeadBytesMax, 0);
  if (!first) return first.status();
  return Head{stored.head_bytes, stored.head_hash}.agrees_with(*first);
}

Status FollowedFile::go_on_from(const Position& before) {
  if (before.position > 0)
    if (Status status = unpack_to(before.position); !status) return status;
  Result<FileStat> stat = file_->stat();
  if (!stat) return failed(stat.status());
  stat_ = *stat;
  size_seen_ = static_cast<uint64_t>(stat_.size);
  if (size_seen_ < before.position) return start_at(size_seen_, false);
  Position here = before;
  here.size = size_seen_;
  resume(here);
  return Status::ok();
}

void FollowedFile::set_line_bytes_max(size_t line_bytes_max) {
  line_bytes_max_ = line_bytes_max;
  read_bytes_max_ = std::max(read_bytes_max_, line_bytes_max + kLineEndBytes);
}

bool FollowedFile::readable() const {
  if (!file_ || !placed_ || !verified_ || !trouble_.empty()) return false;
  return end_ > (finishing_ ? position_ : seen_end_);
}

Result<Chunk> FollowedFile::read(ReadBuffer& buffer) {
  Chunk chunk;
  chunk.discarding = discarding_;
  if (is_stretch(buffer.stretch_bytes)) {
    chunk.stretch = {file_.get(), position_, buffer.stretch_bytes};
    return chunk;
  }
  asked_ = std::max(read_bytes_, buffer.read_bytes);
  Result<std::string_view> bytes = buffer.read(*file_, position_, asked_);
  if (!bytes) return failed(bytes.status());
  const bool at_end = bytes->size() < asked_;
  const uint64_t end = position_ + bytes->size();
  // More than the last look saw, or less if the file was truncated since: the next look tells.
  // Behind a full chunk there may be more.
  end_ = at_end ? end : std::max(end_, end + 1);
  size_seen_ = std::max(size_seen_, end);
  chunk.bytes = *bytes;
  chunk.at_end = at_end && (finishing_ || file_->complete());
  return chunk;
}

// The first bytes are read here, since they are the head; and so is what a stretch ended before: a
// line that is too long for a piece, an error, a line that finds no room.
bool FollowedFile::is_stretch(size_t bytes) const {
  return bytes > 0 && !stretch_stuck_ && position_ >= kHeadBytesMax && !discarding_ &&
         end_ >= position_ + bytes && file_->concurrent();
}

void FollowedFile::consume_stretch(const Chunk& chunk, size_t bytes, bool discarding) {
  stretch_stuck_ = bytes < chunk.stretch.size;
  tail_.append(chunk.bytes);
  position_ += bytes;
  discarding_ = discarding;
  seen_end_ = position_;
  end_ = std::max(end_, position_);
  size_seen_ = std::max(size_seen_, position_);
}

void FollowedFile::consume(const Chunk& chunk, size_t bytes, bool discarding) {
  if (chunk.stretch.file != nullptr) return consume_stretch(chunk, bytes, discarding);
  CHECK(bytes <= chunk.bytes.size());
  // What is counted and is not looked at again, is to be known again all the same.
  if (position_ == 0 && bytes > 0) head_ = Head();
  if (head_.bytes == position_)
    head_ = head_.with(chunk.bytes.substr(0, std::min(bytes, kHeadBytesMax - head_.bytes)));
  tail_.append(chunk.bytes.substr(0, bytes));
  position_ += bytes;
  discarding_ = discarding;
  seen_end_ = position_;
  std::string_view rest = chunk.bytes.substr(bytes);
  if (bytes > 0) {
    read_bytes_ = kReadBytes;
    stretch_stuck_ = false;
  }
  // Lines that were left (the pipeline pauses) are simply read again.
  if (chunk.at_end || rest.find('\n') != std::string_view::npos) return;
  seen_end_ += rest.size();
  if (bytes == 0 && rest.size() == asked_) {
    // One line fills the whole chunk: show more of it. A chunk of the largest size shows that
    // the line is too long, so the pipeline must have taken it.
    CHECK(asked_ < read_bytes_max_);
    read_bytes_ = std::min(asked_ * 4, read_bytes_max_);
    seen_end_ = position_;
  }
}

Position FollowedFile::identity() const {
  Position position;
  position.position = position_;
  position.discarding = discarding_;
  position.device = stat_.device;
  position.inode = stat_.inode;
  position.birth_ns = stat_.birth_ns;
  position.generation = stat_.generation;
  position.head_bytes = head_.bytes;
  position.head_hash = head_.hash;
  position.tail_bytes = static_cast<uint32_t>(tail_.length());
  position.tail_hash = tail_.hash();
  position.size = size_seen_;
  return position;
}

}  // namespace lastseen
