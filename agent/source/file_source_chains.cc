// Where chains of rotated files begin: at a file that has left its home, at one that is gone, at a
// time since which nobody looked. file_source_siblings.cc follows them.
#include <algorithm>

#include "source/file_source.h"

namespace lastseen {

// `seen_wall_ms`: when the file that leads to it was last seen, if it could be looked at in
// between.
void FileSource::start_chain(const Stream& s, int64_t seen_wall_ms) {
  if (s.sibling || (!matches_glob(settings_.path, s.home) && !names_.has_links())) return;
  // One that is not followed yet goes on from where the file is now: the numbers have moved, too.
  for (Chain& chain : chains_)
    if (!chain.followed && chain.key == s.key) {
      chain.path = s.named ? s.path : "";
      return;
    }
  const std::string log = log_of(s.home, s.path);
  const FileStat& stat = s.file.stat();
  const int64_t birth_ns = birth_dates(stat) && !is_gzip_name(s.path) ? stat.birth_ns : 0;
  chains_.push_back({s.home, log, s.named ? s.path : "", birth_ns, stat.modified_ns, s.sequence});
  const int64_t looked_wall_ms = std::min(seen_wall_ms, complete_look_wall_ms_);
  chains_.back().key = s.key;
  chains_.back().looked_ns = (looked_wall_ms - kClockGrainMs) * 1'000'000;
}

// Beside which log rotation puts what it makes of it: that of `home`, or where its link led when
// the file that is or was at `path` was at home.
std::string FileSource::log_of(const std::string& home, const std::string& path) {
  std::string log = names_.path_of(home);
  const std::string directory = directory_of(log);
  const bool may_be_its =
      log == home || names_.is_pattern(log) || path == log || is_rotation(path, log);
  if (path == home || (directory == directory_of(path) && may_be_its)) return log;
  return log != home || !exists(directory) ? family_name_of(path) : log;
}

// A file appears where another was, or none is there yet: since then one may have come and been
// rotated away unseen.
void FileSource::start_chain_before(const std::string& home, const Stream* appeared) {
  const std::string log = names_.path_of(home);
  if (!appeared && !exists(directory_of(log))) return;
  const auto of_home = [&](const Stream& s) { return &s != appeared && s.home == home; };
  if (const Stream* newest = newest_of(log, of_home)) return start_chain(*newest);
  start_chain_from_nothing(
      home, log,
      appeared ? appeared->sequence - kSequenceStep / 2 : oldest_sequence_ -= kSequenceStep,
      looked_before_wall_ms_);
}

// No file of that home was here at a look. Where there is no directory, there is none yet.
void FileSource::start_chain_from_nothing(const std::string& home, const std::string& log,
                                          int64_t sequence, int64_t looked_wall_ms) {
  const std::string directory = directory_of(log);
  if (is_in_any_directory(log) || !exists(directory)) return;
  const int64_t since_ns = (looked_wall_ms - kClockGrainMs) * 1'000'000;
  start_chain_since(home, log, since_ns, since_ns, sequence);
}

// Of the logs of a glob one may have come and been rotated away unseen, and none is there yet: its
// files are found behind those of it that are known, or behind the pattern.
void FileSource::start_chains_without_log(int64_t looked_wall_ms) {
  const std::string pattern = names_.path_of(settings_.path);
  const std::string directory = directory_of(pattern);
  const int64_t since_ns = (looked_wall_ms - kClockGrainMs) * 1'000'000;
  if (!names_.is_pattern(pattern) || is_in_any_directory(pattern) || !has_news(directory, since_ns))
    return;
  const Listing& listing = listings_.of(directory);
  if (listing.status.code() == StatusCode::kNotFound) return;
  bool unknown = !listing.status || !listing.complete;
  for (const FoundFile& file : listing.files) {
    // The times first: there may be ten thousands.
    if (file.stat.modified_ns <= since_ns || stream_of(file.stat)) continue;
    if (!is_rotation(file.path, pattern) || has_log(file.path)) continue;
    const Stream* newest = newest_of(file.path);
    if (newest) start_chain(*newest, looked_wall_ms);
    unknown |= !newest;
  }
  const bool known = std::any_of(chains_.begin(), chains_.end(), [](const Chain& chain) {
    return chain.of_new_logs && !chain.followed;
  });
  if (!unknown || known) return;
  Chain chain{settings_.path, pattern, "", since_ns, since_ns, oldest_sequence_ -= kSequenceStep};
  chain.of_new_logs = true;
  chains_.push_back(std::move(chain));
}

// Whether what is rotated at `path` has a successor that the glob names.
bool FileSource::has_log(const std::string& path) {
  const std::vector<Stream*> family = family_of(path);
  return names_.names(path) || std::any_of(family.begin(), family.end(), [this](const Stream* s) {
           return s->named && is_at_home(*s);
         });
}

// Of the files of that log which have begun; `fits`, if given, chooses among them.
FileSource::Stream* FileSource::newest_of(const std::string& path,
                                          const std::function<bool(const Stream&)>& fits) {
  Stream* newest = nullptr;
  for (Stream* s : family_of(path))
    if (s->began && (!fits || fits(*s)) && (!newest || newest->sequence < s->sequence)) newest = s;
  return newest;
}

// A link leads elsewhere. Since it was last known where it led, a log may have been rotated there,
// and where it leads now, be that older than the link.
void FileSource::start_chains_at_swap(const std::string& home) {
  const int64_t since_ns = (names_wall_ms_ - kClockGrainMs) * 1'000'000;
  const std::string log = former_names_.path_of(home);
  newest_sequence_ += kSequenceStep;
  if (former_names_.is_linked(home) && !is_in_any_directory(log) && exists(directory_of(log)))
    start_chain_since(home, log, since_ns, since_ns, newest_sequence_);
  newest_sequence_ += kSequenceStep;
  if (names_.is_linked(home))
    start_chain_since(home, names_.path_of(home), 0, since_ns, newest_sequence_);
}

bool FileSource::exists(const std::string& directory) {
  return listings_.of(directory).status.code() != StatusCode::kNotFound;
}

// What came after a file whose stored position leads nowhere, or after an anchor.
void FileSource::look_behind(const Waiting& waiting) {
  const Position& stored = waiting.position;
  const bool anchor = StoredRows::is_anchor(stored);
  std::string home = home_or_former_of(stored.path);
  if (home.empty() && anchor) home = stored.path;
  const std::string log = log_of(home, stored.path);
  const std::string directory = directory_of(log);
  const bool listed = !home.empty() && !is_in_any_directory(log) && (anchor || exists(directory));
  // If its contents do not tell a copy, what is found may be one.
  const bool may_be_found = listed && stored.size > stored.position &&
                            (anchor || waiting.unstored || !tells_copies(stored));
  if (!may_be_found && !anchor) count_vanished(waiting);
  if (!home.empty()) start_chain_behind_link(home, log, waiting);
  if (!listed) return;
  int64_t looked_ms = stored.updated_ms - (anchor ? 0 : kClockGrainMs);
  const int64_t birth_ns = is_gzip_name(stored.path) ? 0 : stored.birth_ns;  // that of its archive
  // logrotate dates what it packs by when it began to rotate, and the writer went on after that: of
  // a log that was empty, or not read yet, all that was written since its birth is news.
  if (!anchor && !tells_copies(stored) && birth_ns != 0)
    looked_ms = std::min(looked_ms, birth_ns / 1'000'000 - 1);
  Chain chain{home, log, "", birth_ns, looked_ms * 1'000'000, waiting.sequence};
  if (may_be_found) chain.vanished = waiting;
  if (anchor && stored.stream != StoredRows::kAnchorKey) chain.anchor = stored.stream;
  chains_.push_back(std::move(chain));
}

// What was written to a file since it was last seen may have been copied and truncated away. No
// bytes of it are known, so only the time tells: any rotated file that is younger than that.
void FileSource::start_chain_since(Stream& s) {
  if (s.intact_wall_ms == 0 || !is_log(s) || is_gzip_name(s.path)) return;
  const int64_t since_ns = (s.intact_wall_ms - kClockGrainMs) * 1'000'000;
  if (tells_copies(s.file.identity()) && !has_news(directory_of(s.path), since_ns)) return;
  const bool superseded = std::any_of(streams_.begin(), streams_.end(), [&](const auto& other) {
    return other && is_at_home(*other) && came_after(*other, s);
  });
  const int64_t sequence = superseded ? s.sequence - kSequenceStep / 2 : s.sequence;
  if (!superseded) s.sequence = newest_sequence_ += kSequenceStep;
  start_chain_since(s.home, s.path, since_ns, since_ns, sequence);
  look_due_ = true;  // hot files are looked at without the rest
}

// Whether a name in it came or left since then. A copy over another changes none; but that is rare,
// and thousands of logs may be as short as a few lines.
bool FileSource::has_news(const std::string& directory, int64_t since_ns) {
  const Result<FileStat> stat = files_.stat(directory);
  return !stat || stat->modified_ns >= since_ns;
}

// The log of that home was at `log` when the agent was stopped. If a link has led elsewhere since,
// what was written there may have been rotated already; it may be older than the link, and is read
// after the file that is waited for.
void FileSource::start_chain_behind_link(const std::string& home, const std::string& log,
                                         const Waiting& waiting) {
  if (names_.leads_to(home, log) || !exists(directory_of(names_.path_of(home)))) return;
  const int64_t since_ns = (complete_look_wall_ms_ - kClockGrainMs) * 1'000'000;
  start_chain_since(home, names_.path_of(home), 0, since_ns, waiting.sequence + kSequenceStep / 2);
}

// Unless one that is not followed yet leads to all of that: while nothing can be listed, each look
// starts another.
void FileSource::start_chain_since(const std::string& home, const std::string& log,
                                   int64_t birth_ns, int64_t since_ns, int64_t sequence) {
  const bool known = std::any_of(chains_.begin(), chains_.end(), [&](const Chain& chain) {
    return !chain.followed && chain.path.empty() && chain.birth_ns <= birth_ns &&
           chain.modified_ns <= since_ns && chain.home == home && chain.log == log;
  });
  if (!known) chains_.push_back({home, log, "", birth_ns, since_ns, sequence});
}

// Nothing of what was in it had been counted, so all of a copy is read, if there is one: then
// nothing is lost.
void FileSource::expect_copy_of(const Stream& s, Position before) {
  before.path = s.path;
  Chain chain{s.home, log_of(s.home, s.path), "", 0, looked_wall_ms_ * 1'000'000, s.sequence};
  chain.vanished = Waiting{std::move(before), LossReason::kTruncated};
  chains_.push_back(std::move(chain));
}

}  // namespace lastseen
