// What the path named before it was changed, by a reload or while the agent was down. It is not
// followed any more: another input may name it now. Where it was left stays known for a month, in
// the store too, so that a path that comes back goes on there, and so does a file that has a name
// of the new path.
#include <algorithm>
#include <utility>

#include "source/file_source.h"

namespace lastseen {

// Once it is known where links lead. True: a path came back.
bool FileSource::part_with_other_paths(Now now) {
  if (!std::exchange(paths_due_, false)) return false;
  // A log of its own that the path named is now one of several: what it was renamed to stays ours.
  const bool widened = !has_wildcards(rows_.path()) && !names_.name_of(rows_.path()).empty();
  std::vector<Position> others;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    waiting.of_path = waiting.of_path || widened || is_of_path(waiting.position);
    if (!waiting.of_path) others.push_back(std::move(waiting.position));
    return !waiting.of_path;
  });
  const bool path_came_back = take_left_back();
  for (Position& other : others) {
    if (!StoredRows::is_anchor(other)) {
      leave(std::move(other), now);
    } else if (!StoredRows::is_of_input(other)) {  // else there will be one of the path
      other.gone = true;
      tell(std::move(other));
    }
  }
  return path_came_back;
}

bool FileSource::is_of_path(const Position& stored) {
  if (!home_of(stored.path).empty()) return true;
  if (StoredRows::is_anchor(stored))
    return stored.path == settings_.path || names_.is_pattern(stored.path);
  // The file may have been renamed together with the path.
  for (Stream* s : streams_of_inode(stored.inode)) {
    if (s->file.placed() || compare_inode(stored, s->file.stat()) != InodeMatch::kSame) continue;
    if (!s->file.is_open()) return true;  // it waits for a descriptor
    const Result<bool> same = s->file.proves(stored, 0);
    if (same && *same) return true;
  }
  return false;
}

void FileSource::leave(Position position, Now now) {
  say_left(position);
  if (position.updated_ms == 0) position.updated_ms = now.wall_ms;
  // What came since the last complete look is not known yet.
  if (complete_look_wall_ms_ > 0)
    position.updated_ms = std::min(position.updated_ms, complete_look_wall_ms_);
  std::erase_if(left_, [&](const Position& left) { return left.stream == position.stream; });
  tell(StoredRows::left_of(position));
  left_.push_back(position);
  left_wall_ms_ = now.wall_ms;
  position.gone = true;
  tell(std::move(position));
}

void FileSource::say_left(const Position& position) {
  log_.info("the file is not followed any more", {{"input", settings_.name},
                                                  {"path", position.path},
                                                  {"position", position.position},
                                                  {"reason", "the input has another path now"}});
}

// A path that comes back, a typing error that is mended. True: there is one.
bool FileSource::take_left_back() {
  std::vector<Position> back;
  std::erase_if(left_, [&](Position& left) {
    const bool ours = is_of_path(left);
    if (ours) back.push_back(std::move(left));
    return ours;
  });
  std::stable_sort(back.begin(), back.end(), [](const Position& a, const Position& b) {
    return a.updated_ms > b.updated_ms;
  });
  // Since then nobody looked there.
  if (!back.empty())
    complete_look_wall_ms_ = std::min(complete_look_wall_ms_, back.front().updated_ms);
  for (Position& position : back) {
    Position row = StoredRows::left_of(position);
    row.gone = true;
    tell(std::move(row));
    tell(position);  // should its file not be found before the agent is killed
    if (!begun_) stored_families_.insert(family_name_of(position.path));
    waiting_.push_back({std::move(position), LossReason::kDeleted});
    waiting_.back().sequence = oldest_sequence_ -= kSequenceStep;
  }
  return !back.empty();
}

// What is left may not have moved for long before: it is kept for as long as this agent knows of
// it.
void FileSource::prune_left(Now now) {
  if (now.wall_ms - left_wall_ms_ < kAbsentKeptMs) return;
  std::erase_if(left_, [&](const Position& left) {
    if (now.wall_ms - left.updated_ms < kAbsentKeptMs) return false;
    Position row = StoredRows::left_of(left);
    row.gone = true;
    tell(std::move(row));
    return true;
  });
}

// The next batch says this of the row, whatever it was to say.
void FileSource::tell(Position position) {
  std::erase_if(gone_, [&](const Position& told) { return told.stream == position.stream; });
  gone_.push_back(std::move(position));
}

}  // namespace lastseen
