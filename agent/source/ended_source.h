// A Source from which nothing comes.
#pragma once

#include "source/source.h"

namespace lastseen {

/// Stands for an input that is no longer configured, while what it brought is committed.
class EndedSource final : public Source {
 public:
  void restore(const StoredInput&, Now) override {}
  void begin() override {}
  int64_t step(Now) override { return kNever; }
  std::optional<Chunk> read(ReadBuffer&, Now) override { return std::nullopt; }
  void consume(const Chunk&, size_t, bool) override {}
  void look_now() override {}
  bool ended() const override { return true; }
  void collect(std::vector<Position>&) override {}
  LedgerCounts take_losses() override { return {}; }
  void describe(std::vector<FileSnapshot>& out) const override {
    out.emplace_back().state = "no longer configured";
  }
  bool drained() const override { return true; }
};

}  // namespace lastseen
