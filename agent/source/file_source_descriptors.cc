// More log files than descriptors: they are read in turns.
//
// A file that is read to its end, and that a name leads to, can be closed and found again by its
// inode: the poll and the events of its directory tell when it grew. So the files that find no
// descriptor get those of the ones that have been idle longest; if none is, busy ones take turns.
// Where reading begins is settled for all of them at once: each is looked into, one at a time, with
// a descriptor out of the reserve. What is written to a closed file between the last look and its
// deletion is lost unseen; hence the advice to raise the limit.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

Result<std::unique_ptr<File>> FileSource::open(const std::string& path) {
  if (!has_descriptor(path))
    return Status::retry("cannot open " + path + ": no descriptor is free");
  return open_to_look(path);
}

// To see whether a file is the one that is looked for. If all descriptors are taken this one is out
// of the reserve, and wait_for_turn() gives it back: one at a time.
Result<std::unique_ptr<File>> FileSource::open_to_look(const std::string& path) {
  Result<std::unique_ptr<File>> file = open_possibly_gzip(files_, path);
  if (!file || !share_) return file;
  return std::unique_ptr<File>(std::make_unique<CountedFile>(std::move(*file), share_));
}

Result<FollowedFile> FileSource::look_into(const std::string& path) {
  Result<std::unique_ptr<File>> file = open_to_look(path);
  Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
  if (!stat) return stat.status();
  return FollowedFile(std::move(*file), *stat, static_cast<size_t>(settings_.line_bytes_max));
}

// Its own file; if that is closed, what its path leads to, which `closed` keeps open.
Result<FollowedFile*> FileSource::look_into(Stream& s, std::optional<FollowedFile>& closed) {
  if (s.file.is_open()) return &s.file;
  Result<FollowedFile> probe = look_into(s.path);
  if (!probe) return probe.status();
  return &closed.emplace(std::move(*probe));
}

// It is known where reading begins, so it can be closed until it is its turn.
void FileSource::wait_for_turn(Stream& s) {
  if (!share_ || !options_.descriptors->overdrawn() || !may_close(s)) return;
  s.waiting = true;
  s.file.close();
  has_descriptor(s.path);
}

// Of the files that found no descriptor it is settled as well where reading begins: the start
// choice is for all of them, and what is known is found again, whatever becomes of it before its
// turn.
void FileSource::place_crowded(Now now) {
  if (!waiting_.empty()) return;
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* s = streams_[i].get();
    if (!s || !s->waiting || s->file.placed() || !reopen(*s, s->path, now)) continue;
    if (!is_held_copy(*s, now)) place(*s, now);
    if (s->file.placed()) continue;
    s->waiting = true;
    s->file.close();
  }
  for (const FoundFile& found : std::exchange(crowded_, {})) {
    Result<std::unique_ptr<File>> file = open_to_look(found.path);
    Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
    if (!stat || stream_of(*stat)) continue;
    Stream& s = welcome(found.path, std::move(*file), *stat, now);
    if (!is_held_copy(s, now)) place(s, now);
    if (!s.file.placed()) {
      forget(s, false, now);
    } else if (begun_) {
      start_chain_before(s.home, &s);
    }
  }
}

// False: the file has to wait. First come, first served, or a busy log would keep others out.
bool FileSource::has_descriptor(const std::string& path) {
  if (!share_) return true;
  const auto waited = waited_.find(path);
  const uint64_t ticket = waited == waited_.end() ? ++tickets_ : waited->second;
  if (ticket <= served_to_ && options_.descriptors->room_of(*share_) > 0) return true;
  if (waits_.emplace(path, ticket).second) ++share_->wanted;
  if (options_.descriptors->say())
    log_.warn(
        "there are more log files than descriptors for them; they are read in turns. Raise the "
        "limit (LimitNOFILE= in the unit, or ulimit -n)",
        {{"input", settings_.name}, {"files_at_once", options_.descriptors->files_max()}});
  return false;
}

// For those that wait since the last look: closes what has been idle longest, then what had its
// turn, and tells who comes next.
void FileSource::make_room(Now now) {
  if (!share_) return;
  size_t surplus = options_.descriptors->surplus_of(*share_);
  share_->wanted = 0;
  waited_ = std::exchange(waits_, {});
  if (surplus > 0) {
    std::vector<Stream*> open;
    for (const auto& s : streams_)
      if (s && (may_close(*s) || may_drop(*s))) open.push_back(s.get());
    std::stable_sort(open.begin(), open.end(), [](const Stream* a, const Stream* b) {
      return a->changed_ms < b->changed_ms;
    });
    for (Stream* s : open) {
      look_at(*s, false, now);  // it may have grown since
      const bool turn_over = now.mono_ms - s->opened_ms >= options_.turn_ms;
      if (may_drop(*s)) {
        forget(*s, false, now);
      } else {
        if (!may_close(*s) || (s->file.readable() && !turn_over)) continue;
        s->waiting = s->file.readable();
        s->file.close();
      }
      if (--surplus == 0) break;
    }
  }
  served_to_ = UINT64_MAX;
  const size_t room = options_.descriptors->room_of(*share_);
  if (waited_.size() <= room) return;
  std::vector<uint64_t> tickets;
  for (const auto& [path, ticket] : waited_) tickets.push_back(ticket);
  std::sort(tickets.begin(), tickets.end());
  served_to_ = room == 0 ? 0 : tickets[room - 1];
}

bool FileSource::may_close(const Stream& s) const {
  return s.named && s.file.is_open() && s.file.placed() && s.file.trouble().empty() &&
         s.file.stat().links > 0;
}

// What is not followed is found again in its directory.
bool FileSource::may_drop(const Stream& s) const {
  return s.named && s.file.is_open() && s.file.stat().links > 0 && !s.file.placed() && restored_ &&
         !held_back() && !s.began && (s.sibling || !s.copy_of.empty());
}

// Where a closed file is read from whose position the store has lost.
Position FileSource::position_after_going_back(const Stream& s) const {
  Position last = position_of(s);
  last.position = reads_from_first_byte() ? 0 : last.position - s.file.since_origin();
  last.tail_bytes = 0;
  last.discarding = false;
  return last;
}

// Nothing leads to a closed file any more: what it was is looked for like the file of any stored
// position. If the store went back, it tells how far it was read.
void FileSource::look_for_closed(Stream& s, Now now) {
  if (go_on_as_packed(s)) return;
  if (Waiting* stored = waiting_of(s.key)) {
    stored->position.size = std::max(stored->position.size, s.file.size_seen());
    return forget(s, false, now);
  }
  const bool went_back = !s.file.placed();
  Position last = went_back ? position_after_going_back(s) : position_of(s);
  if (s.dirty) gone_.push_back(last);
  Waiting waiting{std::move(last), went_back ? LossReason::kStoreWentBack : LossReason::kDeleted};
  waiting.unstored = went_back;
  waiting_.push_back(std::move(waiting));
  forget(s, false, now);
}

}  // namespace lastseen
