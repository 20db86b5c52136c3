// Rotated files that no glob names: those that were rotated before anybody saw them are read too.
//
// The chain is followed from a file that we know and that has left its home. A sibling that was
// born after it once had its name, and so is the input's: it is read from its first byte, oldest
// first. What is older, or cannot be dated, was there before us and is never read.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

namespace {

// Held open while positions are not known; more rotations than that would be months.
constexpr size_t kHeldSiblingsMax = 64;
// Looks after which a chain whose files cannot be asked or opened is given up, and said so.
constexpr int kChainTriesMax = 60;
// Looks for which younger files wait for a chain; a directory that may not be listed is no reason
// to read nothing.
constexpr int kChainWaitLooksMax = 10;

int64_t age_key(const FileStat& stat) {
  return birth_dates(stat) ? stat.birth_ns : stat.modified_ns;
}

// Whether gzip made `packed` of `plain`.
bool packs(const FoundFile& packed, const FoundFile& plain) {
  return is_gzip_name(packed.path) && without_gzip_suffix(packed.path) == plain.path &&
         is_packed_time(packed.stat, plain.stat);
}

void sort_oldest_first(std::vector<FoundFile>& files) {
  std::stable_sort(files.begin(), files.end(), [](const FoundFile& a, const FoundFile& b) {
    return age_key(a.stat) < age_key(b.stat);
  });
}

}  // namespace

// While the store cannot be asked, rotation goes on: what may have to be read is kept open.
void FileSource::hold_siblings(Now now) {
  if (restored_ && !known_ && foreign_.empty()) return;
  std::set<std::string> homes;
  if (!has_wildcards(settings_.path)) homes.insert(settings_.path);
  for (const auto& stream : streams_)
    if (stream) homes.insert(stream->home);
  for (const std::string& home : homes) {
    Listing listing = listings_.rotations_of(names_.path_of(home));
    std::erase_if(listing.files, [&](const FoundFile& file) { return stream_of(file.stat); });
    sort_oldest_first(listing.files);
    size_t skipped = listing.files.size() - std::min(listing.files.size(), kHeldSiblingsMax);
    for (size_t i = skipped; i < listing.files.size(); ++i) {
      // Those that are written to come first.
      if (share_ && options_.descriptors->free() < options_.descriptors->files_max() / 2) return;
      Result<std::unique_ptr<File>> file = open(listing.files[i].path);
      Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
      if (!stat || stream_of(*stat)) continue;
      if (names_.names(listing.files[i].path)) {  // it could not be asked before
        welcome(listing.files[i].path, std::move(*file), *stat, now);
        continue;
      }
      Stream& stream = add(listing.files[i].path, std::move(*file), *stat, now);
      stream.home = home;
      stream.sibling = true;
    }
  }
}

// Positions are known and every chain is followed: what is still only held is not ours.
void FileSource::drop_siblings(Now now) {
  if (!restored_ || held_back() || !waiting_.empty() || !chains_.empty()) return;
  // A chain begins at a log that could not be looked at, or whose copy is not found.
  for (const auto& s : streams_)
    if (s && (s->copy_tries > 0 || (s->file.placed() && !s->file.trouble().empty()))) return;
  for (size_t i = 0; i < streams_.size(); ++i)
    if (streams_[i] && streams_[i]->sibling) forget(*streams_[i], false, now);
  count_dropped_siblings();
}

// What is older may still be found. What has no successor is of another log.
bool FileSource::waits_for_chain(const Stream& s) const {
  return std::any_of(chains_.begin(), chains_.end(), [&](const Chain& chain) {
    if (chain.of_new_logs || chain.sequence >= s.sequence || chain.looks >= kChainWaitLooksMax)
      return false;
    return chain.home == s.home ||
           (names_.is_pattern(chain.home) && matches_glob(chain.home, s.home));
  });
}

// Whether a sibling came after the file that the chain begins with. gzip is born late, and written
// when its contents were or, by `gzip -c`, when it was packed: names tell more than its times. What
// was written before the last look was a plain file then, so it has been read.
bool FileSource::is_newer(const FoundFile& found, const Chain& chain) const {
  const bool packed = is_gzip_name(found.path);
  if (!packed && chain.birth_ns != 0 && birth_dates(found.stat))
    return found.stat.birth_ns > chain.birth_ns;
  const bool written_later = chain.modified_ns != 0 && found.stat.modified_ns > chain.modified_ns;
  if (chain.path.empty() || (!packed && written_later)) return written_later;
  if (packed && found.stat.modified_ns < chain.looked_ns) return false;
  const int order = compare_rotations(chain.log, found.path, chain.path);
  return order > 0 || (order == 0 && written_later);
}

void FileSource::follow_chains(Now now) {
  for (Chain& chain : chains_) {
    ++chain.looks;
    if (chain.followed || !follow_chain(chain, now)) continue;
    chain.followed = true;
    note_dropped_behind(chain);
  }
}

// Those of which all that was found has begun, so that one commit tells the store of both.
void FileSource::finish_chains() {
  if (chains_.empty()) return;
  std::vector<int64_t> found;
  std::set<std::string> searched;  // there may still be more
  for (const Chain& chain : chains_)
    if (!chain.followed) searched.insert(chain.log);
  std::set<std::string> homes;  // of what has no row, since the store went back
  for (const auto& s : streams_)
    if (s && s->file.is_open() && !s->file.placed() && !s->sibling &&
        (s->copy_of.empty() || s->copy_by_name)) {
      found.push_back(s->sequence);
      if (s->began) homes.insert(s->home);
    }
  std::erase_if(chains_, [&](Chain& chain) {
    const bool begun = std::none_of(found.begin(), found.end(), [&](int64_t sequence) {
      return sequence > chain.sequence && sequence < chain.sequence + kSequenceStep;
    });
    if (!chain.followed || !begun || homes.count(chain.home) > 0) return false;
    if (chain.vanished) {
      if (searched.count(chain.log) > 0) return false;
      const Result<bool> rotated = is_found_rotated(chain.vanished->position, chain.log);
      if (!rotated && ++chain.tries < kChainTriesMax) return false;
      if (!rotated || !*rotated) count_vanished(*chain.vanished);
    }
    return forget_anchor(chain), true;
  });
}

// Where each hour has a log of its own, one that is packed has left the glob.
void FileSource::add_packed_logs(const std::string& log, Listing& listing) {
  if (!has_wildcards(settings_.path) || names_.is_pattern(log)) return;
  Listing family = listings_.family_of(log);
  drop_packed_twice(family.files);
  for (FoundFile& file : family.files)
    if (is_packed_log(file.path) && !is_rotation_of(log, file.path))
      listing.files.push_back(std::move(file));
}

// What a link has led to is rotated by that: it may be packed, too.
void FileSource::add_left_log(const Chain& chain, Listing& listing) {
  if (names_.leads_to(chain.home, chain.log) && matches_glob(settings_.path, chain.home)) return;
  for (const FoundFile& file : listings_.of(directory_of(chain.log)).files)
    if (const std::string plain = without_gzip_suffix(file.path);
        plain == chain.log || (names_.is_pattern(chain.log) && matches_glob(chain.log, plain)))
      listing.files.push_back(file);
  drop_packed_twice(listing.files);
}

// True: there is no more to be found.
bool FileSource::follow_chain(Chain& chain, Now now) {
  // What cannot be looked for yet may be what would be found here.
  for (const Waiting& waiting : waiting_)
    if (home_or_former_of(waiting.position.path) == chain.home) return false;
  if (!exists(directory_of(chain.log)))
    return has_left(chain.home, chain.log);  // else it is not mounted yet
  const bool of_any = names_.is_pattern(chain.log);
  Listing listing =
      of_any ? listings_.rotations_of_any(chain.log) : listings_.rotations_of(chain.log);
  add_packed_logs(chain.log, listing);
  add_left_log(chain, listing);
  // One that was removed since is held, but not listed; gzip may have made another of it.
  for (const auto& stream : streams_) {
    if (!stream || !stream->sibling || !is_rotation(stream->path, chain.log)) continue;
    const FoundFile held{stream->path, stream->file.stat()};
    const bool listed =
        std::any_of(listing.files.begin(), listing.files.end(),
                    [&](const FoundFile& file) { return same_inode(file.stat, held.stat); });
    if (listed) continue;
    std::erase_if(listing.files, [&](const FoundFile& file) { return packs(file, held); });
    listing.files.push_back(held);
  }
  std::erase_if(listing.files, [&](const FoundFile& file) {
    const Stream* stream = stream_of(file.stat);
    return (stream && !stream->sibling) || !is_newer(file, chain);
  });
  if (chain.of_new_logs) {
    for (const FoundFile& file : listing.files)
      for (const Waiting& waiting : waiting_)
        if (same_family(waiting.position.path, file.path)) return false;
    std::erase_if(listing.files, [&](const FoundFile& file) {
      return names_.names(file.path) || newest_of(file.path) != nullptr;
    });
  }
  sort_oldest_first(listing.files);
  bool complete = listing.status && listing.complete;
  int64_t sequence = chain.sequence;
  for (const FoundFile& file : listing.files) complete &= follow_link(file, chain, ++sequence, now);
  if (!complete) {
    if (++chain.tries < kChainTriesMax) return false;
    log_.warn(
        "rotated files cannot be looked at; what is in them is not read. Make their directory "
        "readable",
        {{"input", settings_.name}, {"path", chain.home}});
  }
  return true;
}

// Whether what was known of a file is the beginning of a rotated one that is followed.
Result<bool> FileSource::is_found_rotated(const Position& vanished, const std::string& log) {
  Status unknown;
  for (Stream* s : family_of(vanished.path)) {
    const bool packed = is_gzip_name(s->path);  // its size is known as far as it is unpacked
    if (s->sibling || s->path == log || (!packed && s->file.size_seen() < vanished.size)) continue;
    std::optional<FollowedFile> closed;
    const Result<FollowedFile*> file = look_into(*s, closed);
    Result<bool> same = file ? (*file)->proves(vanished, 0) : Result<bool>(file.status());
    if (same && *same && packed) same = (*file)->is_longer_than(vanished.size - 1);
    if (same && *same) return true;
    if (!same) unknown = same.status();
  }
  if (!unknown) return unknown;
  return false;
}

// Whether a file that begins with all that was counted of another is no copy of it: one header may
// be all that was counted, and the rest of each its own. The other may have been written anew since
// it was looked at: then it may be a copy of what was in it.
Result<bool> FileSource::only_begins_like(Stream& n, Stream& other) {
  const Position last = other.file.identity();
  std::optional<FollowedFile> closed;
  const Result<FollowedFile*> file = look_into(other, closed);
  if (file.status().code() == StatusCode::kNotFound) return false;
  if (!file) return file.status();
  if (closed && compare_inode(last, closed->stat()) != InodeMatch::kSame) return false;
  const Result<bool> copy = n.file.begins_as(**file);
  if (!copy || *copy) return copy ? Result<bool>(false) : copy;
  return (*file)->proves(last, 0);
}

// False: it could not be found out.
bool FileSource::follow_link(const FoundFile& found, const Chain& chain, int64_t sequence,
                             Now now) {
  Stream* stream = stream_of(found.stat);
  if (!stream) {
    Result<std::unique_ptr<File>> file = open_to_look(found.path);
    Result<FileStat> stat = file ? (*file)->stat() : Result<FileStat>(file.status());
    if (!stat) return stat.status().code() == StatusCode::kReject;
    if (stream_of(*stat)) return true;
    stream = &add(found.path, std::move(*file), *stat, now);
    stream->sibling = true;
  }
  // What logrotate copied (copytruncate) has been read where it was copied from.
  std::optional<Position> read_to;
  bool may_be_packed = false;  // of one that has not begun
  for (Stream* other : family_of(found.path)) {
    if (other == stream) continue;
    if (!other->file.placed()) {
      may_be_packed |= is_gzip_name(found.path) && !is_gzip_name(other->path) && !other->sibling &&
                       other->file.is_open() && other->copy_of.empty();
      continue;
    }
    const Position last = other->file.identity();
    Result<bool> copy = stream->file.proves(last);
    if (copy && *copy) {
      const Result<bool> apart = only_begins_like(*stream, *other);
      if (!apart) return false;
      if (*apart) read_to = last;
      copy = !*apart;
    } else if (copy && stream->file.stat().size > 0) {
      copy = is_copy_of(*stream, *other);
      if (copy && !*copy) copy = is_old_copy_of(*stream, *other);
    }
    if (!copy) return false;
    if (!*copy) continue;
    log_.info("a rotated file is a copy of what was read",
              {{"input", settings_.name}, {"path", found.path}});
    forget(*stream, false, now);
    return true;
  }
  if (read_to && (may_be_packed || !stream->file.go_on_from(*read_to))) return false;
  const bool same_log = without_gzip_suffix(found.path) == chain.log ||
                        (!names_.is_pattern(chain.log) && is_rotation_of(chain.log, found.path));
  stream->home = same_log ? chain.home : home_or_former_of(found.path);
  stream->sequence = sequence;
  stream->sibling = false;
  if (read_to) {
    stream->began = stream->dirty = true;
    look_due_ = true;
  }
  log_.info("found a file that was rotated while nobody looked",
            {{"input", settings_.name}, {"path", found.path}});
  return true;
}

}  // namespace lastseen
