// The source of `backfill`: files that are named one by one, each read once from its first byte to
// its end. Nothing is followed, and no name is looked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/log.h"
#include "config/config.h"
#include "source/followed_file.h"
#include "source/source.h"

namespace lastseen {

/// Reads `settings.logs` in their order, compressed or not, one open at a time. What the store has
/// of a file is found by the file's contents, whatever its name and whether it is compressed by
/// now, so that nothing is read twice; positions of other files are left alone.
///
/// A file that cannot be read any further is given up: logged, and shown as unreadable. The rest of
/// the files is read all the same.
class ListedFiles final : public Source {
 public:
  /// `files` and `log` must outlive it.
  ListedFiles(const InputSettings& settings, FileSystem& files, Log& log);

  void restore(const StoredInput& stored, Now now) override;
  void begin() override { begun_ = true; }
  int64_t step(Now) override { return kNever; }
  /// An empty chunk is one of many steps of unpacking.
  std::optional<Chunk> read(ReadBuffer& buffer, Now now) override;
  void consume(const Chunk& chunk, size_t bytes, bool discarding) override;
  void look_now() override {}
  void collect(std::vector<Position>& out) override;
  LedgerCounts take_losses() override { return {}; }
  void describe(std::vector<FileSnapshot>& out) const override;
  bool drained() const override { return begun_ && current_ == entries_.size(); }

 private:
  struct Entry {
    std::string path;
    std::string key;  // Position::stream
    std::optional<FollowedFile> file;
    File* unpacking = nullptr;          // its bytes, until it is placed
    std::vector<Position> candidates;   // what it may have been, the furthest first
    uint64_t unpacked = 0;              // bytes, on the way to the first of them
    std::shared_ptr<uint64_t> read_to;  // bytes of the file on the disk, packed or not
    uint64_t size = 0;                  // of the file on the disk
    bool dirty = false;                 // collect() has news of it
    std::string damage;                 // why it was given up
  };

  Status open(Entry& entry);
  /// One step towards place(): what is read already has to be unpacked to be passed over, and that
  /// may take long.
  Status unpack(Entry& entry);
  /// Goes on where the store stands in a file of these contents, if it knows one.
  Status place(Entry& entry, Now now);
  Result<Chunk> read_from(Entry& entry, ReadBuffer& buffer);
  void leave(Entry& entry, const Status& status);
  void give_up(Entry& entry, const Status& status);

  const InputSettings settings_;
  FileSystem& files_;
  Log& log_;
  std::vector<Entry> entries_;
  std::vector<Position> stored_;
  size_t current_ = 0;
  bool begun_ = false;
};

}  // namespace lastseen
