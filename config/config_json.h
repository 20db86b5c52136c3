// From the structs of config.h back to the keys of the file: what `GET /config` shows.
#pragma once

#include <string>

#include "config/config.h"

namespace lastseen {

/// One JSON object with every key there is, also those that do not go with a `type`, which then
/// hold their defaults; durations and sizes as the file has them, `inputs[].client_id` with what it
/// takes over from the general one. Passwords are masked.
std::string config_json(const Config& config);

/// `postgresql://me:***@host/app`, `host=db password=***`: a URL or keyword string without its
/// secrets. What is not known to be harmless is masked too.
std::string masked_connection(const std::string& connection);

}  // namespace lastseen
