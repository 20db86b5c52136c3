// Which migrations a database still needs. Pure; the stores ask the questions and run the text.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/migrations.h"
#include "store/store.h"

namespace lastseen {

/// The file that makes the table of clients; not needed where that table exists.
inline constexpr std::string_view kClientTableMigration = "0002_client_activity.sql";
inline constexpr std::string_view kClientTable = "client_activity";

/// The agent's own tables.
inline constexpr std::array<std::string_view, 4> kOwnTables = {
    "lastseen_agent", "lastseen_position", "lastseen_quarantine", "lastseen_schema"};

/// What the store found.
struct SchemaFacts {
  /// Names in lastseen_schema. Empty when one of the agent's own tables is missing: then what was
  /// applied once is not in place now. Every file may run again.
  std::set<std::string> applied;
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
