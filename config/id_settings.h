// The section `client_id`: where an id may stand, and which ones count.
#pragma once

#include <string>

#include "config/config.h"
#include "config/mapping.h"

namespace lastseen {

/// KIND.NAME, as it stands in `from`.
std::string place_words(const IdPlace& place);

/// Keys that are absent leave what `client_id` holds: an input's section changes the general one.
void read_client_id(Mapping map, ClientIdSettings& client_id);

}  // namespace lastseen
