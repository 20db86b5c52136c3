#include "store/registry.h"

#include "store/discard_store.h"
#include "store/postgres_store.h"
#include "store/sqlite_store.h"

namespace lastseen {

namespace {

using Make = Result<std::unique_ptr<Store>> (*)(const StoreSettings&, Milliseconds future_max_ms,
                                                bool read_only, Log&);

Result<std::unique_ptr<Store>> make_discard_store(const StoreSettings&, Milliseconds, bool, Log&) {
  return std::unique_ptr<Store>(std::make_unique<DiscardStore>());
}

struct StoreType {
  std::string_view name;
  Make make;
};

constexpr StoreType kTypes[] = {
    {"sqlite", make_sqlite_store},
    {"postgres", make_postgres_store},
    {"discard", make_discard_store},
};

}  // namespace

Result<std::unique_ptr<Store>> make_store(const StoreSettings& settings, Milliseconds future_max_ms,
                                          bool read_only, Log& log) {
  std::string known;
  for (const StoreType& type : kTypes) {
    if (type.name == settings.type) return type.make(settings, future_max_ms, read_only, log);
    known += (known.empty() ? "" : ", ") + std::string(type.name);
  }
  return Status::fatal("store.type: '" + settings.type + "' is none of " + known);
}

}  // namespace lastseen
