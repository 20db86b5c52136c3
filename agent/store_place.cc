#include "store_place.h"

#include "store/postgres_conninfo.h"
#include "store/sql_text.h"

namespace lastseen {

namespace {

std::string place_in(const StoreSettings& store, const std::string& database) {
  // The tables of the agent lie beside that of the clients.
  const Result<TableName> table = parse_table_name(store.table);
  return store.type + " " + database + " " + (table ? table->schema : "");
}

}  // namespace

std::string store_place(const StoreSettings& store) {
  if (store.type == "sqlite") return store.type + " " + store.path;
  if (store.type != "postgres") return store.type;
  return place_in(store, postgres_place(store.url));
}

std::string store_place_by_url(const StoreSettings& store) {
  if (store.type != "postgres") return store_place(store);
  return place_in(store, postgres_place_by_url(store.url));
}

}  // namespace lastseen
