// Drives a FileSource over a disk in memory as the pipeline does, and keeps the lines.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fakes/fake_file_system.h"
#include "fakes/fake_watcher.h"
#include "fakes/recording_log.h"
#include "source/file_source.h"

namespace lastseen {

/// A disk that outlives restarts, what a store would hold of the positions, and one source.
class Follower {
 public:
  explicit Follower(std::string path = "/log/access.log", Start begin_at = Start::kBegin)
      : start(begin_at) {
    settings.name = "web";
    settings.path = std::move(path);
    settings.line_bytes_max = 1024;
    disk.make_directory("/log");
    disk.now_ns = now.wall_ms * 1'000'000;
  }

  // --- Life of the agent -------------------------------------------------------------------

  /// A new source that looks around but knows no positions yet.
  void launch() {
    source.reset();
    source = std::make_unique<FileSource>(settings, start, disk, watcher, log, options);
    step();
  }
  /// The store goes back to what it was.
  void go_back(const std::map<std::string, Position>& to) {
    store = to;
    restore();
  }
  void restore() { source->restore({input_known, stored_positions(), {}, foreign}, now); }
  /// launch, restore, commit the start choice, begin, read what is there.
  void up() {
    launch();
    restore();
    if (source->held_back()) return;
    commit();
    source->begin();
    look();
  }
  /// Killed: what was not committed is forgotten, by the store's clients too.
  void crash() {
    source.reset();
    lines.resize(committed_lines);
    bytes_taken = committed_bytes;
    told = std::min(told, lines.size());
  }
  /// Commits what was read, as a store would.
  void commit() {
    std::vector<Position> positions;
    source->collect(positions);
    losses.add(source->take_losses());
    for (Position& position : positions) {
      if (position.updated_ms == 0) position.updated_ms = now.wall_ms;
      if (position.gone)
        store.erase(position.stream);
      else
        store[position.stream] = position;
    }
    input_known = true;
    committed_lines = lines.size();
    committed_bytes = bytes_taken;
  }

  // --- Time ----------------------------------------------------------------------------------

  int64_t step() { return deadline = source->step(now); }
  void pass(int64_t ms) {
    now.mono_ms += ms;
    now.wall_ms += ms;
    disk.now_ns += ms * 1'000'000;
  }
  /// Time passes, step by step as the source asks for, and everything is read.
  void run(int64_t ms) {
    const int64_t end = now.mono_ms + ms;
    while (true) {
      step();
      read();
      if (deadline >= end) break;
      ++wakeups;
      pass(std::max<int64_t>(deadline - now.mono_ms, 0));
    }
    pass(end - now.mono_ms);
    step();
    read();
  }
  /// Looks at once and reads.
  void look() {
    source->look_now();
    step();
    read();
  }

  // --- Reading -------------------------------------------------------------------------------

  void read() {
    while (std::optional<Chunk> chunk = source->read(buffer, now)) take(*chunk);
  }
  void take(Chunk chunk) {
    std::string stretch;
    if (chunk.stretch.file != nullptr) {
      stretch.resize(chunk.stretch.size + 100);
      const auto size =
          chunk.stretch.file->pread(stretch.data(), stretch.size(), chunk.stretch.position);
      stretch.resize(size ? *size : 0);
      const size_t end = stretch.find('\n', chunk.stretch.size - 1);  // of its last line
      if (end != std::string::npos) stretch.resize(end + 1);
      chunk.bytes = stretch;
      ++stretches;
    }
    std::string_view rest = chunk.bytes;
    bool discarding = chunk.discarding;
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
      if (!discarding) lines.emplace_back(rest.substr(0, end));
      discarding = false;
      rest.remove_prefix(end + 1);
    }
    if (chunk.at_end) {
      if (!rest.empty() && !discarding) lines.emplace_back(rest);
      rest = {};
      discarding = false;
    } else if (discarding) {
      rest = {};
    } else if (rest.size() > static_cast<size_t>(settings.line_bytes_max)) {
      ++too_long;
      rest = {};
      discarding = true;
    }
    const size_t used = chunk.bytes.size() - rest.size();
    bytes_taken += used;
    if (chunk.stretch.file != nullptr) chunk.bytes = chunk.bytes.substr(0, used);
    source->consume(chunk, used, discarding);
  }
  /// The lines since the last call, joined by spaces.
  std::string news() {
    std::string all;
    for (; told < lines.size(); ++told) all.append(all.empty() ? "" : " ").append(lines[told]);
    return all;
  }

  // --- Asking --------------------------------------------------------------------------------

  std::vector<Position> stored_positions() const {
    std::vector<Position> positions;
    for (const auto& [stream, position] : store) positions.push_back(position);
    return positions;
  }
  uint64_t lost(LossReason reason) {
    losses.add(source->take_losses());
    return losses.lost_bytes[static_cast<size_t>(reason)];
  }
  std::string state_of(const std::string& path) const {
    std::vector<FileSnapshot> files;
    source->describe(files);
    for (const FileSnapshot& file : files)
      if (file.path == path) return file.state;
    return "";
  }

  FakeFileSystem disk;
  FakeWatcher watcher;
  RecordingLog log;
  InputSettings settings;
  Start start;
  FileSourceOptions options;
  Now now{1'000'000, 1'795'000'000'000};
  ReadBuffer buffer{1};
  std::unique_ptr<FileSource> source;

  std::vector<std::string> lines;  ///< Delivered, and not forgotten by a crash.
  uint64_t bytes_taken = 0;        ///< Behind which positions moved.
  size_t committed_lines = 0;
  uint64_t committed_bytes = 0;
  size_t told = 0;
  size_t too_long = 0;
  int stretches = 0;  ///< How many were given out; buffer.stretch_bytes makes that some are.
  LedgerCounts losses;
  std::map<std::string, Position> store;
  bool input_known = false;
  std::shared_ptr<const std::vector<ForeignPosition>> foreign;  ///< Of other agents.
  int64_t deadline = 0;
  int wakeups = 0;
};

}  // namespace lastseen
