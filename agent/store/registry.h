// Every kind of store by its name. A new store is a file pair and one line in registry.cc.
#pragma once

#include <memory>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "store/store.h"

namespace lastseen {

/// Builds the store without touching the world: connecting happens in its first call.
/// `future_max_ms`: how far ahead of the store's clock a time may be before it is clamped.
/// `read_only`: for `clients`; SQLite then never creates a file.
Result<std::unique_ptr<Store>> make_store(const StoreSettings& settings, Milliseconds future_max_ms,
                                          bool read_only, Log& log);

}  // namespace lastseen
