// What of UTF-8 the rules on client ids need.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lastseen {

/// Whether all bytes are ASCII and none is NUL: as many code points as bytes.
bool is_plain(std::string_view text);

/// Number of code points, or nothing when the text is not UTF-8 as RFC 3629 has it (overlong
/// forms, surrogates and codes above U+10FFFF are not) or holds a NUL.
std::optional<size_t> count_code_points(std::string_view text);

}  // namespace lastseen
