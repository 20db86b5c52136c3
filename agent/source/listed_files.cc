#include "source/listed_files.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/gzip.h"
#include "source/discovery.h"

namespace lastseen {

namespace {

// What is unpacked between two looks at the world around: some 50 ms of work.
constexpr uint64_t kUnpackBytes = uint64_t{16} << 20;

/// A compressed file tells only what is unpacked; how far it is read on the disk says more.
class MeasuredFile final : public File {
 public:
  MeasuredFile(std::unique_ptr<File> file, std::shared_ptr<uint64_t> read_to)
      : file_(std::move(file)), read_to_(std::move(read_to)) {}

  Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
    Result<size_t> got = file_->pread(buffer, length, position);
    if (got) *read_to_ = std::max(*read_to_, position + *got);
    return got;
  }
  Result<FileStat> stat() override { return file_->stat(); }
  bool complete() const override { return file_->complete(); }
  bool has_more() const override { return file_->has_more(); }

 private:
  const std::unique_ptr<File> file_;
  const std::shared_ptr<uint64_t> read_to_;
};

}  // namespace

ListedFiles::ListedFiles(const InputSettings& settings, FileSystem& files, Log& log)
    : settings_(settings), files_(files), log_(log) {
  for (const std::string& path : settings.logs) {
    Entry& entry = entries_.emplace_back();
    entry.path = path;
    entry.read_to = std::make_shared<uint64_t>(0);
    // Sizes are for the progress bar; what cannot be asked is found out when it is its turn.
    if (const Result<FileStat> stat = files.stat(path))
      entry.size = static_cast<uint64_t>(stat->size);
  }
}

void ListedFiles::restore(const StoredInput& stored, Now) {
  stored_ = stored.positions;
  current_ = 0;
  for (Entry& entry : entries_) {
    entry.file.reset();
    entry.unpacking = nullptr;
    entry.candidates.clear();
    entry.key.clear();
    entry.damage.clear();
    entry.dirty = false;
    *entry.read_to = 0;
  }
}

Status ListedFiles::open(Entry& entry) {
  Result<std::unique_ptr<File>> opened = files_.open(entry.path);
  if (!opened) return opened.status();
  std::unique_ptr<File> file = std::move(*opened);
  if (is_gzip_name(entry.path))
    file =
        make_gzip_file(std::make_unique<MeasuredFile>(std::move(file), entry.read_to), entry.path);
  const Result<FileStat> stat = file->stat();
  if (!stat) return stat.status();
  std::array<char, kHeadBytesMax> head;
  const Result<size_t> got = file->pread(head.data(), head.size(), 0);
  if (!got) return got.status();
  for (const Position& stored : stored_) {
    const bool same_head =
        Head{stored.head_bytes, stored.head_hash}.agrees_with({head.data(), *got});
    if (!stored.gone && stored.head_bytes > 0 && same_head) entry.candidates.push_back(stored);
  }
  std::sort(entry.candidates.begin(), entry.candidates.end(),
            [](const Position& a, const Position& b) { return a.position > b.position; });
  entry.unpacking = file.get();
  entry.unpacked = 0;
  entry.file.emplace(std::move(file), *stat, static_cast<size_t>(settings_.line_bytes_max));
  return Status::ok();
}

Status ListedFiles::unpack(Entry& entry) {
  const uint64_t wanted = entry.candidates.empty() ? 0 : entry.candidates.front().position;
  if (!is_gzip_name(entry.path) || entry.unpacked >= wanted) {
    entry.unpacking = nullptr;
    return Status::ok();
  }
  entry.unpacked = std::min(wanted, entry.unpacked + kUnpackBytes);
  char byte;
  return entry.unpacking->pread(&byte, 1, entry.unpacked - 1).status();
}

Status ListedFiles::place(Entry& entry, Now now) {
  const Position* same = nullptr;
  for (const Position& candidate : entry.candidates) {
    // Of a short file all that there is is compared.
    const Result<bool> proven = entry.file->proves(candidate, 1);
    if (!proven) return proven.status();
    if (!*proven) continue;
    same = &candidate;
    break;
  }
  if (same != nullptr) {
    entry.key = same->stream;
    entry.file->resume(*same);
  } else {
    char text[64];
    std::snprintf(text, sizeof text, " %llu %lld %zu",
                  static_cast<unsigned long long>(entry.file->stat().inode),
                  static_cast<long long>(now.wall_ms), current_);
    char key[17];
    std::snprintf(key, sizeof key, "%016llx",
                  static_cast<unsigned long long>(fnv1a(entry.path + text)));
    entry.key = key;
    if (Status status = entry.file->start_at(0, false); !status) return status;
  }
  const uint64_t position = entry.file->position();
  log_.info(position == 0 ? "reading" : "going on where it was left",
            {{"input", settings_.name}, {"path", entry.path}, {"position", position}});
  // A plain file is as long as it is now; of a compressed one the end must be seen.
  entry.file->finish(!is_gzip_name(entry.path));
  return entry.file->look(true).status;
}

std::optional<Chunk> ListedFiles::read(ReadBuffer& buffer, Now now) {
  while (begun_ && current_ < entries_.size()) {
    Entry& entry = entries_[current_];
    Status status = entry.file ? Status::ok() : open(entry);
    if (status.is_ok() && entry.unpacking != nullptr) {
      status = unpack(entry);
      if (status.is_ok() && entry.unpacking != nullptr) {
        Chunk nothing_yet;
        nothing_yet.stream = static_cast<uint32_t>(current_);
        return nothing_yet;
      }
      if (status.is_ok()) status = place(entry, now);
    }
    if (status.is_ok()) {
      Result<Chunk> chunk = read_from(entry, buffer);
      if (chunk && !chunk->empty()) {
        chunk->stream = static_cast<uint32_t>(current_);
        return *chunk;
      }
      status = chunk.status();
    }
    leave(entry, status);
  }
  return std::nullopt;
}

/// The next file's turn. What was read may also be listed under another name.
void ListedFiles::leave(Entry& entry, const Status& status) {
  if (!status) give_up(entry, status);
  entry.unpacking = nullptr;
  if (entry.file) {
    stored_.push_back(entry.file->identity());
    stored_.back().stream = entry.key;
    entry.file->close();
  }
  ++current_;
}

/// Empty at the end.
Result<Chunk> ListedFiles::read_from(Entry& entry, ReadBuffer& buffer) {
  FollowedFile& file = *entry.file;
  for (int looks = 0; looks < 2; ++looks) {
    if (file.readable()) {
      Result<Chunk> chunk = file.read(buffer);
      if (!chunk || !chunk->empty()) return chunk;
    }
    // What comes to light only at the end: there is more of it, or nothing more ever.
    if (file.complete()) file.finish(true);
    const FollowedFile::Look look = file.look(false);
    if (!look.status) return look.status;
  }
  if (is_gzip_name(entry.path) && !file.complete())
    return Status::retry("it is cut off; what is missing cannot be read");
  return Chunk();
}

void ListedFiles::give_up(Entry& entry, const Status& status) {
  entry.damage = status.message();
  log_.error(
      "a file could not be read to its end; what was read of it counts. Read it again when it is "
      "mended",
      {{"input", settings_.name}, {"path", entry.path}, {"error", status.message()}});
}

void ListedFiles::consume(const Chunk& chunk, size_t bytes, bool discarding) {
  CHECK(chunk.stream < entries_.size() && entries_[chunk.stream].file);
  Entry& entry = entries_[chunk.stream];
  if (entry.unpacking != nullptr) return;
  entry.file->consume(chunk, bytes, discarding);
  if (bytes > 0) entry.dirty = true;
}

void ListedFiles::collect(std::vector<Position>& out) {
  for (Entry& entry : entries_) {
    if (!std::exchange(entry.dirty, false)) continue;
    Position position = entry.file->identity();
    position.stream = entry.key;
    position.path = entry.path;
    out.push_back(std::move(position));
  }
}

void ListedFiles::describe(std::vector<FileSnapshot>& out) const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const bool over = i < current_;
    const bool packed = is_gzip_name(entry.path);
    const uint64_t read_to = packed ? *entry.read_to : entry.file ? entry.file->position() : 0;
    FileSnapshot& file = out.emplace_back();
    file.path = entry.path;
    file.size = std::max(entry.size, read_to);
    file.position = over ? file.size : read_to;
    file.state = !entry.damage.empty() ? std::string(kUnreadable) + entry.damage
                 : over                ? "read"
                 : entry.file          ? "reading"
                                       : "waiting";
  }
}

}  // namespace lastseen
