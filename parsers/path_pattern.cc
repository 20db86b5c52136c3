#include "parsers/path_pattern.h"

#include "parsers/escape.h"

namespace lastseen {
namespace {

constexpr std::string_view kId = "{id}";
constexpr std::string_view kAny = "*";

/// Takes the first segment off a path that begins with `/`.
std::string_view take_segment(std::string_view* path) {
  path->remove_prefix(1);
  const std::string_view segment = path->substr(0, path->find('/'));
  path->remove_prefix(segment.size());
  return segment;
}

}  // namespace

PathPattern::PathPattern(std::string_view pattern) {
  while (pattern.starts_with('/')) segments_.emplace_back(take_segment(&pattern));
  if (!segments_.empty() && (segments_.back() == "\u2026" || segments_.back() == "...")) {
    segments_.pop_back();
  }
}

std::optional<std::string_view> PathPattern::find(std::string_view path, bool encoded,
                                                  std::string* scratch) const {
  std::optional<std::string_view> id;
  for (const std::string& wanted : segments_) {
    if (!path.starts_with('/')) return std::nullopt;
    std::string_view segment = take_segment(&path);
    if (wanted == kId) {
      id = segment;
      continue;
    }
    if (wanted == kAny || segment == wanted) continue;
    if (!encoded || segment.find('%') == segment.npos) return std::nullopt;
    unescape_path(segment, scratch);
    if (*scratch != wanted) return std::nullopt;
  }
  return id;
}

}  // namespace lastseen
