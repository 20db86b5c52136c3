// The text of a request's path and query.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lastseen {

/// nullopt: a `%` begins no %XX, or the text holds a NUL.
std::optional<std::string> percent_decoded(std::string_view text);
/// The other way: everything but letters, digits, `-`, `.`, `_` and `~` becomes %XX.
std::string percent_encoded(std::string_view text);

/// "a=1&b": each key and its value, decoded; a value is nullopt when it cannot be.
std::vector<std::pair<std::string, std::optional<std::string>>> query_items(std::string_view text);

}  // namespace lastseen
