// `/clients/{id}/…`: where in a request's path the client id stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lastseen {

/// Segments are compared one by one, from the first on; what follows the pattern in the path may
/// be anything. `{id}` is the id, `*` any one segment. A final `/…` or `/...` says nothing new.
class PathPattern {
 public:
  PathPattern() = default;
  /// Begins with `/` and has `{id}` exactly once, or matches nothing.
  explicit PathPattern(std::string_view pattern);

  /// The id's segment of a path; `encoded`: segments are compared with `%HH` decoded, and the
  /// answer is still encoded. Nothing when the path does not match.
  std::optional<std::string_view> find(std::string_view path, bool encoded,
                                       std::string* scratch) const;

 private:
  std::vector<std::string> segments_;
};

}  // namespace lastseen
