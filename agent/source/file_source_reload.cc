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
    log_.info("the file is not followed any more", {{"input", settings_.name},
                                                    {"path", s->path},
                                                    {"position", s->file.position()},
                                                    {"reason", "the input has another path now"}});
    if (s->began && s->file.placed()) left_.push_back(position_of(*s));
    forget(*s, true, now);
  }
  // A path that comes back, a typing error that is mended: where it was left.
  std::erase_if(left_, [&](Position& left) {
    if (home_of(left.path).empty()) return false;
    std::erase_if(gone_, [&](const Position& gone) { return gone.stream == left.stream; });
    waiting_.push_back({std::move(left), LossReason::kDeleted});
    return true;
  });
}

std::vector<std::string> FileSource::store_anew(const StoredInput& there) {
  std::vector<std::string> stored(rows_.begin(), rows_.end());
  if (anchor_stored_) stored.emplace_back(kAnchorKey);
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
    gone_.push_back(waiting.position);
  }
  // What another store knows of this input from earlier is older than what is known here.
  note_rows(there);
  for (const Position& position : there.positions) {
    if (position.stream == kAnchorKey || ours.count(position.stream) > 0) continue;
    gone_.push_back(position);
    gone_.back().gone = true;
  }
  return stored;
}

}  // namespace lastseen
