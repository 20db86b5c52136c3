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
  dropped_.push_back({s.file.identity(), s.file.stat(), s.path, s.existed, s.began ? s.key : "",
                      s.sibling, s.file.first_held()});
  forget(s, false, now);
}

// If the file of the position is one that was let go before the position was known, only a copy of
// it may be found, and what is behind it.
void FileSource::note_if_dropped(Waiting& waiting) {
  Position& stored = waiting.position;
  auto found = std::find_if(dropped_.begin(), dropped_.end(), [&](const DroppedFile& dropped) {
    return dropped.key == stored.stream ||
           (dropped.identity.inode == stored.inode && dropped.identity.device == stored.device &&
            dropped.identity.birth_ns == stored.birth_ns);
  });
  if (found == dropped_.end()) return;
  stored.size = std::max(found->identity.size, stored.size);
  waiting.loss = LossReason::kHold;
  dropped_.erase(found);
}

// Of siblings that were let go, the chain leads to those that came after what it begins with. Names
// tell nothing: the others have moved since.
void FileSource::note_dropped_behind(const Chain& chain) {
  for (DroppedFile& dropped : dropped_) {
    if (!dropped.sibling || !is_rotation(dropped.path, chain.log)) continue;
    if (chain.of_new_logs && newest_of(dropped.path) != nullptr) continue;
    const bool dated = chain.birth_ns != 0 && birth_dates(dropped.stat);
    dropped.is_news |= dated
                           ? dropped.stat.birth_ns > chain.birth_ns
                           : chain.modified_ns != 0 && dropped.stat.modified_ns > chain.modified_ns;
  }
}

// A file was truncated, or is gone: what was known of it is counted, as read or as lost, and may
// have been in a copy.
void FileSource::forget_dropped_copy(const Position& counted) {
  const Head head{counted.head_bytes, counted.head_hash};
  std::erase_if(dropped_, [&](const DroppedFile& dropped) {
    return dropped.sibling && head.agrees_with(dropped.first);
  });
}

// Whether it may be a copy of what is read elsewhere, as far as its first bytes tell.
bool FileSource::may_be_copy(const DroppedFile& dropped) {
  if (dropped.first.empty()) return true;
  const std::vector<Stream*> family = family_of(dropped.path);
  return std::any_of(family.begin(), family.end(), [&](Stream* s) {
    std::optional<FollowedFile> closed;
    const Result<FollowedFile*> file = look_into(*s, closed);
    const Result<std::string> first =
        file ? (*file)->first_bytes() : Result<std::string>(file.status());
    if (!first) {
      const Position last = s->file.identity();
      return last.head_bytes > 0 &&
             Head{last.head_bytes, last.head_hash}.agrees_with(dropped.first);
    }
    const size_t length = std::min(first->size(), dropped.first.size());
    return length > 0 && first->compare(0, length, dropped.first, 0, length) == 0;
  });
}

// Positions are known: of what was let go, these were new files.
void FileSource::count_dropped() {
  std::erase_if(dropped_, [&](const DroppedFile& dropped) {
    if (dropped.sibling) return false;
    if (known_ || !dropped.existed || start_ == Start::kBegin)
      lose(LossReason::kHold, dropped.identity.size, dropped.path, "it was let go unread");
    return true;
  });
}

// Every chain is followed: what none leads to was never ours.
void FileSource::count_dropped_siblings() {
  for (const DroppedFile& dropped : dropped_)
    if (dropped.is_news && !may_be_copy(dropped))
      lose(LossReason::kHold, dropped.identity.size, dropped.path, "it was let go unread");
  dropped_.clear();
}

}  // namespace lastseen
