// Which store a configuration means.
#pragma once

#include <string>

#include "config/config.h"

namespace lastseen {

/// The same for two that keep positions and totals in the same tables; without a password.
std::string store_place(const StoreSettings& store);

}  // namespace lastseen
