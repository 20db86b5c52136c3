// One file, read from a position on through the descriptor we hold, whatever its path names now.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/batch.h"
#include "base/file_system.h"
#include "source/file_identity.h"
#include "source/source.h"

namespace lastseen {

/// One pread of a file with nothing unusual in it. Larger gives no more speed: it leaves the cache.
inline constexpr size_t kReadBytes = 256 * 1024;

/// Knows the bytes, the position and the identity of one file; knows nothing of names, other
/// files or time. Every look() makes sure that what is before the position is still what was
/// read, so that a file that was truncated and grew again is not read from its middle.
class FollowedFile {
 public:
  /// What a look() found.
  struct Look {
    Status status;            ///< Not ok: nothing is known, look again later.
    bool changed = false;     ///< Size or modification time moved since the look before.
    bool restarted = false;   ///< The position went to 0.
    std::string_view reason;  ///< Why bytes were lost or the position went to 0.
    uint64_t lost_bytes = 0;  ///< Unread bytes that are no more: a lower bound.
    /// It may have been written anew any number of times: what it began with was so short that
    /// others of its log may begin with it, too.
    bool unproven = false;
    /// Where it stood; set when all that was in it is or may be gone, so that a copy can be looked
    /// for.
    std::optional<Position> before;
  };

  FollowedFile(std::unique_ptr<File> file, const FileStat& stat, size_t line_bytes_max);

  // Where to begin. Until one of these succeeded the file is not placed: it is held, not read.
  Status start_at(uint64_t position, bool discarding);
  /// Behind the last newline among the first `size` bytes. If the last line is longer than
  /// line_bytes_max, at `size`, discarding.
  Status start_at_last_line(uint64_t size);
  /// Behind everything; for what will not grow.
  Status start_at_end();
  /// As stored; the next look() verifies it and restarts the file if it is not what it was.
  void resume(const Position& stored);
  /// Back to where this agent began in it.
  Status rewind();
  /// Not placed any more.
  void hold();
  bool placed() const { return placed_; }

  /// Asks the descriptor. `thorough` also reads the head again, for a file that was idle.
  Look look(bool thorough);
  /// Whether the contents prove that this holds what was in the file of `stored`: its first bytes,
  /// of which at least `head_bytes_min` are known, and those before the position.
  Result<bool> proves(const Position& stored, uint32_t head_bytes_min = kHeadBytesProof);
  /// At most kHeadBytesMax of them.
  Result<std::string> first_bytes();
  /// Whether this is the beginning of the other, as far as its first and last bytes tell. True if
  /// it is empty.
  Result<bool> begins_as(FollowedFile& other);
  /// Whether this ends before the position of `stored` and its first bytes, all that are ever
  /// kept, are those of `stored`.
  Result<bool> is_beginning_of(const Position& stored);
  Result<bool> is_longer_than(uint64_t bytes);
  /// Before it is placed: what it held was truncated. Then what is known of that, as of a file of
  /// which nothing was counted.
  std::optional<Position> truncated_while_held() const;
  /// Before it is placed: its first bytes when it was looked at, at most kHeadBytesMax of them.
  const std::string& first_held() const { return held_.first; }
  /// Of that, the first `bytes` were nobody's.
  void disown_held(uint64_t bytes) { held_.size -= std::min(bytes, held_.size); }
  /// This holds what was in the file of `before`: goes on where that stood, or at its own end.
  Status go_on_from(const Position& before);

  void set_line_bytes_max(size_t line_bytes_max);
  bool readable() const;
  /// What begins at the position. Empty when there is nothing (new) to read.
  Result<Chunk> read(ReadBuffer& buffer);
  void consume(const Chunk& chunk, size_t bytes, bool discarding);
  /// Nothing will be appended any more: an unfinished last line is a line. finished() then says
  /// when the last byte has been consumed.
  void finish(bool finishing) { finishing_ = finishing; }
  /// Nothing will ever be appended, and it has been looked at to its end.
  bool complete() const { return file_ && file_->complete(); }
  /// Its size is known only as far as it is unpacked.
  bool has_more() const { return file_ && file_->has_more(); }
  bool finished() const { return finishing_ && placed_ && trouble_.empty() && !readable(); }

  bool is_open() const { return file_ != nullptr; }
  void close() { file_.reset(); }
  /// gzip made another file of this one, which is closed; what was read is the same.
  void become(const FileStat& packed) { stat_ = packed; }
  /// The same file again, e.g. because it grew after we let go of it.
  void reopen(std::unique_ptr<File> file);
  std::unique_ptr<File> release() { return std::move(file_); }

  const FileStat& stat() const { return stat_; }
  uint64_t position() const { return position_; }
  uint64_t size_seen() const { return size_seen_; }
  /// Bytes known to be there and not counted.
  uint64_t unread() const { return size_seen_ > position_ ? size_seen_ - position_ : 0; }
  /// Bytes counted since this agent began in it.
  uint64_t since_origin() const { return position_ > origin_ ? position_ - origin_ : 0; }
  const std::string& trouble() const { return trouble_; }
  void note_trouble(const Status& status) { trouble_ = status.message(); }
  /// Everything but stream, path, updated_ms and gone.
  Position identity() const;

 private:
  Result<std::string_view> pread(char* buffer, size_t length, uint64_t position);
  Status unpack_to(uint64_t bytes);
  Result<std::string_view> verify(bool thorough);
  Status extend_head(bool thorough, bool& differs);
  Status load_tail();
  void restart(Look& look, std::string_view reason);
  void look_while_held(bool changed);
  bool is_stretch(size_t bytes) const;
  void consume_stretch(const Chunk& chunk, size_t bytes, bool discarding);
  Status failed(const Status& status);

  std::unique_ptr<File> file_;
  FileStat stat_;          // of the last look
  size_t read_bytes_max_;  // enough to hold a line of line_bytes_max and see that it is longer
  size_t line_bytes_max_;

  bool placed_ = false;
  bool verified_ = false;  // the bytes before the position are what we know of them
  uint64_t position_ = 0;
  bool discarding_ = false;
  Head head_;
  Tail tail_;
  uint64_t origin_ = 0;
  bool origin_discarding_ = false;
  uint64_t size_seen_ = 0;

  // What was in it when it began to be held: what of it was counted, is known when it is placed.
  struct Held {
    std::string first;  // of its bytes at most kHeadBytesMax
    uint64_t size = 0;
    bool is_over = false;  // it was truncated since
  };
  Held held_;

  uint64_t end_ = 0;                // bytes known to be there now
  uint64_t seen_end_ = 0;           // up to here nothing ends the line that begins at the position
  size_t read_bytes_ = kReadBytes;  // what the next read asks for at least
  size_t asked_ = 0;                // what the last one asked for
  bool stretch_stuck_ = false;      // the last stretch was not used up
  bool finishing_ = false;
  std::string trouble_;  // why the last look or read failed; empty: it did not
};

}  // namespace lastseen
