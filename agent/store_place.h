// Which store a configuration means.
#pragma once

#include <string>

#include "config/config.h"

namespace lastseen {

/// The same for two that keep positions and totals in the same tables; without a password.
std::string store_place(const StoreSettings& store);
/// As spill files of older versions name it, which did not ask libpq what a url leaves out.
std::string store_place_by_url(const StoreSettings& store);

}  // namespace lastseen
