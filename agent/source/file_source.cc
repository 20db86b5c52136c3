#include "source/file_source.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"

namespace lastseen {

namespace {

template <typename Map, typename Value>
void remove_from(Map& map, const typename Map::key_type& key, const Value& value) {
  auto [begin, end] = map.equal_range(key);
  auto found = std::find_if(begin, end, [&](const auto& entry) { return entry.second == value; });
  if (found != end) map.erase(found);
}

template <typename Map>
std::vector<typename Map::mapped_type> values_of(const Map& map,
                                                 const typename Map::key_type& key) {
  std::vector<typename Map::mapped_type> values;
  auto [begin, end] = map.equal_range(key);
  for (auto i = begin; i != end; ++i) values.push_back(i->second);
  return values;
}

}  // namespace

FileSource::FileSource(const InputSettings& settings, Start start, FileSystem& files,
                       Watcher& watcher, Log& log, const FileSourceOptions& options)
    : settings_(with_usual_path(settings)),
      start_(start),
      options_(options),
      files_(files),
      log_(log),
      watches_(settings.name, files, watcher, log, *this),
      listings_(files, settings_.path),
      names_(settings_.path),
      former_names_(names_) {
  if (options_.descriptors) share_ = options_.descriptors->join();
}

InputSettings FileSource::with_usual_path(InputSettings settings) {
  settings.path = with_single_slashes(std::move(settings.path));
  return settings;
}

FileSource::~FileSource() {
  if (options_.hold) options_.hold->remove(held_bytes_);
  if (share_) options_.descriptors->leave(*share_);
}

void FileSource::begin() {
  CHECK(restored_ && !held_back());
  begun_ = true;
  foreign_ = ForeignFiles();
  stored_families_.clear();
  look_due_ = true;
}

int64_t FileSource::step(Now now) {
  ++steps_;
  bool poll = now.mono_ms >= next_poll_ms_;
  // Whatever makes events, they are answered no more often than a hot file is looked at.
  bool answer = now.mono_ms >= last_look_ms_ + options_.hot_ms;
  if (look_due_ || poll || (event_ && answer)) {
    if (poll || look_due_) watches_.drop_replaced();
    next_poll_ms_ = now.mono_ms + poll_every_ms();
    look_at_all(now);
    last_look_ms_ = now.mono_ms;
    if (std::exchange(asked_, false)) note_what_stands();
  } else if (events_ && answer) {
    look_at_events(now);
    last_look_ms_ = now.mono_ms;
  }
  if (now.mono_ms >= next_hot_ms_) {
    look_at_hot(now);
    if (look_due_) look_at_all(now);
  }
  listings_.clear();
  int64_t next = std::min(next_poll_ms_, next_hot_ms_);
  if (event_ || events_) next = std::min(next, last_look_ms_ + options_.hot_ms);
  return next;
}

// How much a compressed file holds is known when it is unpacked.
void FileSource::note_what_stands() {
  for (const auto& stream : streams_)
    if (stream) stream->asked_to = stream->file.has_more() ? UINT64_MAX : stream->file.size_seen();
}

bool FileSource::caught_up() const {
  if (!begun_) return true;
  return !asked_ && std::none_of(streams_.begin(), streams_.end(), [](const auto& stream) {
    return stream && stream->file.readable() && stream->file.position() < stream->asked_to;
  });
}

int64_t FileSource::poll_every_ms() const {
  if (begun_ && share_ && share_->wanted > 0) return options_.crowded_poll_ms;
  if (!begun_ || watches_.any_refused()) return options_.poll_ms;
  return std::max(options_.poll_ms, static_cast<int64_t>(streams_.size()) * options_.poll_file_ms);
}

void FileSource::directory_changed(const std::string& directory, const std::string& name) {
  if (name.empty()) {
    event_ = true;
    return;
  }
  for (const auto& stream : streams_) {
    if (!stream || !stream->named || name_in_directory(stream->path) != name ||
        directory_of(stream->path) != directory)
      continue;
    stream->event = events_ = true;
    return;
  }
  // Neighbours in /var/log change all the time and are no business of ours.
  if (matches_glob(name_in_directory(settings_.path), name)) event_ = true;
}

void FileSource::events_dropped() {
  watches_.note_overflow();
  event_ = true;
}

bool FileSource::is_hot(const Stream& s, Now now) const {
  return begun_ && s.file.is_open() && now.mono_ms - s.changed_ms < options_.hot_for_ms;
}

size_t FileSource::count_hot(Now now) const {
  return static_cast<size_t>(std::count_if(streams_.begin(), streams_.end(),
                                           [&](const auto& s) { return s && is_hot(*s, now); }));
}

bool FileSource::came_after(const Stream& newer, const Stream& older) const {
  if (newer.sequence <= older.sequence) return false;
  // Where a file that was rotated before we started had its home is not known; the directory
  // must do. Too early costs nothing: it is looked at with each poll, and opened if it grows.
  return newer.home == older.home ||
         (older.sequence < 0 && directory_of(newer.home) == directory_of(older.home));
}

bool FileSource::waits_for_older(const Stream& stream) const {
  return waits_for_chain(stream) ||
         std::any_of(rotated_.begin(), rotated_.end(), [&](const Stream* older) {
           return older->file.readable() && came_after(stream, *older);
         });
}

std::optional<Chunk> FileSource::read(ReadBuffer& buffer, Now now) {
  if (!begun_) return std::nullopt;
  size_t dry = 0;  // streams in a row that have nothing, or wait
  for (size_t index = turn_; dry < streams_.size(); ++index, ++dry) {
    index %= streams_.size();
    Stream* stream = streams_[index].get();
    if (!stream || !stream->file.readable() || waits_for_older(*stream)) continue;
    // Reading had paused: meanwhile it may have been truncated, and have grown past the position.
    if (stream->looked_step != steps_) {
      look_at(*stream, false, now);
      listings_.clear();
      if (!stream->file.readable() || waits_for_older(*stream)) {
        dry = 0;  // a copy of it may be there to be read first
        continue;
      }
    }
    Result<Chunk> chunk = stream->file.read(buffer);
    say_trouble(*stream);
    if (!chunk || chunk->empty()) {
      dry = 0;  // it turned out to be read to its end, so those that waited for it may go on
      continue;
    }
    turn_ = index + 1;
    chunk->stream = static_cast<uint32_t>(index);
    return *chunk;
  }
  return std::nullopt;
}

void FileSource::consume(const Chunk& chunk, size_t bytes, bool discarding) {
  CHECK(chunk.stream < streams_.size() && streams_[chunk.stream]);
  Stream& stream = *streams_[chunk.stream];
  stream.file.consume(chunk, bytes, discarding);
  if (bytes > 0) stream.dirty = true;
}

void FileSource::collect(std::vector<Position>& out) {
  for (const auto& stream : streams_) {
    if (!stream || !stream->dirty || !stream->file.placed()) continue;
    stream->dirty = false;
    Position position = position_of(*stream);
    // What came since the last complete look is not known yet.
    position.updated_ms = std::min(position.updated_ms, complete_look_wall_ms_);
    out.push_back(std::move(position));
  }
  std::move(gone_.begin(), gone_.end(), std::back_inserter(out));
  gone_.clear();
  anchor_chains(out);
  if (!restored_) return;
  const bool of_path = std::all_of(waiting_.begin(), waiting_.end(),
                                   [](const Waiting& waiting) { return waiting.of_path; });
  rows_.complete(out, settings_.path, of_path, looked_wall_ms_ - kClockGrainMs);
}

bool FileSource::has_unstored() const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const auto& s) {
    return s && s->dirty && s->file.placed() && !has_row(s->key);
  });
}

LedgerCounts FileSource::take_losses() {
  return std::exchange(losses_, LedgerCounts());
}

void FileSource::lose(LossReason reason, uint64_t bytes, const std::string& path,
                      std::string_view why) {
  if (bytes == 0) return;
  losses_.lost_bytes[static_cast<size_t>(reason)] += bytes;
  log_.warn(
      "bytes were lost before they could be read (at least this many); let logrotate use create, "
      "not copytruncate, and keep a few files",
      {{"input", settings_.name}, {"path", path}, {"bytes", bytes}, {"reason", std::string(why)}});
}

// Once until it changes: what fails with each poll would fill the log. Kept as said until bytes
// are read, for a file may be there to look at and fail only where it is read.
void FileSource::say_trouble(Stream& stream) {
  if (stream.file.trouble() == stream.said) return;
  stream.said = stream.file.trouble();
  if (stream.said.empty()) {
    log_.info("file can be read again", {{"input", settings_.name}, {"path", stream.path}});
  } else {
    log_.warn(stream.said + "; trying again with each poll. Make it readable for the agent's user",
              {{"input", settings_.name}, {"path", stream.path}});
  }
}

std::string FileSource::state_of(const Stream& s) const {
  if (s.waiting) return std::string(kWaitsForDescriptor);
  if (!s.file.is_open()) {
    if (s.file.unread() > 0) return "closed, last line has no end yet";
    return !s.named ? "moved, read" : is_rotated(s) ? "rotated, read" : "idle, closed";
  }
  if (!s.file.trouble().empty())
    return std::string(kUnreadable) + reason_in(s.file.trouble(), s.path);
  if (!s.reader.empty()) return std::string(kReadByAgent) + "'" + s.reader + "'";
  if (!s.copy_of.empty()) return "copy";
  if (!s.file.placed()) return "held";
  if (s.file.stat().links == 0) return "deleted";
  if (is_rotated(s)) return "rotated";
  if (s.file.readable() || s.hot) return "reading";
  return watches_.refused(directory_of(s.path)) ? "idle, polled" : "idle";
}

// Until the start choice is committed, the next start makes it anew: `end` skips what has come
// since this one, `begin` what the path does not name.
uint64_t FileSource::unsettled_bytes(const Stream& s) const {
  if (begun_ || known_ || held_back() || s.sibling || !s.copy_of.empty()) return 0;
  const uint64_t size = static_cast<uint64_t>(s.file.stat().size);
  if (start_ == Start::kBegin) return s.named && in_glob(s) ? 0 : size;
  uint64_t before = s.existed ? s.first_size : 0;
  uint64_t came = size - std::min(size, before);
  if (const std::optional<Position> held = s.file.truncated_while_held()) {
    before = s.existed && s.first ? s.first->size : 0;
    came += held->size - std::min(held->size, before);
  }
  return came;
}

void FileSource::describe(std::vector<FileSnapshot>& out) const {
  for (const auto& stream : streams_) {
    if (!stream) continue;
    out.push_back(
        {stream->path, stream->file.position(), stream->file.size_seen(), state_of(*stream)});
    out.back().unsettled = unsettled_bytes(*stream);
  }
  for (const PathTrouble& trouble : troubles_) out.push_back({trouble.path, 0, 0, trouble.state});
}

std::string FileSource::watching() const {
  return watches_.any_refused() ? "polling" : "inotify";
}

bool FileSource::drained() const {
  if (!begun_ || look_due_) return false;
  // What is in a directory that is missing cannot be waited for.
  for (const Waiting& waiting : waiting_)
    if (waiting.absent_since_ms < 0) return false;
  for (const PathTrouble& trouble : troubles_)
    if (trouble.state.starts_with(kUnreadable) || trouble.state == kWaitsForDescriptor)
      return false;
  return std::all_of(streams_.begin(), streams_.end(), [](const auto& stream) {
    if (stream && stream->waiting) return false;
    return !stream || !stream->file.is_open() || !stream->copy_of.empty() ||
           (stream->file.placed() && stream->file.trouble().empty() && !stream->file.readable());
  });
}

FileSource::Stream& FileSource::add(const std::string& path, std::unique_ptr<File> file,
                                    const FileStat& stat, Now now) {
  auto stream = std::make_unique<Stream>(
      FollowedFile(std::move(file), stat, static_cast<size_t>(settings_.line_bytes_max)));
  stream->key = mint_key(path, stat, now);
  stream->home = path;
  stream->sequence = newest_sequence_ += kSequenceStep;
  stream->located = true;
  stream->changed_ms = stream->opened_ms = now.mono_ms;
  stream->met_wall_ms = now.wall_ms;
  auto place = std::find(streams_.begin(), streams_.end(), nullptr);
  if (place == streams_.end()) place = streams_.insert(place, nullptr);
  *place = std::move(stream);
  by_inode_.emplace(stat.inode, place->get());
  paths_due_ = true;  // it may be one that was left, under another name
  note_path(**place, path);
  return **place;
}

void FileSource::forget(Stream& stream, bool gone, Now now) {
  if (gone && stream.began) hand_over(stream, now);
  if (gone && stream.began) {
    gone_.push_back(position_of(stream));
    gone_.back().gone = true;
    // The store is to know of a look that is younger than what is forgotten.
    for (const auto& s : streams_)
      if (s && s->began && s.get() != &stream) {
        s->dirty = true;
        break;
      }
  }
  std::erase(rotated_, &stream);
  remove_from(by_inode_, stream.file.stat().inode, &stream);
  remove_from(by_family_, family_name_of(stream.path), &stream);
  for (auto& place : streams_)
    if (place.get() == &stream) place.reset();
}

Position FileSource::position_of(const Stream& stream) const {
  Position position = stream.file.identity();
  position.stream = stream.key;
  position.path = stream.path;
  position.updated_ms = stream.intact_wall_ms;
  return position;
}

FileSource::Waiting* FileSource::waiting_of(const std::string& key) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.position.stream == key;
  });
  return found == waiting_.end() ? nullptr : &*found;
}

FileSource::Stream* FileSource::stream_of(const FileStat& stat) {
  auto [begin, end] = by_inode_.equal_range(stat.inode);
  for (auto i = begin; i != end; ++i) {
    const FollowedFile& file = i->second->file;
    if (!same_inode(file.stat(), stat)) continue;
    // Only a descriptor keeps the number from being given to another file.
    if (file.is_open() || compare_inode(file.identity(), stat) == InodeMatch::kSame)
      return i->second;
  }
  return nullptr;
}

std::vector<FileSource::Stream*> FileSource::streams_of_inode(uint64_t inode) {
  return values_of(by_inode_, inode);
}

std::vector<FileSource::Stream*> FileSource::family_of(const std::string& path) {
  return values_of(by_family_, family_name_of(path));
}

void FileSource::note_path(Stream& stream, const std::string& path) {
  remove_from(by_family_, family_name_of(stream.path), &stream);
  stream.path = path;
  by_family_.emplace(family_name_of(path), &stream);
}

void FileSource::note_packed(Stream& stream, const FoundFile& packed) {
  remove_from(by_inode_, stream.file.stat().inode, &stream);
  stream.file.become(packed.stat);
  by_inode_.emplace(packed.stat.inode, &stream);
  note_path(stream, packed.path);
  stream.named = stream.located = stream.dirty = true;
}

// Unique for one file in this input: a counter and the time of day beside what the file is.
std::string FileSource::mint_key(const std::string& path, const FileStat& stat, Now now) {
  char text[160];
  std::snprintf(text, sizeof text, "%llu %llu %lld %lld %llu ",
                static_cast<unsigned long long>(stat.device),
                static_cast<unsigned long long>(stat.inode), static_cast<long long>(stat.birth_ns),
                static_cast<long long>(now.wall_ms), static_cast<unsigned long long>(++minted_));
  char key[17];
  std::snprintf(key, sizeof key, "%016llx",
                static_cast<unsigned long long>(fnv1a(settings_.name + path, fnv1a(text))));
  return key;
}

}  // namespace lastseen
