#include "store_place.h"

#include "store/postgres_conninfo.h"
#include "store/sql_text.h"

namespace lastseen {

std::string store_place(const StoreSettings& store) {
  if (store.type == "sqlite") return store.type + " " + store.path;
  if (store.type != "postgres") return store.type;
  // The tables of the agent lie beside that of the clients.
  const Result<TableName> table = parse_table_name(store.table);
  return store.type + " " + postgres_place(store.url) + " " + (table ? table->schema : "");
}

}  // namespace lastseen
