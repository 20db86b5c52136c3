// Where bytes come from. A Source hides rotation, truncation, deletion and reconnects; what is
// left is streams of bytes, each with a position after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "base/clock.h"
#include "base/read_buffer.h"
#include "base/snapshot.h"

namespace lastseen {

/// Bytes of a file that are still to be read, by several threads at once. There is a byte before
/// the first.
struct Stretch {
  File* file = nullptr;  ///< concurrent(); valid until the next call of its source.
  uint64_t position = 0;
  size_t size = 0;  ///< So many were there lately; the end of the last line may be behind them.
  /// How many of the bytes that were used consume() has to be shown.
  static constexpr size_t kLastBytes = 64;
};

/// Some bytes of one stream, beginning at its position.
struct Chunk {
  uint32_t stream = 0;     ///< Which stream of the source; dense, stable while it lives.
  std::string_view bytes;  ///< Valid until the next read() into the same ReadBuffer.
  /// In place of `bytes`, if it has a file. To consume() `bytes` are then the last of what was
  /// used: at least kLastBytes, or all.
  Stretch stretch;
  bool discarding = false;  ///< The bytes continue a line already counted as line_too_long.
  bool at_end = false;      ///< Nothing will follow, ever: an unfinished last line is a line.
  /// Of a feed: `bytes` are whole records, and these their ends; a newline within one is data. A
  /// chunk of records is used up to the end of one of them.
  std::span<const uint32_t> ends;

  bool empty() const { return bytes.empty() && stretch.file == nullptr; }
};

/// What an input had stored when the agent last committed.
struct StoredInput {
  bool known = false;  ///< false: the input has no stored positions at all.
  std::vector<Position> positions;
  LedgerCounts totals;
  /// What other agents read, newest first; null: nothing.
  std::shared_ptr<const std::vector<ForeignPosition>> foreign = nullptr;
};

/// One input. Lives on the ingest thread; not thread-safe. Never sleeps, never reads a clock.
///
/// Life: step() may be called at once (it discovers and holds files open, so that nothing is lost
/// while the store is down); restore() says where to begin; only after begin() does read() give
/// bytes. After restore() of an unknown input collect() gives the start choice, which the
/// pipeline commits before it calls begin().
class Source {
 public:
  virtual ~Source() = default;

  /// Positions are known. Called again when the store went back: the source rewinds.
  virtual void restore(const StoredInput& stored, Now now) = 0;
  virtual void begin() = 0;
  /// Since restore(): another agent has read what this input names, so there is no start choice and
  /// begin() must not be called; only another restore() ends it.
  virtual bool held_back() const { return false; }

  /// Discovery and housekeeping that is due. Returns the monotonic time of the next step.
  virtual int64_t step(Now now) = 0;

  /// The next bytes at hand, taking turns between streams; nullopt when there are none now.
  /// Pass what was used to consume() before the next read() of this source.
  virtual std::optional<Chunk> read(ReadBuffer& buffer, Now now) = 0;

  /// The first `bytes` of the chunk are counted: the stream's position moves behind them.
  /// `discarding`: the new position stands inside an over-long line.
  virtual void consume(const Chunk& chunk, size_t bytes, bool discarding) = 0;

  /// Looks at everything now, as if each deadline had come (for flush, --once and stop).
  virtual void look_now() = 0;
  /// Everything that look_now() was to find can be read, or was.
  virtual bool looked() const { return true; }
  /// What stood there at the last look_now() has been given out, or cannot be.
  virtual bool caught_up() const { return looked(); }

  /// The agent stops: what has arrived is still given out, and nothing more is taken in.
  virtual void end() {}
  /// Nothing will ever be given out again.
  virtual bool ended() const { return false; }

  /// Appends the positions that changed since the last call, with their identity.
  virtual void collect(std::vector<Position>& out) = 0;
  /// Whether there is something of which the store has no position: what became of it while the
  /// agent is down might not be found.
  virtual bool has_unstored() const { return false; }

  /// Whether the store has a row of it under that key, or is being sent one.
  virtual bool has_row(const std::string& /*key*/) const { return false; }

  /// What was stored is stored again by the next collect(), since it goes under another name or
  /// into another store; `there` is what that one has. Returns the keys that were stored so far.
  virtual std::vector<std::string> store_anew(const StoredInput& /*there*/) { return {}; }

  /// Losses noticed since the last call, reset by it: `lost_bytes`, and lines that are lost or
  /// skipped, which count in `lines_read` too.
  virtual LedgerCounts take_losses() = 0;

  /// Every stream as status shows it.
  virtual void describe(std::vector<FileSnapshot>& out) const = 0;

  /// How it notices news: "inotify" or "polling"; empty: it needs neither.
  virtual std::string watching() const { return ""; }

  /// Whether every file found so far is read to its end (for --once).
  virtual bool drained() const = 0;
};

}  // namespace lastseen
