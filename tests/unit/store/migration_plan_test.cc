#include "store/migration_plan.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

SchemaFacts default_table() {
  SchemaFacts facts;
  facts.client_table_is_ours = true;
  facts.client_table = kClientTable;
  return facts;
}

std::string to_run(const SchemaFacts& facts) {
  std::string names;
  for (const MigrationStep& step : plan_migrations("postgres", facts))
    if (step.run) names += step.status.name + " ";
  return names;
}

TEST(MigrationPlan, EmptyDatabaseNeedsAllInOrder) {
  EXPECT_EQ("0001_agent.sql 0002_client_activity.sql ", to_run(default_table()));
}

TEST(MigrationPlan, ExistingClientTableIsNotMade) {
  SchemaFacts facts = default_table();
  facts.client_table_exists = true;
  EXPECT_EQ("0001_agent.sql ", to_run(facts));
}

TEST(MigrationPlan, TableOfAnotherNameIsNeverMade) {
  SchemaFacts facts;
  facts.client_table = "people";
  EXPECT_EQ("0001_agent.sql ", to_run(facts));
}

TEST(MigrationPlan, DroppedClientTableIsMadeAgain) {
  SchemaFacts facts = default_table();
  facts.applied = {"0001_agent.sql", "0002_client_activity.sql"};
  EXPECT_EQ("0002_client_activity.sql ", to_run(facts));
  facts.client_table_exists = true;
  EXPECT_EQ("", to_run(facts));
}

TEST(MigrationPlan, UnknownNamesAreOfANewerVersion) {
  SchemaFacts facts = default_table();
  facts.applied = {"0001_agent.sql", "0003_usage.sql", "0004_more.sql"};
  EXPECT_EQ("0003_usage.sql, 0004_more.sql", unknown_migrations("postgres", facts));
}

// A comment in another encoding would make the whole file fail on a LATIN1 database.
TEST(Migrations, AreAsciiAndRecordThemselves) {
  for (const Migration& migration : migrations()) {
    for (char c : migration.text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
    const std::string record = "VALUES ('" + std::string(migration.name) + "')";
    EXPECT_NE(std::string_view::npos, migration.text.find(record)) << migration.name;
  }
}

}  // namespace
}  // namespace lastseen
