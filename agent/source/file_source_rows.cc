// Which rows the store keeps of this input: few, and never none.
//
// Without a row nothing would lead to a file that appeared, was rotated and was read, all before
// the first commit of its position. So while no file has a row the input has one of its own, the
// anchor: it stands for a file that was here when we looked last and is gone. What was born since
// is found behind it as behind any other.
//
// A chain that is not followed to its end has such an anchor, too: after a kill it is followed from
// there, whatever became of the file that it began with.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

// Rotated files that are read stay known, should they grow. More of them are months old.
constexpr size_t kRotatedKeptMax = 64;

}  // namespace

bool FileSource::is_anchor(const Position& stored) {
  return stored.stream.starts_with(kAnchorKey);
}

void FileSource::note_rows(const StoredInput& stored) {
  rows_.clear();
  anchor_stored_ = false;
  for (const Position& position : stored.positions) {
    if (position.stream == kAnchorKey)
      anchor_stored_ = true;
    else if (!is_anchor(position))
      rows_.insert(position.stream);
  }
}

// `out`: what is about to be stored.
void FileSource::keep_anchor(std::vector<Position>& out) {
  for (const Position& position : out) {
    if (position.gone)
      rows_.erase(position.stream);
    else if (!is_anchor(position))
      rows_.insert(position.stream);
  }
  const bool wanted = rows_.empty();
  if (wanted == anchor_stored_) return;
  anchor_stored_ = wanted;
  Position anchor;
  anchor.stream = kAnchorKey;
  anchor.path = settings_.path;
  anchor.updated_ms = looked_wall_ms_ - kClockGrainMs;
  anchor.birth_ns = anchor.updated_ms * 1'000'000;
  anchor.gone = !wanted;
  out.push_back(std::move(anchor));
}

void FileSource::anchor_chains(std::vector<Position>& out) {
  for (Chain& chain : chains_) {
    if (!chain.anchor.empty()) continue;
    FileStat from;
    from.birth_ns = chain.birth_ns;
    chain.anchor = kAnchorKey + mint_key(chain.home, from, Now{0, looked_wall_ms_});
    Position& anchor = out.emplace_back(chain.vanished ? chain.vanished->position : Position());
    anchor.stream = chain.anchor;
    anchor.path = chain.log;
    anchor.birth_ns = chain.birth_ns;
    const int64_t since_ns =
        chain.looked_ns > 0 ? std::min(chain.looked_ns, chain.modified_ns) : chain.modified_ns;
    anchor.updated_ms = (since_ns + 999'999) / 1'000'000;
  }
}

void FileSource::forget_anchor(const Chain& chain) {
  if (chain.anchor.empty()) return;
  Position& anchor = gone_.emplace_back();
  anchor.stream = chain.anchor;
  anchor.path = chain.log;
  anchor.gone = true;
}

// The store went back: of what it knows of a chain, the rest of its positions tell.
void FileSource::note_stored_chains() {
  for (Chain& chain : chains_) {
    if (waiting_of(chain.anchor)) continue;
    chain.anchor.clear();
    chain.vanished.reset();
  }
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    return std::any_of(chains_.begin(), chains_.end(),
                       [&](const Chain& chain) { return waiting.position.stream == chain.anchor; });
  });
}

void FileSource::prune_rotated(Now now) {
  std::vector<Stream*> read;
  for (const auto& s : streams_)
    if (s && s->began && !s->file.is_open() && !s->waiting && s->file.unread() == 0 && !in_glob(*s))
      read.push_back(s.get());
  if (read.size() <= kRotatedKeptMax) return;
  std::sort(read.begin(), read.end(), [](const Stream* a, const Stream* b) {
    return a->file.stat().modified_ns < b->file.stat().modified_ns;
  });
  read.resize(read.size() - kRotatedKeptMax);
  for (Stream* s : read)
    if (!has_older_row(*s)) forget(*s, true, now);
}

// Whether an older one of the same log has a row, which may be the log itself if it is copied and
// truncated: once that is rotated or gone, the file would be found behind it, as news.
bool FileSource::has_older_row(const Stream& s) {
  const FileStat& stat = s.file.stat();
  const std::vector<Stream*> family = family_of(s.path);
  return std::any_of(family.begin(), family.end(), [&](const Stream* other) {
    const FileStat& than = other->file.stat();
    const bool older = than.modified_ns <= stat.modified_ns || than.birth_ns < stat.birth_ns;
    return other != &s && other->began && older;
  });
}

}  // namespace lastseen
