// What travels from ingest to the store: the unit of commit, retry and quarantine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ledger.h"

namespace lastseen {

/// Where reading of one stream stands, and all that is known to find that place again.
/// A file source fills the identity; later sources leave it empty.
struct Position {
  std::string stream;       ///< Key within the input; minted once, outlives renames and remounts.
  std::string path;         ///< Where the file was last seen; for people and for siblings.
  uint64_t position = 0;    ///< Bytes: start of the first line not yet counted.
  bool discarding = false;  ///< The position stands inside a line counted as line_too_long.
  uint64_t device = 0;      ///< Factor 1 of the identity, with inode.
  uint64_t inode = 0;
  int64_t birth_ns = 0;     ///< Factor 2: birth time; 0: unknown.
  uint64_t generation = 0;  ///< Factor 2, the other form: inode generation; 0: unknown.
  uint32_t head_bytes = 0;  ///< Factor 3: how many first bytes head_hash covers (0…1024).
  uint64_t head_hash = 0;
  uint32_t tail_bytes = 0;  ///< Factor 4: how many bytes before `position` tail_hash covers.
  uint64_t tail_hash = 0;
  uint64_t size = 0;  ///< Bytes: largest size seen; a loss is measured against it.
  /// Wall time at which the contents were last seen to be these. 0 until then: a pipeline sets it
  /// at seal.
  int64_t updated_ms = 0;
  bool gone = false;  ///< The stream has ended for good: the store forgets its row.
};

/// A shorter head says too little to prove that two files are one.
inline constexpr uint32_t kHeadBytesProof = 64;

/// A position that another agent has in the same store.
struct ForeignPosition {
  std::string agent_id;
  Position position;
};

/// The newest sighting of one client through one input, since the last batch.
struct Entry {
  std::string_view client_id;  ///< Bytes owned by the batch's arena.
  int64_t first_seen_ms = 0;   ///< Oldest sighting merged into this entry.
  int64_t last_seen_ms = 0;    ///< Newest sighting.
  uint64_t count = 0;          ///< Sightings merged; sums to the ledger's `committed`.
  uint32_t input = 0;          ///< Index into Batch::inputs.
  bool upsert = true;          ///< false: this agent already committed a last_seen not older.
};

/// What a batch says about one input beside its entries.
struct BatchInput {
  std::string name;
  LedgerCounts delta;               ///< Since the batch before; committed = sum of counts.
  std::vector<Position> positions;  ///< Those that changed.

  /// Clients a second that this input may add to the table; 0: none; nullopt: any number.
  std::optional<uint64_t> new_per_second_max = std::nullopt;
  /// What that makes in this batch; given by the Flusher.
  uint64_t new_clients_max = UINT64_MAX;
  /// skipped{not_allowed} of the input's totals, with `delta` and without what the store will move
  /// there: how a lost reply is told what it moved.
  uint64_t not_allowed_total = 0;
  /// It may not begin yet: the store keeps nothing of it, so that it stays unknown there.
  bool held_back = false;
};

/// Owns the bytes of ids. Chunks never move, so views into them stay valid when it is moved.
class IdArena {
 public:
  std::string_view add(std::string_view id);
  /// Takes over the chunks of another arena; its views stay valid.
  void adopt(IdArena&& other);
  /// Forgets all ids and keeps the memory of one chunk.
  void clear();
  size_t bytes_reserved() const { return bytes_reserved_; }

 private:
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t used_ = 0;      // in the last chunk
  size_t capacity_ = 0;  // of the last chunk
  size_t bytes_reserved_ = 0;
};

/// Lines with a sighting, and when they were read.
struct ReadMark {
  int64_t mono_ms = 0;
  uint64_t lines = 0;
};

/// The fence's number counts committed batches; above them it counts what commands changed by hand.
/// So a running agent finds another number than it left, and whoever asks what was committed finds
/// the same. 2^40 batches are 1,700 years of twenty a second, and 2^23 changes remain.
inline constexpr uint64_t kChangedByHand = uint64_t{1} << 40;
constexpr uint64_t batches_of(uint64_t fence_number) {
  return fence_number % kChangedByHand;
}

/// Move-only. Entries are sorted by client_id bytes, then by input.
struct Batch {
  uint64_t number = 0;  ///< The fence's batch number; given by the Flusher.
  uint64_t epoch = 0;   ///< The fence's epoch; given by the Flusher.
  std::vector<Entry> entries;
  std::vector<BatchInput> inputs;  ///< Every input of the agent, in configuration order.
  IdArena ids;
  int64_t oldest_read_mono_ms = 0;  ///< When its oldest sighting was read; 0: it has none.
  /// Of the lines that this run read: what a spill file brought has no time.
  std::vector<ReadMark> reads = {};
};

}  // namespace lastseen
