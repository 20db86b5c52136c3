// A Source that gives out the bytes it was told to, in chunks as large as asked for.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "source/source.h"

namespace lastseen {

/// One stream. What the pipeline does to it is recorded in public members.
class FakeSource final : public Source {
 public:
  std::string bytes;  ///< Everything written so far.
  size_t position = 0;
  bool discarding = false;
  size_t chunk_bytes = 1 << 20;
  bool over = false;  ///< No more bytes will come.
  StoredInput restored;
  int restores = 0;
  bool begun = false;
  int looks = 0;
  LedgerCounts losses;
  bool has_looked = true;
  bool end_called = false;
  std::function<void()> on_end;
  std::vector<std::string> stored_keys;  ///< What store_anew() answers.
  std::vector<std::string> rows;         ///< Keys for which has_row().
  std::vector<StoredInput> anew;         ///< What it was told.
  bool holds_back = false;               ///< While it is unknown.

  /// From then on it is a feed: what it gives are records.
  void add_record(std::string_view record) {
    bytes += record;
    ends_.push_back(static_cast<uint32_t>(bytes.size() - position));
  }

  void restore(const StoredInput& stored, Now) override {
    restored = stored;
    ++restores;
    position = stored.positions.empty() ? 0 : stored.positions[0].position;
    position = std::min(position, bytes.size());  // a feed has nothing of it
    discarding = false;
    begun = false;
  }
  void begin() override { begun = true; }
  bool held_back() const override { return holds_back && !restored.known; }
  int64_t step(Now) override { return kNever; }
  std::optional<Chunk> read(ReadBuffer& buffer, Now) override {
    if (!ends_.empty()) {
      Chunk records;
      records.bytes = std::string_view(bytes).substr(position);
      records.ends = ends_;
      return records;
    }
    if (!begun || position == bytes.size() || position + unread_tail_ == bytes.size())
      return std::nullopt;
    Chunk chunk;
    chunk.discarding = discarding;
    if (buffer.stretch_bytes > 0 && position > 0 && !discarding && !stuck_ &&
        bytes.size() - position >= buffer.stretch_bytes) {
      chunk.stretch = {&file, position, buffer.stretch_bytes};
      ++stretches;
      return chunk;
    }
    chunk.bytes = std::string_view(bytes).substr(position, chunk_bytes);
    chunk.at_end = over && position + chunk.bytes.size() == bytes.size();
    return chunk;
  }
  void consume(const Chunk& chunk, size_t consumed, bool inside_long_line) override {
    stuck_ = chunk.stretch.file != nullptr && consumed < chunk.stretch.size;
    if (chunk.stretch.file != nullptr) {
      const size_t last = std::min(consumed, Stretch::kLastBytes);
      CHECK(chunk.bytes.ends_with(bytes.substr(position + consumed - last, last)));
    }
    position += consumed;
    discarding = inside_long_line;
    std::erase_if(ends_, [&](uint32_t end) { return end <= consumed; });
    for (uint32_t& end : ends_) end -= static_cast<uint32_t>(consumed);
    unread_tail_ = consumed == 0 && !stuck_ ? chunk.bytes.size() : 0;
  }
  void look_now() override {
    ++looks;
    asked_to_ = bytes.size();
  }
  bool caught_up() const override {
    return has_looked &&
           (!begun || position >= asked_to_ || bytes.find('\n', position) == std::string::npos);
  }
  bool looked() const override { return has_looked; }
  void end() override {
    end_called = true;
    if (on_end) on_end();
  }
  bool ended() const override { return over && position == bytes.size(); }
  void collect(std::vector<Position>& out) override {
    Position& place = out.emplace_back();
    place.stream = "stream";
    place.position = position;
    place.discarding = discarding;
  }
  bool has_row(const std::string& key) const override {
    return std::find(rows.begin(), rows.end(), key) != rows.end();
  }
  std::vector<std::string> store_anew(const StoredInput& there) override {
    anew.push_back(there);
    return stored_keys;
  }
  LedgerCounts take_losses() override { return std::exchange(losses, LedgerCounts()); }
  void describe(std::vector<FileSnapshot>&) const override {}
  bool drained() const override { return begun && bytes.find('\n', position) == std::string::npos; }

  /// What stretches are read from; before each read `on_pread` may change the bytes or fail.
  class TextFile final : public File {
   public:
    explicit TextFile(FakeSource& source) : source_(source) {}
    Result<size_t> pread(char* to, size_t length, uint64_t from) override {
      if (source_.on_pread)
        if (Status status = source_.on_pread(); !status) return status;
      if (from >= source_.bytes.size()) return size_t{0};
      return source_.bytes.copy(to, length, from);
    }
    Result<FileStat> stat() override { return FileStat(); }

   private:
    FakeSource& source_;
  };
  TextFile file{*this};
  std::function<Status()> on_pread;
  int stretches = 0;  ///< How many were given out.

 private:
  bool stuck_ = false;          // the last stretch was not used up
  std::vector<uint32_t> ends_;  // of the records that were not consumed
  size_t asked_to_ = 0;
  size_t unread_tail_ = 0;  // a partial line that was given out and not consumed
};

}  // namespace lastseen
