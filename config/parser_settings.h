// The section `parser` of an input.
#pragma once

#include <span>
#include <string_view>

#include "config/config.h"
#include "config/mapping.h"

namespace lastseen {

std::span<const std::string_view> parser_type_names();

void read_parser(Mapping map, ParserSettings& parser);

/// Text that must not be empty if it is there.
bool read_not_empty(Mapping& map, std::string_view key, std::string& out);

}  // namespace lastseen
