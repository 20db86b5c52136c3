// Which rows the store keeps of this input: few, and never none.
//
// Without a row nothing would lead to a file that appeared, was rotated and was read, all before
// the first commit of its position. So while no file has a row the input has one of its own, the
// anchor: it stands for a file that was here when we looked last and is gone. What was born since
// is found behind it as behind any other.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

// Rotated files that are read stay known, should they grow. More of them are months old.
constexpr size_t kRotatedKeptMax = 64;

}  // namespace

bool FileSource::is_anchor(const Position& stored) {
  return stored.stream == kAnchorKey;
}

void FileSource::note_rows(const StoredInput& stored) {
  rows_.clear();
  anchor_stored_ = false;
  for (const Position& position : stored.positions) {
    if (is_anchor(position))
      anchor_stored_ = true;
    else
      rows_.insert(position.stream);
  }
}

// `out`: what is about to be stored.
void FileSource::keep_anchor(std::vector<Position>& out) {
  for (const Position& position : out) {
    if (position.gone)
      rows_.erase(position.stream);
    else
      rows_.insert(position.stream);
  }
  const bool wanted = rows_.empty();
  if (wanted == anchor_stored_) return;
  anchor_stored_ = wanted;
  Position anchor;
  anchor.stream = kAnchorKey;
  anchor.path = settings_.path;
  anchor.birth_ns = (looked_wall_ms_ - kClockGrainMs) * 1'000'000;
  anchor.gone = !wanted;
  out.push_back(std::move(anchor));
}

void FileSource::prune_rotated(Now now) {
  std::vector<Stream*> read;
  for (const auto& s : streams_)
    if (s && s->began && !s->file.is_open() && !in_glob(*s)) read.push_back(s.get());
  if (read.size() <= kRotatedKeptMax) return;
  std::sort(read.begin(), read.end(),
            [](const Stream* a, const Stream* b) { return a->sequence > b->sequence; });
  for (size_t i = kRotatedKeptMax; i < read.size(); ++i) forget(*read[i], true, now);
}

}  // namespace lastseen
