// What a reloaded configuration changes of a source that goes on.
#include <algorithm>
#include <utility>

#include "source/file_source.h"

namespace lastseen {

void FileSource::change(const InputSettings& settings, Start start, int64_t hot_ms, Now now) {
  const InputSettings before = std::exchange(settings_, with_usual_path(settings));
  start_ = start;
  options_.hot_ms = hot_ms;
  watches_.rename(settings.name);
  for (const auto& stream : streams_)
    if (stream) stream->file.set_line_bytes_max(static_cast<size_t>(settings.line_bytes_max));
  look_due_ = true;
  if (settings_.path == before.path) return;
  const auto ours = [&](const std::string& home) { return matches_glob(settings_.path, home); };
  const LogNames former = std::exchange(names_, LogNames(settings_.path));
  names_.note(discover(files_, settings_.path), true);
  former_names_ = names_;
  listings_.change_pattern(settings_.path);
  by_family_.clear();
  for (const auto& stream : streams_)
    if (stream) by_family_.emplace(family_name_of(stream->path), stream.get());
  // The new name of what `home` led to, or of the file itself.
  const auto rename = [&](const std::string& home, const std::string& of) {
    std::string name = home_of(of);
    return name.empty() ? names_.name_of(former.path_of(home)) : name;
  };
  early_troubles_.clear();
  if (!restored_ || held_back()) discovered_ = false;
  std::erase_if(chains_, [&](Chain& chain) {
    if (ours(chain.home)) return false;
    chain.home = rename(chain.home, chain.log);
    return chain.home.empty() && (forget_anchor(chain), true);
  });
  for (size_t i = 0; i < streams_.size(); ++i) {
    Stream* s = streams_[i].get();
    if (!s || ours(s->home)) continue;
    if (std::string name = rename(s->home, s->path); !name.empty()) {
      s->home = std::move(name);
      continue;
    }
    const bool placed = s->began && s->file.placed();
    Position position = position_of(*s);
    if (!placed) say_left(position);
    forget(*s, true, now);
    if (placed) leave(std::move(position), now);
  }
  // Whether what is stored of them tells of which path they are is another matter now.
  for (const auto& stream : streams_)
    if (stream && stream->began) stream->dirty = true;
  for (Waiting& waiting : waiting_) waiting.of_path = false;
  paths_due_ = true;
}

std::vector<std::string> FileSource::store_anew(const StoredInput& there) {
  std::vector<std::string> stored = rows_.keys();
  for (Chain& chain : chains_)
    if (!chain.anchor.empty()) stored.push_back(std::exchange(chain.anchor, ""));
  std::set<std::string> ours;
  for (const auto& stream : streams_) {
    if (!stream || !stream->began) continue;
    stream->dirty = true;
    ours.insert(stream->key);
  }
  for (const Position& position : gone_)  // not told yet, and an anchor is no row
    if (position.gone) stored.push_back(position.stream);
  std::erase_if(gone_, [](const Position& position) { return position.gone; });
  for (const Waiting& waiting : waiting_) {
    ours.insert(waiting.position.stream);
    tell(waiting.position);
  }
  for (const Position& left : left_) {
    Position row = StoredRows::left_of(left);
    stored.push_back(row.stream);
    ours.insert(row.stream);
    tell(std::move(row));
  }
  // What another store knows of this input from earlier is older than what is known here.
  rows_.note(there.positions, settings_.path);
  for (const Position& position : there.positions) {
    if (StoredRows::is_of_input(position) || ours.count(position.stream) > 0) continue;
    gone_.push_back(position);
    gone_.back().gone = true;
  }
  return stored;
}

}  // namespace lastseen
