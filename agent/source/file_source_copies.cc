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

bool born_before(const FileStat& stat, int64_t birth_ns) {
  return stat.birth_ns != 0 && birth_ns != 0 && stat.birth_ns < birth_ns;
}

// How many bytes of it tell the file from others that begin alike.
uint64_t known_bytes(const Position& position) {
  return std::max<uint64_t>(position.position, position.head_bytes);
}

// By their names: copytruncate copies a log, gzip packs what is not written to.
bool may_be_copied(const std::string& from, const std::string& to) {
  if (is_gzip_name(to)) return !is_gzip_name(from);
  const std::string log = without_gzip_suffix(from);
  return log == to || is_rotated_name(log, to);
}

}  // namespace

Result<FileSource::Evidence> FileSource::find_evidence(FollowedFile& file,
                                                       const Position& before) const {
  if (!tells_copies(before) || born_before(file.stat(), before.birth_ns)) return Evidence::kNone;
  Evidence evidence = Evidence::kPosition;
  Result<bool> holds = file.proves(before, 1);
  if (holds && !*holds) {
    evidence = Evidence::kBeginning;
    holds = file.is_beginning_of(before);
  }
  // What is in a damaged archive, nobody will know.
  if (holds.status().code() == StatusCode::kReject) return Evidence::kNone;
  if (!holds) return holds.status();
  return *holds ? evidence : Evidence::kNone;
}

Result<bool> FileSource::holds_copy(FollowedFile& file, const Position& before) const {
  const Result<Evidence> evidence = find_evidence(file, before);
  if (!evidence) return evidence.status();
  return *evidence != Evidence::kNone;
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
  n.has_new_key = false;
  forget_unstored(n);
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
  CopySearch search{s.path, log_of(s.home, s.path), s.key, before, before.updated_ms * 1'000'000};
  search.last_try = s.copy_tries + 1 >= kCopyTriesMax;
  // After the store went back that was long ago: what copies the file of now is no copy of it.
  for (Stream* n : family_of(s.path)) {
    if (n->copy_of != s.key || !n->file.is_open() || n->file.stat().size == 0) continue;
    const Result<bool> of_now = n->file.begins_as(s.file);
    if (of_now && *of_now) n->copy_of.clear();
  }
  Stream* found = find_copy_of(search, now);
  if (!found) return search.undecided ? Search::kUndecided : Search::kNone;
  const Search taken = take_copy(*found, s, before, now);
  const uint64_t read_to = std::max(found->file.size_seen(), before.position);
  lost = is_gzip_name(found->path) || before.size < read_to ? 0 : before.size - read_to;
  return taken;
}

// A copy may have been made since the directory was listed: then once more.
FileSource::Stream* FileSource::find_copy_of(CopySearch& search, Now now) {
  const std::string directory = directory_of(search.log);
  const bool listed = listings_.holds(directory);
  Stream* found = find_copy_among(list_maybe_copies(search), search, now);
  if (found || !listed) return found;
  listings_.forget(directory);
  search.undecided = false;
  return find_copy_among(list_maybe_copies(search), search, now);
}

// What is held open, waits for a descriptor, or is followed by nobody. Those come first that were
// written since then, and of them the oldest: later ones are copies of what came after it. What was
// made before that was at best being made just then.
std::vector<FileSource::MaybeCopy> FileSource::list_maybe_copies(CopySearch& search) {
  std::vector<MaybeCopy> family;
  for (Stream* n : family_of(search.path))
    if (!n->file.placed() && n->path != search.path)
      family.push_back({{n->path, n->file.stat()}, n});
  const Listing listing = listings_.family_of(search.log);
  search.undecided |= !listing.status || !listing.complete;
  for (const FoundFile& file : listing.files)
    if (file.path != search.log && !stream_of(file.stat)) family.push_back({file});
  std::erase_if(family, [&](const MaybeCopy& maybe) { return is_of_another(maybe.found, search); });
  const int64_t since_ns = search.since_ns - kClockGrainMs * 1'000'000;
  std::stable_sort(family.begin(), family.end(), [&](const MaybeCopy& a, const MaybeCopy& b) {
    const int64_t a_ns = a.found.stat.modified_ns;
    const int64_t b_ns = b.found.stat.modified_ns;
    const bool since = a_ns >= since_ns;
    if (since != (b_ns >= since_ns)) return since;
    if (a_ns != b_ns) return since == (a_ns < b_ns);
    // What gzip is at, or was, is whole in the file that it packs, whose name may be an old one.
    if (is_gzip_name(a.found.path) != is_gzip_name(b.found.path)) return is_gzip_name(b.found.path);
    const int order = compare_rotations(search.log, a.found.path, b.found.path);
    return since ? order < 0 : order > 0;
  });
  return family;
}

// Whether it is the file of a position that has not found it yet, or packs one that is followed.
bool FileSource::is_of_another(const FoundFile& found, const CopySearch& search) {
  const auto is_its_file = [&](const Waiting& waiting) {
    return !waiting.settled && (search.unstored || !waiting.unstored) &&
           compare_inode(waiting.position, found.stat) == InodeMatch::kSame;
  };
  const auto is_packed = [&](const Stream* s) {
    return s->file.placed() && s->key != search.key && s->file.stat().links == 0 &&
           is_packed_time(found.stat, s->file.stat());
  };
  const std::vector<Stream*> family = family_of(search.path);
  return std::any_of(waiting_.begin(), waiting_.end(), is_its_file) ||
         (is_gzip_name(found.path) && std::any_of(family.begin(), family.end(), is_packed));
}

// The first that holds the position, or else the first that can be a beginning. While one that is
// held cannot be read, no other is taken: both may be copies, if gzip made one of the other, and a
// plain one that is left over would be taken for a new file. Where files may begin alike, none is
// taken before all can be read, and one that is too short comes last.
FileSource::Stream* FileSource::find_copy_among(std::vector<MaybeCopy> family, CopySearch& search,
                                                Now now) {
  const bool alike = known_bytes(search.before) <= kHeadBytesMax;
  bool blocked = false;
  bool proven = false;
  MaybeCopy* best = nullptr;
  for (MaybeCopy& maybe : family) {
    bool& unknown = alike || maybe.stream ? blocked : search.undecided;
    if (!open_maybe_copy(maybe, now)) {
      unknown |= maybe.unknown;
      continue;
    }
    Stream* n = maybe.stream;
    FollowedFile& file = maybe.file();
    Result<Evidence> evidence = find_evidence(file, search.before);
    if (evidence && *evidence != Evidence::kNone) {
      const Result<bool> other = is_likelier_of_another(file, search);
      if (!other) evidence = other.status();
      if (other && *other) evidence = Evidence::kNone;
    }
    const bool known = n && n->copy_of == search.key && !n->copy_by_name;
    proven = evidence && *evidence == Evidence::kPosition;
    if (proven && alike && search.size_min > 0) {
      const Result<bool> whole = file.is_longer_than(search.size_min - 1);
      if (!whole) evidence = whole.status();
      proven = whole && *whole;
    }
    unknown |= !evidence;
    const bool may_be = evidence && (known || *evidence != Evidence::kNone);
    if (proven || (may_be && !best)) {
      if (best) close_maybe_copy(*best);
      best = &maybe;
    } else {
      close_maybe_copy(maybe);
    }
    if (proven) break;
  }
  if (proven && !alike && !is_gzip_name(best->found.path))
    best = find_longest_copy(family, best, search, blocked, now);
  if (best && blocked && !search.last_try) {
    close_maybe_copy(*best);
    best = nullptr;
  }
  search.undecided = !best && (search.undecided || blocked);
  if (!best) return nullptr;
  if (best->stream) return best->stream;
  const FileStat stat = best->probe->stat();
  return &add(best->found.path, best->probe->release(), stat, now);
}

// The log may have been copied before, and not truncated then: what it was given after that is in
// the later copy only. Sets `blocked` where one of them could not be read.
FileSource::MaybeCopy* FileSource::find_longest_copy(std::vector<MaybeCopy>& family,
                                                     MaybeCopy* copy, const CopySearch& search,
                                                     bool& blocked, Now now) {
  for (MaybeCopy* later = copy + 1; later != family.data() + family.size(); ++later) {
    if (!open_maybe_copy(*later, now)) {
      blocked |= later->unknown;
      continue;
    }
    Result<bool> longer = later->file().proves(search.before, 1);
    const auto size = static_cast<uint64_t>(copy->file().stat().size);
    if (longer && *longer) longer = later->file().is_longer_than(size);
    if (longer && *longer) longer = copy->file().begins_as(later->file());
    blocked |= longer.status().code() == StatusCode::kRetry;
    const bool better = longer && *longer;
    close_maybe_copy(better ? *copy : *later);
    if (better) copy = later;
  }
  return copy;
}

// Whether more of it is that of another: of a file that is followed, or of a position whose file is
// not found yet; or of none that is known.
Result<bool> FileSource::is_likelier_of_another(FollowedFile& file, const CopySearch& search) {
  // What was packed and read has no more than that.
  if (is_gzip_name(search.path) && search.before.position >= search.before.size) {
    Result<bool> longer = file.is_longer_than(search.before.position);
    if (!longer || *longer) return longer;
  }
  std::vector<Position> others;
  for (const Stream* s : family_of(search.path))
    if (s->file.placed() && s->key != search.key) others.push_back(s->file.identity());
  for (const Waiting& waiting : waiting_)
    if (!waiting.settled && (search.unstored || !waiting.unstored) &&
        waiting.position.stream != search.key && same_family(waiting.position.path, search.path))
      others.push_back(waiting.position);
  for (const Position& other : others) {
    if (known_bytes(other) <= known_bytes(search.before)) continue;
    Result<bool> holds = file.proves(other, 1);
    if (!holds || *holds) return holds;
  }
  return false;
}

bool FileSource::open_maybe_copy(MaybeCopy& maybe, Now now) {
  if (Stream* n = maybe.stream) {
    const bool closed = n->waiting && !n->file.is_open();
    maybe.reopened = closed && reopen(*n, n->path, now);
    maybe.unknown = closed && !maybe.reopened;
    return n->file.is_open();
  }
  Result<FollowedFile> probe = look_into(maybe.found.path);
  maybe.unknown = probe.status().code() == StatusCode::kRetry;
  if (!probe || stream_of(probe->stat())) return false;
  maybe.probe.emplace(std::move(*probe));
  return true;
}

void FileSource::close_maybe_copy(MaybeCopy& maybe) {
  maybe.probe.reset();
  if (!maybe.reopened) return;
  maybe.stream->waiting = true;
  maybe.stream->file.close();
}

// Whether a file that would begin at its first byte is a copy of what is being read, or may be.
bool FileSource::is_held_copy(Stream& n, Now now) {
  const std::string was_copy_of = std::exchange(n.copy_of, "");
  // A few bytes may be alike by chance: what has grown since is compared again. So is what only the
  // name told of, which may be another's by now.
  if (!n.copy_by_name && n.copy_size == n.file.stat().size)
    for (const Stream* s : family_of(n.path))
      if (s->key == was_copy_of) return n.copy_of = was_copy_of, true;
  if ((n.existed && !known_) || family_name_of(n.path) == n.path) return false;
  for (const Waiting& waiting : waiting_)
    if (same_family(waiting.position.path, n.path)) return true;  // it may be what is looked for
  for (Stream* s : family_of(n.path)) {
    // What gzip made `n` of comes first, though it may not have begun yet.
    const bool may_pack = is_gzip_name(n.path) && !is_gzip_name(s->path) && s->file.is_open();
    if (s == &n || (!s->began && !may_pack)) continue;
    const bool packing = n.located && s->named && is_gzip_name(n.path) &&
                         s->path == without_gzip_suffix(n.path) &&
                         may_be_packed_of(n.file.stat(), s->file.stat());
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
  if (!may_be_copied(s.path, n.path)) return false;
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
  return begins_as(n, s);
}

Result<bool> FileSource::begins_as(Stream& n, Stream& s) {
  std::optional<FollowedFile> closed;
  const Result<FollowedFile*> file = look_into(s, closed);
  if (!file) return file.status();
  if (closed && compare_inode(s.file.identity(), closed->stat()) != InodeMatch::kSame)
    return Status::retry("the path of a closed file leads to another");
  return n.file.begins_as(**file);
}

// Whether it was copied from a file that has been rotated since, or from what that is a copy of. So
// many bytes are alike in no two files of a log but these.
Result<bool> FileSource::is_old_copy_of(Stream& n, Stream& s) {
  const bool tells = static_cast<uint64_t>(n.file.stat().size) > kHeadBytesMax;
  if (!tells || is_gzip_name(n.path) || is_gzip_name(s.path) || !s.named) return false;
  return begins_as(n, s);
}

// A file is gone: its copy, if there is one, takes its place.
void FileSource::hand_over(Stream& s, Now now) {
  const Position last = s.file.identity();
  bool taken = false;
  for (Stream* n : family_of(s.path)) {
    if (n == &s || !n->file.is_open() || n->file.placed() || n->sibling) continue;
    const bool marked = n->copy_of == s.key;
    if (!marked && !may_be_copied(s.path, n->path)) continue;
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
  CopySearch search{s.path, s.path, s.key, last, last.birth_ns};
  if (Stream* n = find_copy_of(search, now)) take_copy(*n, s, last, now);
}

// If gzip made another file of one that was read, that is as old, and the position is its. It need
// not be unpacked to tell. True: it is so.
bool FileSource::go_on_as_packed(Stream& s) {
  const int64_t looked_ns = (complete_look_wall_ms_ - kClockGrainMs) * 1'000'000;
  if (!s.file.placed() || s.file.unread() > 0 || s.file.stat().modified_ns >= looked_ns)
    return false;
  // Of an empty one nothing is read, and as old is what was rotated when it was created.
  if (s.file.position() == 0) return false;
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
bool FileSource::waits_for_copy(Stream& s, Position before, uint64_t& lost, Now now) {
  before.updated_ms = s.intact_wall_ms;
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
