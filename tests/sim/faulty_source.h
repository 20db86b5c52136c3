// A source with a planted bug on request; otherwise everything passes through.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/source.h"

namespace lastseen::sim {

struct SourceBugs {
  bool half_lines_consumed = false;  ///< The position moves behind an unfinished line.
  bool no_rewind = false;            ///< A store that went back is not noticed.
};

class FaultySource final : public Source {
 public:
  FaultySource(std::unique_ptr<Source> source, SourceBugs bugs)
      : source_(std::move(source)), bugs_(bugs) {}

  void restore(const StoredInput& stored, Now now) override {
    if (restored_ && bugs_.no_rewind) return;
    restored_ = true;
    source_->restore(stored, now);
  }
  void begin() override { source_->begin(); }
  int64_t step(Now now) override { return source_->step(now); }
  std::optional<Chunk> read(ReadBuffer& buffer, Now now) override {
    return source_->read(buffer, now);
  }
  void consume(const Chunk& chunk, size_t bytes, bool discarding) override {
    const bool half_lines = bugs_.half_lines_consumed && chunk.stretch.file == nullptr;
    source_->consume(chunk, half_lines ? chunk.bytes.size() : bytes, discarding);
  }
  void look_now() override { source_->look_now(); }
  void collect(std::vector<Position>& out) override { source_->collect(out); }
  LedgerCounts take_losses() override { return source_->take_losses(); }
  void describe(std::vector<FileSnapshot>& out) const override { source_->describe(out); }
  bool drained() const override { return source_->drained(); }

 private:
  std::unique_ptr<Source> source_;
  SourceBugs bugs_;
  bool restored_ = false;
};

}  // namespace lastseen::sim
