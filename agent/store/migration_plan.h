// Which migrations a database still needs. Pure; the stores ask the questions and run the text.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/migrations.h"
#include "store/store.h"

namespace lastseen {

/// The file that makes the table of clients; it is nobody's business where that table exists.
inline constexpr std::string_view kClientTableMigration = "0002_client_activity.sql";
inline constexpr std::string_view kClientTable = "client_activity";

/// What the store found.
struct SchemaFacts {
  std::set<std::string> applied;      ///< Names in lastseen_schema; empty without that table.
  bool client_table_exists = false;   ///< The one that store.table names.
  bool client_table_is_ours = false;  ///< store.table has the default name.
  std::string client_table;           ///< store.table, for the note.
};

struct MigrationStep {
  const Migration* migration;
  bool run = false;        ///< Has to be applied.
  MigrationStatus status;  ///< As it is before the step runs.
};
/// Every known migration of the dialect, in order.
std::vector<MigrationStep> plan_migrations(std::string_view dialect, const SchemaFacts& facts);

/// Names in lastseen_schema that this version does not know, joined by ", "; empty: none.
std::string unknown_migrations(std::string_view dialect, const SchemaFacts& facts);

}  // namespace lastseen
