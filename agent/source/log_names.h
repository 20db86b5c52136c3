// By which names an input knows its logs, and where these lie.
#pragma once

#include <map>
#include <string>

#include "source/discovery.h"

namespace lastseen {

/// A name is a path as the glob gives it. Where its directory or the log itself is named by
/// symbolic links, the log lies elsewhere: rotation puts what it makes of a log beside it, under
/// its real path, and whatever else the links lead to later, that path stays.
class LogNames {
 public:
  explicit LogNames(std::string pattern) : pattern_(std::move(pattern)) {}

  /// What a look found; if it was `complete`, there are no other links.
  void note(const Discovered& found, bool complete);
  /// The name of the log at `path`, perhaps `path` itself; empty: the glob does not name it. There
  /// need not be a log now.
  std::string name_of(const std::string& path) const;
  /// Or that of the log of which rotation made `path`; empty: of none.
  std::string home_of(const std::string& path) const;
  bool names(const std::string& path) const;
  /// Whether `log`, a name or the path of one, stands for all logs of the glob: it is the pattern.
  bool is_pattern(const std::string& log) const;
  /// Where the log of that name lies; of a pattern, where the logs do.
  std::string path_of(const std::string& name) const;
  /// Whether any of the names is a link, or lies behind one.
  bool has_links() const { return !targets_.empty() || !directories_.empty(); }
  /// Whether links lead to the log of that name.
  bool is_linked(const std::string& name) const { return !leads_to(name, name); }
  /// Whether path_of(name) is `path`.
  bool leads_to(const std::string& name, const std::string& path) const;
  /// The name whose link may have led to `path` before it led elsewhere, if the glob names one such
  /// log; else empty.
  std::string former_name_of(const std::string& path) const;

  bool operator==(const LogNames&) const = default;

 private:
  /// From one to the other.
  using Links = std::map<std::string, std::string>;

  std::string in_directory(const std::string& directory, const std::string& name) const;

  std::string pattern_;
  Links targets_;          // of names that are links themselves
  Links links_;            // the other way
  Links directories_;      // of names, where they are links or lie behind some
  Links directory_names_;  // the other way
};

}  // namespace lastseen
