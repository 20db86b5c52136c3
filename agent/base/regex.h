// Regular expressions in time linear in the text, whatever the pattern: RE2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace re2 {
class RE2;
}

namespace lastseen {

/// A compiled pattern. Matching keeps no state: any thread may.
class Regex {
 public:
  static constexpr size_t kGroupsMax = 64;  ///< Far more than a person can name.

  /// What `.` and the classes stand for.
  enum class Unit : uint8_t {
    kCodePoint,  ///< A code point: bytes that are not UTF-8 match nothing but `\C`.
    kByte,       ///< Any byte; what is not ASCII in the pattern is taken byte by byte too.
  };
  /// kFatal with RE2's words for a pattern that is wrong or too large.
  static Result<Regex> compile(const std::string& pattern, Unit unit = Unit::kCodePoint);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// Whether all of the text matches.
  bool matches_whole(std::string_view text) const;

  /// The names of the groups, in the order of their parentheses; "" for one without a name.
  const std::vector<std::string>& group_names() const { return group_names_; }

  /// Finds the pattern anywhere in the text. `groups` gets what each group matched; a null view
  /// for one that took no part. Its size must be that of group_names().
  bool find(std::string_view text, std::vector<std::string_view>* groups) const;

 private:
  explicit Regex(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> group_names_;
};

}  // namespace lastseen
