#include "source/log_names.h"

#include <utility>

#include "base/gzip.h"

namespace lastseen {

namespace {

using Links = std::map<std::string, std::string>;

// `more` is newer than what is known.
void update(Links& links, Links& reversed, const std::vector<Link>& more, bool complete) {
  if (complete) links.clear();
  for (const auto& [name, path] : more) links[name] = path;
  reversed.clear();
  for (const auto& [name, path] : links) reversed.emplace(path, name);
}

}  // namespace

void LogNames::note(const Discovered& found, bool complete) {
  update(targets_, links_, found.links, complete);
  update(directories_, directory_names_, found.directories, complete);
}

// The glob gives bare names if it is one.
std::string LogNames::in_directory(const std::string& directory, const std::string& name) const {
  if (pattern_.find('/') == pattern_.npos) return name;
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

std::string LogNames::name_of(const std::string& path) const {
  if (matches_glob(pattern_, path)) return path;
  if (const auto found = directory_names_.find(directory_of(path));
      found != directory_names_.end()) {
    std::string name = in_directory(found->second, name_in_directory(path));
    if (matches_glob(pattern_, name)) return name;
  }
  const auto link = links_.find(path);
  return link == links_.end() ? "" : link->second;
}

std::string LogNames::home_of(const std::string& path) const {
  if (std::string name = name_of(path); !name.empty()) return name;
  for (std::string log = without_gzip_suffix(path);;) {
    if (std::string name = name_of(log); !name.empty()) return name;
    std::string base = without_last_mark(log);
    if (base == log) return "";
    log = std::move(base);
  }
}

bool LogNames::names(const std::string& path) const {
  return matches_glob(pattern_, path) || !name_of(path).empty();
}

// A log may have brackets in its name.
bool LogNames::is_pattern(const std::string& log) const {
  return has_wildcards(log) && (log == pattern_ || log == path_of(pattern_));
}

std::string LogNames::path_of(const std::string& name) const {
  if (const auto target = targets_.find(name); target != targets_.end()) return target->second;
  const auto found = directories_.find(directory_of(name));
  if (found == directories_.end()) return name;
  return (found->second == "/" ? "" : found->second) + "/" + name_in_directory(name);
}

bool LogNames::leads_to(const std::string& name, const std::string& path) const {
  if (targets_.empty() && directories_.empty()) return name == path;
  return path_of(name) == path;
}

std::string LogNames::former_name_of(const std::string& path) const {
  const std::string directory = directory_of(pattern_);
  if (has_wildcards(directory)) return "";
  if (targets_.count(pattern_) > 0) return pattern_;
  std::string name = in_directory(directory, name_in_directory(log_family(pattern_, path)));
  return matches_glob(pattern_, name) ? name : "";
}

}  // namespace lastseen
