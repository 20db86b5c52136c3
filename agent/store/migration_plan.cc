#include "store/migration_plan.h"

namespace lastseen {

std::vector<MigrationStep> plan_migrations(std::string_view dialect, const SchemaFacts& facts) {
  std::vector<MigrationStep> steps;
  for (const Migration& migration : migrations()) {
    if (migration.dialect != dialect) continue;
    MigrationStep step{&migration, false, {std::string(migration.name), false, ""}};
    step.status.applied = facts.applied.contains(step.status.name);
    step.run = !step.status.applied;
    if (migration.name == kClientTableMigration) {
      // Made once and dropped by somebody: it has to be made again.
      step.status.applied = step.status.applied && facts.client_table_exists;
      step.run = facts.client_table_is_ours && !facts.client_table_exists;
      if (!facts.client_table_is_ours)
        step.status.note = "not needed: store.table names " + facts.client_table;
      else if (facts.client_table_exists && !step.status.applied)
        step.status.note = "not needed: the table exists";
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string unknown_migrations(std::string_view dialect, const SchemaFacts& facts) {
  std::set<std::string> unknown = facts.applied;
  for (const Migration& migration : migrations())
    if (migration.dialect == dialect) unknown.erase(std::string(migration.name));
  std::string names;
  for (const std::string& name : unknown) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace lastseen
