// Copies: what copytruncate and gzip make of a file. The bytes are known, the inode is not.
//
//   the copy appears while its file is as it was      it is held back: its bytes are read there
//   the file is truncated (copytruncate)              the copy is read from the file's position
//   the file is gone (gzip removes what it packed)    the same
//   both happened while the agent was down            the same, from the stored position
//
// A copy is known by its contents: the first bytes, and those before the position; or, while the
// file can still be read, byte by byte at both ends. And by a name of the file's family, for two
// logs may begin with equal lines.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

// A copy that has just been created is empty; an empty file that stays so is no copy.
constexpr int64_t kCopyBeginsMs = 2000;
// Looks after which a copy that cannot be looked for is given up, and what it held counted as lost.
constexpr int kCopyTriesMax = 60;

bool born_before(const FileStat& stat, int64_t birth_ns) {
  return stat.birth_ns != 0 && birth_ns != 0 && stat.birth_ns < birth_ns;
}

}  // namespace

Result<bool> FileSource::holds_copy(FollowedFile& file, const Position& before) const {
  if (!tells_copies(before) || born_before(file.stat(), before.birth_ns)) return false;
  Result<bool> holds = file.proves(before, 1);
  if (holds && !*holds) holds = file.is_beginning_of(before);
  // What is in a damaged archive, nobody will know.
  if (holds.status().code() == StatusCode::kReject) return false;
  return holds;
}

// Reads on in the copy `n` where `before` stood in `s`, which is read after it.
FileSource::Search FileSource::take_copy(Stream& n, Stream& s, const Position& before, Now now) {
  if (!n.file.go_on_from(before)) {
    say_trouble(n);
    return Search::kUndecided;
  }
  n.home = s.home;
  n.copy_of.clear();
  n.sibling = false;
  n.sequence = s.sequence;
  s.sequence = newest_sequence_ += kSequenceStep;
  n.began = n.dirty = true;
  const int64_t seen_wall_ms = s.intact_wall_ms;
  n.changed_ms = now.mono_ms;
  log_.info("reading on in a copy", {{"input", settings_.name},
                                     {"path", n.path},
                                     {"of", s.path},
                                     {"position", n.file.position()}});
  look_at(n, true, now);
  start_chain(n, seen_wall_ms);
  wait_for_turn(n);
  return Search::kFound;
}

// The file of `s` was truncated. What was in it may be in a sibling.
FileSource::Search FileSource::find_copy(Stream& s, const Position& before, uint64_t& lost,
                                         Now now) {
  bool undecided = false;
  Stream* found = find_held_copy(s.path, s.key, before, undecided, now);
  if (!found && (!undecided || s.copy_tries + 1 >= kCopyTriesMax))
    found = find_unfollowed_copy(log_of(s.home, s.path), before, undecided, now);
  if (!found) return undecided ? Search::kUndecided : Search::kNone;
  Search search = take_copy(*found, s, before, now);
  const uint64_t read_to = std::max(found->file.size_seen(), before.position);
  lost = is_gzip_name(found->path) || before.size < read_to ? 0 : before.size - read_to;
  return search;
}

// A copy among those that are held open, or wait for a descriptor. While one cannot be read,
// another is not taken: both may be, if gzip made one of the other. A plain one that is left over
// would be taken for a new file.
FileSource::Stream* FileSource::find_held_copy(const std::string& path, const std::string& key,
                                               const Position& before, bool& undecided, Now now) {
  std::vector<Stream*> family = family_of(path);
  std::stable_partition(family.begin(), family.end(),
                        [](const Stream* n) { return !is_gzip_name(n->path); });
  for (Stream* n : family) {
    if (n->file.placed() || n->path == path) continue;
    const bool closed = n->waiting && !n->file.is_open();
    if (closed && !reopen(*n, n->path, now)) undecided = true;
    if (!n->file.is_open()) continue;
    const bool known = n->copy_of == key && !n->copy_by_name;
    Result<bool> copy = known ? Result<bool>(true) : holds_copy(n->file, before);
    undecided |= !copy;
    if (copy && *copy) return undecided ? nullptr : n;
    if (closed) {
      n->waiting = true;
      n->file.close();
    }
  }
  return nullptr;
}

// A copy among the files of the directory that nobody follows. It may have been made since the
// directory was listed: then once more.
FileSource::Stream* FileSource::find_unfollowed_copy(const std::string& log, const Position& before,
                                                     bool& undecided, Now now) {
  const std::string directory = directory_of(log);
  const bool listed = listings_.holds(directory);
  bool unsure = false;
  Stream* copy = find_listed_copy(log, before, unsure, now);
  if (!copy && listed) {
    listings_.forget(directory);
    unsure = false;
    copy = find_listed_copy(log, before, unsure, now);
  }
  undecided = copy ? false : undecided || unsure;
  return copy;
}

FileSource::Stream* FileSource::find_listed_copy(const std::string& log, const Position& before,
                                                 bool& undecided, Now now) {
  Listing listing = listings_.family_of(log);
  undecided |= !listing.status || !listing.complete;
  std::erase_if(listing.files,
                [&](const FoundFile& file) { return file.path == log || stream_of(file.stat); });
  // What gzip is still at is whole in the file beside it.
  std::stable_partition(listing.files.begin(), listing.files.end(),
                        [](const FoundFile& file) { return !is_gzip_name(file.path); });
  for (const FoundFile& candidate : listing.files) {
    Result<FollowedFile> probe = look_into(candidate.path);
    if (!probe) {
      undecided |= probe.status().code() == StatusCode::kRetry;
      continue;
    }
    if (stream_of(probe->stat())) continue;
    const FileStat stat = probe->stat();
    Result<bool> copy = holds_copy(*probe, before);
    undecided |= !copy;
    if (!copy || !*copy) continue;
    return &add(candidate.path, probe->release(), stat, now);
  }
  return nullptr;
}

// The file of a stored position is gone; gzip may have made another of it, or it was copied first.
FileSource::Stream* FileSource::find_remaining_copy(const Position& stored, const std::string& path,
                                                    bool& undecided, Now now) {
  Stream* held = find_held_copy(path, stored.stream, stored, undecided, now);
  if (held || undecided) return held;
  return find_unfollowed_copy(path, stored, undecided, now);
}

// Whether a file that would begin at its first byte is a copy of what is being read, or may be.
bool FileSource::is_held_copy(Stream& n, Now now) {
  const std::string was_copy_of = std::exchange(n.copy_of, "");
  // A few bytes may be alike by chance: what has grown since is compared again. So is what only the
  // name told of, which may be another's by now.
  if (!n.copy_by_name && n.copy_size == n.file.stat().size)
    for (const Stream* s : family_of(n.path))
      if (s->key == was_copy_of) return n.copy_of = was_copy_of, true;
  if ((n.existed && !known_) || rotation_base(n.path) == n.path) return false;
  for (const Waiting& waiting : waiting_)
    if (same_family(waiting.position.path, n.path)) return true;  // it may be what is looked for
  for (Stream* s : family_of(n.path)) {
    // What gzip made `n` of comes first, though it may not have begun yet.
    const bool may_pack = is_gzip_name(n.path) && !is_gzip_name(s->path) && s->file.is_open();
    if (s == &n || (!s->began && !may_pack)) continue;
    const bool packing =
        n.named && s->named && is_gzip_name(n.path) && s->path == without_gzip_suffix(n.path);
    Result<bool> copy = packing ? Result<bool>(true) : is_copy_of(n, *s);
    if (!copy) return true;           // the next look tells
    if (!*copy || n.began) continue;  // its own lines are counted
    if (n.file.stat().size == 0 && !packing) {
      if (now.mono_ms - n.changed_ms < kCopyBeginsMs) return true;
      continue;
    }
    n.copy_of = s->key;
    n.copy_by_name = packing;
    n.copy_size = n.file.stat().size;
    if (was_copy_of == s->key) return true;
    if (waited_.count(n.path) > 0) return true;  // said when it began to wait for a descriptor
    log_.info("not read: a copy of a file that is followed",
              {{"input", settings_.name}, {"path", n.path}, {"of", s->path}});
    return true;
  }
  return false;
}

Result<bool> FileSource::is_copy_of(Stream& n, Stream& s) {
  // copytruncate copies the file that is written to, gzip packs one that is not.
  const std::string plain = without_gzip_suffix(s.path);
  if (is_gzip_name(n.path) ? is_gzip_name(s.path) : is_rotated_name(rotation_base(plain), plain))
    return false;
  if (born_before(n.file.stat(), s.file.stat().birth_ns)) return false;
  // It may have been truncated since it was last looked at, and `n` be a copy of what was in it.
  if (!s.file.trouble().empty()) return Status::retry(s.file.trouble());
  if (s.file.is_open()) return n.file.begins_as(s.file);
  const Position last = s.file.identity();
  if (tells_copies(last)) {
    Result<bool> copy = n.file.proves(last, 1);
    if (!copy || !*copy) return copy;
    const Result<bool> apart = only_begins_like(n, s);
    return apart ? Result<bool>(!*apart) : apart;
  }
  // A few first bytes are those of every file of the log: more of them are looked at.
  Result<FollowedFile> probe = look_into(s.path);
  if (!probe) return probe.status();
  if (compare_inode(last, probe->stat()) != InodeMatch::kSame)
    return Status::retry("the path of a closed file leads to another");
  return n.file.begins_as(*probe);
}

// A file is gone: its copy, if there is one, takes its place.
void FileSource::hand_over(Stream& s, Now now) {
  const Position last = s.file.identity();
  bool taken = false;
  for (Stream* n : family_of(s.path)) {
    if (n == &s || !n->file.is_open() || n->file.placed() || n->sibling) continue;
    const bool marked = n->copy_of == s.key;
    Result<bool> copy = marked && !n->copy_by_name ? Result<bool>(true) : holds_copy(n->file, last);
    if (copy && *copy) {
      taken = true;
      take_copy(*n, s, last, now);
    } else if (marked) {
      n->copy_of.clear();
    }
  }
  // A copy that the glob names may wait for a descriptor.
  if (taken || !share_ || share_->wanted == 0) return;
  bool undecided = false;
  if (Stream* n = find_unfollowed_copy(s.path, last, undecided, now)) take_copy(*n, s, last, now);
}

// If gzip made another file of one that was read, that is as old, and the position is its. It need
// not be unpacked to tell. True: it is so.
bool FileSource::go_on_as_packed(Stream& s) {
  const int64_t looked_ns = (complete_look_wall_ms_ - kClockGrainMs) * 1'000'000;
  if (!s.file.placed() || s.file.unread() > 0 || s.file.stat().modified_ns >= looked_ns)
    return false;
  Listing family = listings_.family_of(s.path);
  std::erase_if(family.files, [&](const FoundFile& file) {
    return !is_gzip_name(file.path) || !is_packed_time(file.stat, s.file.stat()) ||
           names_.names(file.path) || stream_of(file.stat);
  });
  if (family.files.size() != 1) return false;  // of two, their contents tell
  note_packed(s, family.files.front());
  return true;
}

// True: the file's position stays what it was until its copy can be looked for.
bool FileSource::waits_for_copy(Stream& s, const Position& before, uint64_t& lost, Now now) {
  const Search search = find_copy(s, before, lost, now);
  if (search != Search::kUndecided || ++s.copy_tries >= kCopyTriesMax) {
    s.copy_tries = 0;
    if (search != Search::kFound) start_chain_since(s);
    return false;
  }
  s.file.resume(before);
  s.file.note_trouble(Status::retry("it was truncated, and a copy cannot be looked for"));
  say_trouble(s);
  return true;
}

}  // namespace lastseen
