// Where reading begins: stored positions find their files, the others begin by the start choice.
#include <algorithm>

#include "base/time_text.h"
#include "source/file_source.h"

namespace lastseen {

namespace {

// A listing with entries that cannot be asked may hide the file that is looked for. After so many
// polls the entries are taken for what they are, e.g. links into directories closed to us.
constexpr int kIncompleteTriesMax = 10;

// What became of its file was written then or later.
int64_t since_ns_of(const Position& stored) {
  return stored.birth_ns != 0 ? stored.birth_ns : stored.updated_ms * 1'000'000;
}

}  // namespace

void FileSource::restore(const StoredInput& stored, Now now) {
  went_back_ = restored_ && !held_back();
  restored_ = true;
  known_ = stored.known;
  note_foreign(stored);
  rows_.note(stored.positions, settings_.path);
  left_.clear();
  left_wall_ms_ = now.wall_ms;
  std::vector<Waiting> unfound = std::exchange(waiting_, {});
  stored_families_.clear();
  for (const Position& position : stored.positions) {
    if (position.gone || StoredRows::is_path(position)) continue;
    if (StoredRows::is_left(position)) {
      left_.push_back(StoredRows::of_left(position));
      continue;
    }
    if (!StoredRows::is_anchor(position)) stored_families_.insert(family_name_of(position.path));
    waiting_.push_back({position, went_back_ ? LossReason::kStoreWentBack : LossReason::kDeleted});
    waiting_.back().of_path = rows_.tells_path(settings_.path);
  }
  paths_due_ = true;
  complete_look_wall_ms_ = 0;
  for (const Waiting& waiting : waiting_)
    if (!StoredRows::is_anchor(waiting.position))
      complete_look_wall_ms_ = std::max(complete_look_wall_ms_, waiting.position.updated_ms);
  if (went_back_) keep_unfound(std::move(unfound));
  // Should an inode have been two files of the input, the newer one owns it.
  std::stable_sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
    if (a.position.updated_ms != b.position.updated_ms)
      return a.position.updated_ms > b.position.updated_ms;
    return a.position.birth_ns > b.position.birth_ns;
  });
  for (Waiting& waiting : waiting_) waiting.sequence = oldest_sequence_ -= kSequenceStep;
  for (const auto& stream : streams_)
    if (stream) stream->file.hold();
  if (went_back_) {
    note_stored_chains();
    return_closed(now);
  }
  look_at_all(now);  // settles, from what the disk says now
  if (went_back_) store_closed(now);
}

// What was not found by its position before the store lost that.
void FileSource::keep_unfound(std::vector<Waiting> unfound) {
  for (Waiting& waiting : unfound) {
    Position& position = waiting.position;
    if (StoredRows::is_anchor(position) || waiting_of(position.stream)) continue;
    if (reads_from_first_byte()) {
      position.position = 0;
      position.tail_bytes = 0;
      position.discarding = false;
    }
    gone_.push_back(position);
    waiting.loss = LossReason::kStoreWentBack;
    waiting.unstored = true;
    waiting_.push_back(std::move(waiting));
  }
}

// Files that were read and let go may have to be read again.
void FileSource::return_closed(Now now) {
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* s = streams_[i].get();
    if (!s || s->file.is_open()) continue;
    if (s->named && !has_descriptor(s->path)) {
      s->waiting = true;
      continue;
    }
    if (!reopen(*s, s->path, now)) look_for_closed(*s, now);
  }
}

// What could not be opened to begin with: after a kill, nothing would lead to it once it is
// rotated.
void FileSource::store_closed(Now now) {
  for (const auto& s : streams_) {
    if (!s || !s->waiting || !s->began || s->file.placed()) continue;
    if (waiting_of(s->key)) continue;
    s->key = mint_key(s->path, s->file.stat(), now);
    s->has_new_key = true;
    gone_.push_back(position_after_going_back(*s));
  }
}

void FileSource::settle(Now now) {
  if (!restored_ || !links_known_) return follow_chains(now);
  for (const auto& stream : streams_)
    if (stream) stream->undecided = false;
  const bool path_came_back = part_with_other_paths(now);
  settle_waiting(now);
  if ((!begun_ || path_came_back) && complete_look_wall_ms_ > 0)
    start_chains_without_log(complete_look_wall_ms_);
  count_dropped();
  follow_chains(now);
  look_for_readers();
  if (held_back()) return;
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* stream = streams_[i].get();
    if (stream && stream->file.is_open() && !stream->file.placed() && !stream->undecided &&
        !stream->sibling && !is_held_copy(*stream, now))
      place(*stream, now);
  }
  place_crowded(now);
  note_successors(now);
}

// Those that find their files come first. What is left may be in copies, and if these are alike,
// the oldest is of the oldest.
void FileSource::settle_waiting(Now now) {
  for (const bool unstored : {false, true}) {
    std::vector<Waiting*> gone;
    for (Waiting& waiting : waiting_) {
      if (waiting.unstored != unstored || (unstored && may_be_stored(waiting))) continue;
      waiting.settled = find_file(waiting, now);
      if (!waiting.settled && !waiting.crowded) gone.push_back(&waiting);
    }
    std::stable_sort(gone.begin(), gone.end(), [](const Waiting* a, const Waiting* b) {
      return since_ns_of(a->position) < since_ns_of(b->position);
    });
    for (Waiting* waiting : gone) waiting->settled = find_copy_or_give_up(*waiting, now);
    std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.settled; });
  }
}

// Whether a stored position that has not found its file yet, or that of a log that was truncated
// since, may be of the same contents, and tell how far they were counted.
bool FileSource::may_be_stored(const Waiting& unstored) {
  const std::string& path = unstored.position.path;
  const auto is_stored = [&](const Waiting& waiting) {
    return !waiting.unstored && same_family(waiting.position.path, path);
  };
  const std::vector<Stream*> family = family_of(path);
  return std::any_of(waiting_.begin(), waiting_.end(), is_stored) ||
         std::any_of(family.begin(), family.end(), [](Stream* s) { return s->copy_tries > 0; });
}

// True: the position has found its file, or needs none.
bool FileSource::find_file(Waiting& waiting, Now now) {
  const Position& stored = waiting.position;
  if (StoredRows::is_anchor(stored)) return look_behind(waiting), true;
  note_if_dropped(waiting);
  waiting.undecided = waiting.crowded = false;
  // What the file became since may be a copy, which only its key tells.
  for (const auto& s : streams_)
    if (s && s->waiting && !s->file.placed() &&
        (s->key == stored.stream || compare_inode(stored, s->file.stat()) == InodeMatch::kSame) &&
        !reopen(*s, s->path, now)) {
      waiting.crowded = true;
      return false;
    }
  Stream* stream = find_held(stored, waiting.undecided);
  if (!stream) stream = find_sibling(waiting, now);
  if (!stream) stream = find_on_other_device(stored, waiting.undecided);
  return stream && adopt(*stream, waiting, now);
}

// True: the position has found a copy, or its file is gone for good.
bool FileSource::find_copy_or_give_up(Waiting& waiting, Now now) {
  const Position& stored = waiting.position;
  if (!waiting.undecided) {
    const std::string path = likely_path_of(stored);
    CopySearch search{path, path, stored.stream, stored, since_ns_of(stored)};
    if (stored.size > stored.position) search.size_min = stored.position + 1;
    search.unstored = waiting.unstored;
    search.last_try = ++waiting.copy_tries >= kCopyTriesMax;
    if (Stream* copy = find_copy_of(search, now)) return adopt(*copy, waiting, now);
    waiting.undecided = search.undecided;
  }
  if (waiting.undecided && !is_given_up(waiting, now)) {
    // Where its link leads now, it may not lead any more when the file is found.
    if (const std::string home = home_or_former_of(stored.path); !home.empty())
      start_chain_behind_link(home, log_of(home, stored.path), waiting);
    if (!waiting.said)
      log_.warn(
          "the file of a stored position cannot be looked for; waiting. Make its directory "
          "readable",
          {{"input", settings_.name}, {"path", stored.path}});
    waiting.said = true;
    return false;
  }
  look_behind(waiting);
  gone_.push_back(stored);
  gone_.back().gone = true;
  return true;
}

// Where it may be by now.
std::string FileSource::likely_path_of(const Position& stored) {
  const std::string home = home_or_former_of(stored.path);
  return has_left(home, stored.path) ? names_.path_of(home) : stored.path;
}

bool FileSource::is_given_up(const Waiting& waiting, Now now) const {
  return waiting.absent_since_ms >= 0 &&
         now.mono_ms - waiting.absent_since_ms >= options_.forget_ms &&
         now.wall_ms - waiting.position.updated_ms >= kAbsentKeptMs;
}

// Where a file was first seen: its path may be that of a rotated file by now, or that of a name
// before its link led elsewhere, was removed or became a directory. Empty: unknown.
std::string FileSource::home_or_former_of(const std::string& path) {
  std::string home = home_of(path);
  if (!home.empty()) return home;
  home = names_.former_name_of(path);
  const bool may_be = home.empty() || names_.is_linked(home) || !exists(directory_of(path)) ||
                      !exists(directory_of(home));
  if (may_be && !home.empty()) return home;
  // One of many links led there, and what it is called is not stored.
  return names_.has_links() ? family_name_of(path) : "";
}

// What was written after the position was stored, nobody can know.
void FileSource::count_vanished(const Waiting& waiting) {
  const Position& stored = waiting.position;
  forget_dropped_copy(stored);
  if (stored.size > stored.position)
    return lose(waiting.loss, stored.size - stored.position, stored.path,
                "the file of a stored position is gone, and no copy of it is found");
  log_.info(
      "the file of a stored position is gone; all that was known of it had been read, what was "
      "written to it later cannot be known",
      {{"input", settings_.name},
       {"path", stored.path},
       {"position", stored.position},
       {"known_until", format_utc_ms(stored.updated_ms)}});
}

FileSource::Stream* FileSource::find_held(const Position& stored, bool& undecided) {
  // The store went back: this position may have become that of a copy since; its key tells which.
  // It may have become that of later contents, too.
  for (const auto& s : streams_) {
    if (!s || !s->began || s->key != stored.stream || !s->file.is_open() || s->file.placed())
      continue;
    if (compare_inode(stored, s->file.stat()) == InodeMatch::kSame) return s.get();
    Result<bool> copy = holds_copy(s->file, stored);
    undecided |= !copy;
    if (copy && *copy) return s.get();
  }
  Stream* found = nullptr;
  for (Stream* stream : streams_of_inode(stored.inode)) {
    if (!stream->file.is_open() || stream->file.placed()) continue;
    if (compare_inode(stored, stream->file.stat()) != InodeMatch::kSame) continue;
    if (stream->key == stored.stream) return stream;
    found = stream;
  }
  return found;
}

// Whether the directory of `path` is no more, and the log is in another one by now: a link leads
// there, so it is no disk that may be mounted again.
bool FileSource::has_left(const std::string& home, const std::string& path) {
  if (home.empty() || exists(directory_of(path))) return false;
  const std::string directory = directory_of(names_.path_of(home));
  return directory != directory_of(path) && exists(directory);
}

// A file that was renamed while nobody watched is in the directory still, under another name.
FileSource::Stream* FileSource::find_sibling(Waiting& waiting, Now now) {
  const Position& stored = waiting.position;
  bool& undecided = waiting.undecided;
  const Listing& listing = listings_.of(directory_of(likely_path_of(stored)));
  const bool absent = listing.status.code() == StatusCode::kNotFound;
  if (!absent) waiting.absent_since_ms = -1;
  if (absent && waiting.absent_since_ms < 0) waiting.absent_since_ms = now.mono_ms;
  if (!listing.status) {
    undecided = true;  // not there yet, e.g. not mounted
    return nullptr;
  }
  for (const FoundFile& file : listing.files) {
    InodeMatch match = compare_inode(stored, file.stat);
    if (match != InodeMatch::kSame && match != InodeMatch::kOtherDevice) continue;
    if (stream_of(file.stat)) continue;  // find_held() or find_on_other_device() looks at it
    Result<std::unique_ptr<File>> opened = open_to_look(file.path);
    Result<FileStat> stat = opened ? (*opened)->stat() : Result<FileStat>(opened.status());
    if (!stat) {
      undecided |= stat.status().code() != StatusCode::kReject;
      continue;
    }
    match = compare_inode(stored, *stat);
    if (match == InodeMatch::kOtherDevice) {
      FollowedFile probe(std::move(*opened), *stat, static_cast<size_t>(settings_.line_bytes_max));
      Result<bool> proven = probe.proves(stored);
      undecided |= !proven;
      if (!proven || !*proven) continue;
      opened = probe.release();
    } else if (match != InodeMatch::kSame) {
      continue;
    }
    Stream& stream = add(file.path, std::move(*opened), *stat, now);
    return &stream;
  }
  if (!listing.complete && ++waiting.incomplete_tries < kIncompleteTriesMax) undecided = true;
  return nullptr;
}

FileSource::Stream* FileSource::find_on_other_device(const Position& stored, bool& undecided) {
  for (Stream* stream : streams_of_inode(stored.inode)) {
    if (!stream->file.is_open() || stream->file.placed()) continue;
    if (compare_inode(stored, stream->file.stat()) != InodeMatch::kOtherDevice) continue;
    Result<bool> proven = stream->file.proves(stored);
    if (!proven) stream->undecided = undecided = true;
    if (proven && *proven) return stream;
  }
  return nullptr;
}

// What was to be stored of it while it waited is older than what will be.
void FileSource::forget_unstored(const Stream& s) {
  std::erase_if(gone_, [&](const Position& waits) { return waits.stream == s.key && !waits.gone; });
}

// False: it cannot be read now.
bool FileSource::adopt(Stream& s, const Waiting& waiting, Now now) {
  const Position& stored = waiting.position;
  // A copy may end before the position.
  const InodeMatch match = compare_inode(stored, s.file.stat());
  const bool copy = match == InodeMatch::kOther || match == InodeMatch::kReused;
  if (copy && !s.file.go_on_from(stored)) return say_trouble(s), false;
  if (!copy) s.file.resume(stored);
  s.key = stored.stream;
  forget_unstored(s);
  s.copy_of.clear();
  if (std::string home = home_or_former_of(stored.path); !home.empty()) s.home = std::move(home);
  // Older than whatever has taken its place since.
  s.sibling = false;
  if (is_rotated(s)) {
    start_chain_behind_link(s.home, log_of(s.home, s.path), waiting);
    s.sequence = waiting.sequence;
    start_chain(s);
  }
  s.intact_wall_ms = stored.updated_ms;
  s.began = s.dirty = true;
  s.changed_ms = now.mono_ms;
  log_.info("resumed",
            {{"input", settings_.name},
             {"path", s.path},
             {"position", s.file.position()},
             {"reason", copy                                    ? "a copy of the stored file"
                        : stored.device == s.file.stat().device ? "same file as stored"
                                                                : "same file, other device"}});
  // What is packed will not change: that it was read to its end need not be verified.
  const bool is_read = stored.position > 0 && stored.position >= stored.size;
  if (!copy && is_read && is_gzip_name(stored.path)) return s.file.close(), true;
  look_at(s, true, now);
  wait_for_turn(s);
  return true;
}

// By `start: end` what a log held at the first discovery is not counted, nor in a copy that was
// made of it since.
uint64_t FileSource::bytes_before_start(Stream& s) {
  for (const Stream* log : family_of(s.path)) {
    if (log == &s || !log->first) continue;
    const Result<bool> copy = s.file.proves(*log->first);
    if (copy && *copy) return log->first->size;
  }
  return 0;
}

void FileSource::place(Stream& s, Now now) {
  Status status;
  const char* reason = "new file";
  if (s.began) {
    reason = "the store went back";
    // What it has under the old one is another's.
    if (std::exchange(s.has_new_key, false))
      forget_unstored(s);
    else
      s.key = mint_key(s.path, s.file.stat(), now);
    status = reads_from_first_byte() ? s.file.start_at(0, false) : s.file.rewind();
  } else if (known_ || !s.existed) {
    const uint64_t before_start = reads_from_first_byte() ? 0 : bytes_before_start(s);
    status = before_start > 0 ? s.file.start_at_last_line(before_start) : s.file.start_at(0, false);
    // Its log came while the agent was down, and may have been rotated since. Without any position
    // the anchor leads to it.
    const bool came =
        !stored_families_.empty() && stored_families_.count(family_name_of(s.path)) == 0;
    if (status && came && !begun_) {
      start_chain_from_nothing(s.home, log_of(s.home, s.path), s.sequence - kSequenceStep / 2,
                               complete_look_wall_ms_);
      look_due_ = true;
    }
  } else if (start_ == Start::kBegin) {
    reason = "start: begin";
    status = s.file.start_at(0, false);
  } else if (is_gzip_name(s.path)) {
    reason = "start: end";
    status = s.file.start_at_end();
  } else if (s.file.truncated_while_held()) {
    reason = "start: end, truncated since";
    if (s.first) s.file.disown_held(s.first->size);
    status = s.file.start_at(0, false);
  } else {
    reason = "start: end";
    status = s.file.start_at_last_line(s.first_size);
  }
  if (!status) return say_trouble(s);
  s.began = s.dirty = true;
  // Its copies were written since.
  if (s.intact_wall_ms == 0 && s.file.truncated_while_held()) s.intact_wall_ms = s.met_wall_ms;
  log_.info("following", {{"input", settings_.name},
                          {"path", s.path},
                          {"position", s.file.position()},
                          {"reason", reason}});
  look_at(s, true, now);
  // What it began with, if it cannot be read now; its archive is as old as it is.
  if (s.intact_wall_ms == 0) s.intact_wall_ms = s.file.stat().modified_ns / 1'000'000;
  wait_for_turn(s);
}

}  // namespace lastseen
