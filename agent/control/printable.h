// Foreign bytes made fit for one line of UTF-8 text.
#pragma once

#include <string>
#include <string_view>

namespace lastseen {

/// Paths and error texts may hold any byte. Controls and what is not UTF-8 become \xHH, so that
/// JSON stays valid, a line stays one line, and no escape sequence reaches a terminal.
std::string printable(std::string_view bytes);

}  // namespace lastseen
