// From the tree of a file to the structs of config.h: which keys there are, their ranges and
// what they must not clash with.
#pragma once

#include "config/config.h"
#include "config/mapping.h"

namespace lastseen {

/// Documented keys without a reader; each leaves this list when it gets one.
std::span<const LaterKey> later_keys();

/// Reads everything; what is wrong goes to the context's errors, and the Config is then useless.
Config read_settings(ReadContext& context, const YamlPointer& root);

}  // namespace lastseen
