// What cannot be found, listed or opened: said once, and tried again with each look.
#include <utility>

#include "source/file_source.h"

namespace lastseen {

namespace {

std::string_view advice_for_unreadable(std::string_view state) {
  if (state.find("directory") != state.npos)
    return "log cannot be read; name a file in it, or a glob: DIRECTORY/*.log";
  if (state.find("symbolic links") != state.npos)
    return "log cannot be read; make its symbolic links lead to it";
  if (state.find("not a regular file") != state.npos)
    return "log cannot be read; an input of type file follows regular files only";
  return "log cannot be read; allow the agent's user to read it";
}

}  // namespace

void FileSource::cannot_open(const FoundFile& found, std::string state) {
  look_troubles_.push_back({found.path, std::move(state)});
  if (!discovered_) early_troubles_[found.path] = found.stat;
}

// What was there at the first discovery and could not be opened is no new file.
void FileSource::note_early_trouble(Stream& stream) {
  // A directory that could not be listed hid everything that the pattern matches now.
  stream.existed |= has_wildcards(settings_.path) && early_troubles_.count(settings_.path) > 0;
  auto early = early_troubles_.find(stream.path);
  if (early == early_troubles_.end()) return;
  const FileStat& then = early->second;
  stream.existed |= then.inode == 0 || same_inode(then, stream.file.stat());
  if (then.inode != 0) stream.first_size = static_cast<uint64_t>(then.size);
  early_troubles_.erase(early);
}

void FileSource::note_troubles(std::vector<PathTrouble> troubles, Now now) {
  const auto since = std::exchange(unreadable_since_, {});
  for (const PathTrouble& trouble : troubles) {
    if (!trouble.state.starts_with(kUnreadable)) continue;
    const auto known = since.find(trouble.path);
    unreadable_since_[trouble.path] = known == since.end() ? now.mono_ms : known->second;
  }
  std::set<std::string> now_said;
  for (const PathTrouble& trouble : troubles) {
    std::string text = trouble.path + " " + trouble.state;
    if (said_troubles_.count(text) == 0) {
      now_said.insert(text);
      if (trouble.state == kWaitsForDescriptor) continue;  // said once for all
      bool unreadable = trouble.state.starts_with(kUnreadable);
      // Between the rename and the create of a rotation the file is missing for a moment.
      bool expected = !unreadable && !streams_.empty();
      log_.write(expected ? LogLevel::kDebug : LogLevel::kWarn,
                 unreadable ? advice_for_unreadable(trouble.state)
                            : "log is missing; waiting for it to appear",
                 {{"input", settings_.name}, {"path", trouble.path}, {"state", trouble.state}});
    }
    now_said.insert(std::move(text));
  }
  said_troubles_ = std::move(now_said);
  troubles_ = std::move(troubles);
}

// Whether there may be a file that has no position because it could not be opened. One that stays
// closed to us is taken for what it is, and nobody's.
bool FileSource::may_hide_news(Now now) const {
  return std::any_of(unreadable_since_.begin(), unreadable_since_.end(), [&](const auto& entry) {
    return now.mono_ms - entry.second < kUnreadableNewsMs;
  });
}

}  // namespace lastseen
