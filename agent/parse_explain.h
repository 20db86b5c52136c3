// `lastseen parse --explain`: one line of a log, and what was made of it, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parsers/parser.h"

namespace lastseen {

/// Several lines of text, fit for a terminal, with an empty one at the end. The log's line stands
/// in it in rows, with the fields that were looked into underlined: `t` the time, `^` the id, `~`
/// other fields, `!` what does not fit the format. Of a long line, rows without the beginning or
/// end of something are left out.
std::string explain_line(uint64_t number, std::string_view line, const ParseResult& parsed,
                         const Explanation& explanation);

}  // namespace lastseen
