// Which rows the store keeps of this input beside those of its files, and when they go.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

// Rotated files that are read stay known, should they grow. More of them are months old.
constexpr size_t kRotatedKeptMax = 64;

}  // namespace

void FileSource::anchor_chains(std::vector<Position>& out) {
  for (Chain& chain : chains_) {
    if (!chain.anchor.empty()) continue;
    FileStat from;
    from.birth_ns = chain.birth_ns;
    chain.anchor = StoredRows::kAnchorKey + mint_key(chain.home, from, Now{0, looked_wall_ms_});
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
