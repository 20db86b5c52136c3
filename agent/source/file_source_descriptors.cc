// More log files than descriptors: they are read in turns.
//
// A file that is read to its end, and that a name leads to, can be closed and found again by its
// inode: the poll and the events of its directory tell when it grew. So the files that find no
// descriptor get those of the ones that have been idle longest; if none is, busy ones take turns.
// What is written to a closed file between the last look and its deletion is lost unseen; hence the
// advice to raise the limit.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

Result<std::unique_ptr<File>> FileSource::open(const std::string& path) {
  if (!has_descriptor(path))
    return Status::retry("cannot open " + path + ": no descriptor is free");
  Result<std::unique_ptr<File>> file = open_possibly_gzip(files_, path);
  if (!file || !share_) return file;
  return std::unique_ptr<File>(std::make_unique<CountedFile>(std::move(*file), share_));
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
      if (s && may_close(*s)) open.push_back(s.get());
    std::stable_sort(open.begin(), open.end(), [](const Stream* a, const Stream* b) {
      return a->changed_ms < b->changed_ms;
    });
    for (Stream* s : open) {
      look_at(*s, false, now);  // it may have grown since
      const bool turn_over = now.mono_ms - s->opened_ms >= options_.turn_ms;
      if (!may_close(*s) || (begun_ && s->file.readable() && !turn_over)) continue;
      s->waiting = s->file.readable();
      s->file.close();
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

// Before we begin, all that is placed by `start: end` may go: that is all it was opened for.
bool FileSource::may_close(const Stream& s) const {
  if (!s.named || !s.file.is_open() || !s.file.placed() || !s.file.trouble().empty()) return false;
  return s.file.stat().links > 0 && (begun_ || (!known_ && start_ == Start::kEnd));
}

}  // namespace lastseen
