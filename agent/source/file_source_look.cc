// What the disk says: which files are there, where they went, what grew, what may be let go.
#include <algorithm>
#include <utility>

#include "source/file_source.h"

namespace lastseen {

void FileSource::look_at_all(Now now) {
  look_due_ = event_ = events_ = false;
  looked_before_wall_ms_ = std::exchange(looked_wall_ms_, now.wall_ms);
  look_troubles_.clear();
  crowded_.clear();
  listings_.clear();
  for (const auto& stream : streams_) {
    if (!stream) continue;
    stream->event = stream->located = false;
    stream->candidate.clear();
  }
  make_room(now);
  Discovered discovered = discover(files_, settings_.path);
  const bool knew_links = links_known_;
  note_names(discovered);
  if (discovered.complete()) names_wall_ms_ = looked_wall_ms_;
  for (const FoundFile& found : discovered.files) meet(found, now);
  // Streams may be forgotten, and so removed, in these loops, and copies added behind.
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i] && streams_[i]->file.is_open()) look_at(*streams_[i], false, now);
    if (streams_[i] && !streams_[i]->located) locate(*streams_[i], now);
  }
  if (!discovered_)
    for (const PathTrouble& trouble : discovered.troubles)
      if (trouble.hides_file) early_troubles_.try_emplace(trouble.path, FileStat{});
  std::move(look_troubles_.begin(), look_troubles_.end(), std::back_inserter(discovered.troubles));
  note_troubles(std::move(discovered.troubles), now);
  if (discovered_ && !discovered.files.empty() && has_wildcards(settings_.path))
    early_troubles_.erase(settings_.path);
  if (links_known_ && !knew_links) hold_siblings(now);
  discovered_ = true;
  if (begun_ && has_wildcards(settings_.path))
    start_chains_without_log(looked_before_wall_ms_);
  else if (begun_ && discovered.files.empty())
    start_chain_before(settings_.path, nullptr);
  settle(now);
  finish_chains();
  note_successors(now);
  keep_to_budget(now);
  for (size_t i = 0; i < streams_.size(); ++i)
    if (streams_[i]) let_go(*streams_[i], now);
  prune_rotated(now);
  prune_left(now);
  drop_siblings(now);
  // What is known by its contents only has no position of its own.
  const bool complete =
      restored_ && waiting_.empty() && !may_hide_news(now) &&
      std::all_of(streams_.begin(), streams_.end(), [](const auto& s) {
        return !s || ((s->located || !s->named) && (s->file.placed() || !s->copy_of.empty()));
      });
  if (complete) complete_look_wall_ms_ = looked_wall_ms_;
  if (looked_before_wall_ms_ != 0 && may_hide_news(now)) looked_wall_ms_ = looked_before_wall_ms_;
  update_watches(now);
}

// A path that the glob gave.
void FileSource::meet(const FoundFile& found, Now now) {
  Stream* stream = stream_of(found.stat);
  if (stream && !stream->file.is_open() && !check_closed(*stream, found, now)) stream = nullptr;
  if (!stream) {
    if (came_back(found, now)) return;
    if (!has_descriptor(found.path)) {
      crowded_.push_back(found);
      return cannot_open(found, std::string(kWaitsForDescriptor));
    }
    Result<std::unique_ptr<File>> file = open_to_look(found.path);
    Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
    if (!stat) {
      if (stat.status().code() == StatusCode::kNotFound) return;  // vanished just now
      return cannot_open(found,
                         std::string(kUnreadable) + reason_in(stat.status().message(), found.path));
    }
    // The path may lead elsewhere by now; the descriptor tells whereto.
    stream = stream_of(*stat);
    if (!stream) {
      stream = &welcome(found.path, std::move(*file), *stat, now);
      if (begun_) start_chain_before(stream->home, stream);
    }
  }
  note_place(*stream, found.path);
}

FileSource::Stream& FileSource::welcome(const std::string& path, std::unique_ptr<File> file,
                                        const FileStat& stat, Now now) {
  Stream& stream = add(path, std::move(file), stat, now);
  stream.home = names_.name_of(path);
  stream.existed = !discovered_;
  stream.first_size = static_cast<uint64_t>(stat.size);
  note_early_trouble(stream);
  return stream;
}

// A link that is no more, or leads elsewhere: where the glob has another name for what it led to,
// that is the home of its files. What came there since the look before is ours still.
void FileSource::note_names(const Discovered& discovered) {
  former_names_ = names_;
  names_.note(discovered, discovered.complete());
  const bool knew_links = std::exchange(links_known_, links_known_ || discovered.all_links);
  paths_due_ |= names_ != former_names_;
  if (!knew_links || names_ == former_names_) return;
  std::set<std::string> left;
  const auto move = [&](std::string& home, const std::string& path) {
    if (names_.path_of(home) == former_names_.path_of(home)) return;
    if (std::string name = home_of(path); !name.empty()) home = std::move(name);
    if (!names_.leads_to(home, former_names_.path_of(home))) left.insert(home);
  };
  std::string pattern = settings_.path;
  move(pattern, pattern);
  for (const auto& stream : streams_)
    if (stream) move(stream->home, stream->path);
  for (Chain& chain : chains_) move(chain.home, chain.log);
  if (begun_)
    for (const std::string& home : left) start_chains_at_swap(home);
}

void FileSource::note_place(Stream& stream, const std::string& path) {
  if (path == stream.path) {
    stream.located = stream.named = true;
  } else if (stream.candidate.empty()) {
    stream.candidate = path;
  }
}

// False: the inode of a file that we let go was given to another, so the file is gone.
bool FileSource::check_closed(Stream& stream, const FoundFile& found, Now now) {
  const FileStat& last = stream.file.stat();
  bool same = compare_inode(stream.file.identity(), found.stat) == InodeMatch::kSame;
  // The size of a compressed one is told by its path packed, by its descriptor unpacked.
  bool same_size = found.stat.size == last.size || is_gzip_name(found.path);
  if (same && same_size && found.stat.modified_ns == last.modified_ns && !stream.waiting) {
    stream.intact_wall_ms = now.wall_ms;
    return true;
  }
  if (same && stream.waiting && !begun_) return true;
  if (same && !has_descriptor(found.path)) {
    stream.waiting = true;
    return true;
  }
  if (same && reopen(stream, found.path, now)) {
    stream.changed_ms = now.mono_ms;
    look_at(stream, true, now);
    return true;
  }
  if (same && !stream.file.trouble().empty())
    return true;  // it could not be opened now; the next poll tries again
  look_for_closed(stream, now);
  return false;
}

// False with trouble(): try again; false without: the path leads to another file.
bool FileSource::reopen(Stream& stream, const std::string& path, Now now) {
  stream.file.note_trouble(Status::ok());
  Result<std::unique_ptr<File>> file = open_to_look(path);
  Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
  if (!stat) {
    stream.file.note_trouble(stat.status());
    say_trouble(stream);
    return false;
  }
  if (compare_inode(stream.file.identity(), *stat) != InodeMatch::kSame) return false;
  stream.file.reopen(std::move(*file));
  stream.waiting = false;
  stream.opened_ms = now.mono_ms;
  return true;
}

// A file that is known again on another device number.
bool FileSource::came_back(const FoundFile& found, Now now) {
  for (Stream* stream : streams_of_inode(found.stat.inode)) {
    if (stream->file.is_open()) {
      look_at(*stream, false, now);  // the descriptor tells its number of today
      if (!same_inode(stream->file.stat(), found.stat)) continue;
      stream->dirty = true;
      note_place(*stream, found.path);
      return true;
    }
    Position known = stream->file.identity();
    if (compare_inode(known, found.stat) != InodeMatch::kOtherDevice) continue;
    Result<std::unique_ptr<File>> file = open(found.path);
    if (!file) continue;
    FollowedFile probe(std::move(*file), found.stat, static_cast<size_t>(settings_.line_bytes_max));
    Result<bool> proven = probe.proves(known);
    if (!proven || !*proven) continue;
    stream->file.reopen(probe.release());
    stream->changed_ms = now.mono_ms;
    stream->dirty = true;
    look_at(*stream, true, now);
    note_place(*stream, found.path);
    return true;
  }
  return false;
}

// The path of a stream does not lead to it, or was not among those that the glob gave.
void FileSource::locate(Stream& s, Now now) {
  auto leads_here = [&](const FileStat& stat) {
    return s.file.is_open() ? same_inode(s.file.stat(), stat)
                            : compare_inode(s.file.identity(), stat) == InodeMatch::kSame;
  };
  // What comes where a link has led before, but not at the look before, is not ours.
  const std::string log = log_of(s.home, s.path);
  const bool left = !names_.leads_to(s.home, log) && !former_names_.leads_to(s.home, log);
  auto moved_to = [&](const std::string& path) {
    log_.debug("file was renamed", {{"input", settings_.name}, {"from", s.path}, {"to", path}});
    note_path(s, path);
    s.named = s.located = s.dirty = true;
    if (!left) start_chain(s);
  };
  if (!s.candidate.empty()) return moved_to(s.candidate);
  bool deleted = s.file.is_open() && s.file.stat().links == 0;
  if (!deleted && (s.file.is_open() || s.named)) {
    Result<FileStat> stat = files_.stat(s.path);
    if (stat && leads_here(*stat)) {
      s.named = s.located = true;
      if (!s.file.is_open()) check_closed(s, {s.path, *stat}, now);
      return;
    }
    if (!stat && stat.status().code() != StatusCode::kNotFound) return;  // nothing is known
    const Listing& listing = listings_.of(directory_of(s.path));
    if (!listing.status && !has_left(s.home, s.path)) return;
    for (const FoundFile& file : listing.files)
      if (leads_here(file.stat)) return moved_to(std::string(file.path));
    if (!listing.complete) return;
  }
  if (std::exchange(s.named, false)) {
    s.unnamed_ms = now.mono_ms;
    // Numbers date nothing any more, for the others may have moved since.
    if (!left) start_chain(s);
    if (!s.file.is_open()) return look_for_closed(s, now);
  }
  if (!s.file.is_open() && now.mono_ms - s.unnamed_ms >= options_.forget_ms) {
    lose(LossReason::kDeleted, s.file.unread(), s.path, "the file was removed");
    forget(s, true, now);
  }
}

void FileSource::look_at(Stream& s, bool thorough, Now now) {
  bool idle = now.mono_ms - s.changed_ms >= options_.hot_for_ms;
  s.looked_step = steps_;
  const bool short_before = s.file.size_seen() < kHeadBytesProof;
  FollowedFile::Look look = s.file.look(thorough || idle);
  if (!look.status) return say_trouble(s);
  if (look.changed) s.changed_ms = now.mono_ms;
  // Truncated while nothing was known of positions: what is in it now is all new.
  if (!s.file.placed()) {
    // It may have been filled, copied and truncated in between: nothing tells.
    if (look.changed && short_before && s.intact_wall_ms == 0) s.intact_wall_ms = s.met_wall_ms;
    std::optional<Position> held = s.file.truncated_while_held();
    if (held && s.first_size > 0) {
      s.first = std::move(held);
      s.first->size = std::exchange(s.first_size, 0);
    }
    if (static_cast<uint64_t>(s.file.stat().size) < s.first_size) s.first_size = 0;
    return;
  }
  const bool was_emptied = look.before && !look.unproven;
  if (was_emptied && waits_for_copy(s, *look.before, look.lost_bytes, now)) return;
  if (look.unproven) {
    start_chain_since(s);
    if (look.before && look.lost_bytes > 0) {
      look.lost_bytes = 0;  // what is found behind it tells
      expect_copy_of(s, *look.before);
    }
    s.dirty = true;
  }
  s.intact_wall_ms = now.wall_ms;
  if (look.reason.empty()) return;
  s.dirty = true;
  log_.info(look.restarted ? "file is read from its first byte again" : "file lost its end",
            {{"input", settings_.name}, {"path", s.path}, {"reason", std::string(look.reason)}});
  if (look.before) forget_dropped_copy(*look.before);
  lose(LossReason::kTruncated, look.lost_bytes, s.path, look.reason);
}

void FileSource::look_at_events(Now now) {
  events_ = false;
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* stream = streams_[i].get();
    if (!stream || !stream->event) continue;
    stream->event = false;
    int64_t size = stream->file.stat().size;
    if (!stream->file.is_open() && stream->named) {
      Result<FileStat> stat = files_.stat(stream->path);
      if (stat && compare_inode(stream->file.identity(), *stat) == InodeMatch::kSame)
        if (!check_closed(*stream, {stream->path, *stat}, now)) return look_at_all(now);
      if (stream->waiting) next_poll_ms_ = std::min(next_poll_ms_, now.mono_ms + poll_every_ms());
      if (stream->waiting || stream->file.is_open()) continue;
    }
    if (stream->file.is_open()) look_at(*stream, false, now);
    // It did not grow, so something else happened to it.
    if (stream->file.stat().size == size) return look_at_all(now);
  }
  update_watches(now);
}

void FileSource::look_at_hot(Now now) {
  next_hot_ms_ = now.mono_ms + options_.hot_ms;
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* stream = streams_[i].get();
    if (!stream || !is_hot(*stream, now)) continue;
    if (stream->file.trouble().empty()) look_at(*stream, false, now);
    // Its directory is not watched, so a rotation must be noticed here.
    Result<FileStat> home = files_.stat(stream->home);
    Stream* there = home ? stream_of(*home) : nullptr;
    const bool at_home = is_at_home(*stream);
    const bool news = home ? there == nullptr : at_home && stream->named;
    if (news || (there && there != stream && at_home)) return look_at_all(now);
  }
  next_hot_ms_ = now.mono_ms + options_.hot_ms;
  if (count_hot(now) != hot_watched_) update_watches(now);
}

// Who has a successor, and since when; and who must be read before it.
void FileSource::note_successors(Now now) {
  rotated_.clear();
  for (const auto& older : streams_) {
    if (!older || !older->file.is_open()) continue;
    if (!is_rotated(*older)) {
      older->superseded_ms = -1;
      continue;
    }
    rotated_.push_back(older.get());
    if (older->superseded_ms >= 0) continue;
    bool superseded = std::any_of(streams_.begin(), streams_.end(), [&](const auto& newer) {
      return newer && !is_rotated(*newer) && came_after(*newer, *older) &&
             newer->file.size_seen() > 0;
    });
    if (superseded) older->superseded_ms = now.mono_ms;
  }
}

void FileSource::let_go(Stream& s, Now now) {
  if (!begun_ || !s.file.is_open() || !s.file.placed()) return;
  if (s.file.complete() && !s.file.readable() && s.file.unread() == 0) return s.file.close();
  if (!is_rotated(s)) return;
  const bool superseded = s.superseded_ms >= 0;
  if (s.named && !superseded) return;
  const int64_t quiet_since =
      std::max({s.changed_ms, s.superseded_ms, s.named ? s.changed_ms : s.unnamed_ms});
  // Its writer may have been told nothing yet; but others that wait are written to.
  const bool soon = superseded || (share_ && share_->wanted > 0);
  const int64_t limit = soon ? options_.rotated_idle_ms : options_.deleted_idle_ms;
  if (now.mono_ms - quiet_since < limit) return s.file.finish(false);
  if (s.named) {
    if (s.file.readable() || !s.file.trouble().empty()) return;
    log_.info(s.file.unread() == 0
                  ? "rotated file is read, letting go of it"
                  : "rotated file is read up to its last line, which has no end yet; letting go",
              {{"input", settings_.name}, {"path", s.path}});
    s.file.close();
    return;
  }
  s.file.finish(true);
  const bool hopeless = !s.file.trouble().empty();
  if (!s.file.finished() && !hopeless) return;
  const bool deleted = s.file.stat().links == 0;
  log_.info(deleted ? "deleted file is read, letting go of it"
                    : "file that was moved away is read, letting go of it",
            {{"input", settings_.name}, {"path", s.path}});
  s.file.close();
  if (!deleted || go_on_as_packed(s)) return;
  if (hopeless) lose(LossReason::kDeleted, s.file.unread(), s.path, "it could not be read");
  forget(s, true, now);
}

void FileSource::update_watches(Now now) {
  if (!begun_) return;
  std::set<std::string> wanted;
  std::set<std::string> hot;
  const std::string log = names_.path_of(settings_.path);
  if (!is_in_any_directory(log)) wanted.insert(directory_of(log));
  for (const auto& s : streams_) {
    if (!s) continue;
    const bool followed = s->file.is_open() || (share_ && !is_rotated(*s));
    if (s->named && followed) wanted.insert(directory_of(s->path));
    s->hot = is_hot(*s, now);
    if (s->hot) hot.insert(directory_of(s->path));
  }
  hot_watched_ = count_hot(now);
  next_hot_ms_ = hot.empty() ? kNever : std::min(next_hot_ms_, now.mono_ms + options_.hot_ms);
  // What happened before a watch began gave no event: look once more.
  if (watches_.update(wanted, hot)) event_ = true;
}

}  // namespace lastseen
