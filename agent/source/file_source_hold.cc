// Files that no name leads to any more are held open until they are read, within a budget.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

constexpr std::string_view kTooOld = "it was held longer than hold.age allows";
constexpr std::string_view kTooMuch = "more is held than hold.bytes allows";

bool is_held(const FollowedFile& file) {
  return file.is_open() && (file.placed() ? file.unread() > 0 : file.size_seen() > 0);
}

}  // namespace

// What a name leads to costs nothing to hold: only the others count.
void FileSource::keep_to_budget(Now now) {
  if (!options_.hold) return;
  HoldBudget& budget = *options_.hold;
  std::vector<Stream*> held;
  uint64_t bytes = 0;
  for (const auto& s : streams_) {
    if (!s || s->named || !is_held(s->file)) continue;
    held.push_back(s.get());
    bytes += static_cast<uint64_t>(s->file.stat().size);
  }
  budget.remove(held_bytes_);
  budget.add(held_bytes_ = bytes);
  std::stable_sort(held.begin(), held.end(),
                   [](const Stream* a, const Stream* b) { return a->unnamed_ms < b->unnamed_ms; });
  for (Stream* s : held) {
    const bool too_old = now.mono_ms - s->unnamed_ms > budget.age_max_ms();
    if (!too_old && !budget.exceeded()) break;
    const uint64_t size = static_cast<uint64_t>(s->file.stat().size);
    budget.remove(size);
    held_bytes_ -= size;
    drop_held(*s, too_old ? kTooOld : kTooMuch, now);
  }
}

void FileSource::drop_held(Stream& s, std::string_view why, Now now) {
  if (s.file.placed()) {
    lose(LossReason::kHold, s.file.unread(), s.path, why);
    forget(s, true, now);
    return;
  }
  // How much of it was read before, or whether it is to be read at all, only the store knows.
  log_.warn(
      "a file that could not be read yet is let go; raise hold.bytes or hold.age to keep such "
      "files",
      {{"input", settings_.name}, {"path", s.path}, {"reason", std::string(why)}});
  if (!s.sibling) dropped_.push_back({s.file.identity(), s.path, s.existed, s.began ? s.key : ""});
  forget(s, false, now);
}

// True: the file of the position is one that was let go before the position was known.
bool FileSource::was_dropped(const Position& stored) {
  auto found = std::find_if(dropped_.begin(), dropped_.end(), [&](const Dropped& dropped) {
    return dropped.key == stored.stream ||
           (dropped.identity.inode == stored.inode && dropped.identity.device == stored.device &&
            dropped.identity.birth_ns == stored.birth_ns);
  });
  if (found == dropped_.end()) return false;
  const uint64_t size = std::max(found->identity.size, stored.size);
  if (size > stored.position)
    lose(LossReason::kHold, size - stored.position, found->path, "it was let go unread");
  dropped_.erase(found);
  gone_.push_back(stored);
  gone_.back().gone = true;
  return true;
}

// Positions are known: of what was let go, these were new files.
void FileSource::count_dropped() {
  for (const Dropped& dropped : dropped_)
    if (known_ || !dropped.existed || start_ == Start::kBegin)
      lose(LossReason::kHold, dropped.identity.size, dropped.path, "it was let go unread");
  dropped_.clear();
}

}  // namespace lastseen
