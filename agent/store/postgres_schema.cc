// PostgresStore: what the database has to look like, and `lastseen migrate`.
#include <utility>

#include "store/postgres_errors.h"
#include "store/postgres_store.h"

namespace lastseen {

namespace {

constexpr std::string_view kPostgresDialect = "postgres";
// Two migrations at once would trip over each other's CREATE TABLE. The lock ends with the
// transaction; the number is "lastseen" in ASCII.
constexpr const char* kLockMigrations = "SELECT pg_advisory_xact_lock(7809650172826576238)";

StoreError holding(std::string message) {
  return {StoreTrouble::kHolding, "", std::move(message)};
}

}  // namespace

PostgresStore::Failure PostgresStore::read_schema(SchemaFacts* facts) {
  const TableName& table = statements_.table_name();
  facts->client_table = table.table;
  facts->client_table_is_ours = table.table == kClientTable;
  ArrayText own_tables;
  for (std::string_view own : kOwnTables) own_tables.add_text(statements_.own_table(own));
  SqlAnswer answer;
  if (auto failure = run(
          "SELECT (SELECT count(to_regclass(name)) = count(*) FROM unnest($1::text[]) AS name), "
          "to_regclass($2) IS NOT NULL, $3 = '' OR to_regnamespace($3) IS NOT NULL",
          {own_tables.take(), statements_.table(),
           table.schema.empty() ? "" : quote_identifier(table.schema)},
          &answer))
    return failure;
  const bool own_tables_exist = answer.rows.at(0)[0] == "t";
  facts->client_table_exists = answer.rows.at(0)[1] == "t";
  if (answer.rows.at(0)[2] != "t") {
    const std::string schema = quote_identifier(table.schema);
    session_.run("ROLLBACK");
    return holding("PostgreSQL: store.table names schema " + schema +
                   ", which does not exist; run: CREATE SCHEMA " + schema);
  }
  if (!own_tables_exist) return std::nullopt;
  if (auto failure =
          run("SELECT name FROM " + statements_.own_table("lastseen_schema"), {}, &answer))
    return failure;
  for (const SqlRow& row : answer.rows) facts->applied.insert(row[0].value_or(""));
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::check_schema() {
  SchemaFacts facts;
  if (auto failure = read_schema(&facts)) return failure;
  const std::string unknown = unknown_migrations(kPostgresDialect, facts);
  Failure failure;
  if (!unknown.empty())
    failure = holding("PostgreSQL: the tables are of a newer version (" + unknown +
                      "); install that version of lastseen");
  for (const MigrationStep& step : plan_migrations(kPostgresDialect, facts))
    if (!failure && step.run)
      failure = holding("PostgreSQL: " + step.status.name +
                        " is not applied; run: lastseen migrate -c FILE");
  if (!failure && !facts.client_table_exists)
    failure = holding("PostgreSQL: store.table names " + statements_.table() +
                      ", which does not exist; create it or correct store.table");
  if (!failure) return discover_id_column();
  session_.run("ROLLBACK");
  return failure;
}

PostgresStore::Failure PostgresStore::discover_id_column() {
  const std::string& id = statements_.columns().id;
  SqlAnswer answer;
  if (auto failure = run(kPostgresIdColumn, {statements_.table(), id}, &answer)) return failure;
  const bool exists = !answer.rows.empty();
  if (exists && answer.rows[0][1] == "t") {
    statements_.set_id_type(answer.rows[0][0].value_or(""));
    return std::nullopt;
  }
  session_.run("ROLLBACK");
  const std::string column = quote_identifier(id);
  if (!exists)
    return holding("PostgreSQL: " + statements_.table() + " has no column " + column +
                   ", or does not exist; run: lastseen migrate -c FILE, or correct store.table and "
                   "store.columns.id");
  if (answer.rows[0][2] == "t")
    return holding("PostgreSQL: " + statements_.table() +
                   " is a view; let store.table name the table behind it");
  return holding("PostgreSQL: " + statements_.table() + " has no unique key on " + column +
                 " alone; run: ALTER TABLE " + statements_.table() + " ADD UNIQUE (" + column +
                 ")");
}

PostgresStore::Failure PostgresStore::apply_migration(const Migration& migration) {
  const SqlAnswer answer = session_.run(std::string(migration.text));
  if (!answer.error) return std::nullopt;
  StoreError error = fail(*answer.error, true);
  error.message = std::string(migration.name) + ": " + error.message;
  return error;
}

Result<std::vector<MigrationStatus>> PostgresStore::migrate_or_look(bool apply) {
  const PostgresSession::Call call(session_);
  SchemaFacts facts;
  std::vector<MigrationStatus> statuses;
  if (auto failure = begin()) return to_status(*failure);
  if (apply)
    if (auto failure = run(kLockMigrations, {})) return to_status(*failure);
  if (auto failure = read_schema(&facts)) return to_status(*failure);
  for (MigrationStep& step : plan_migrations(kPostgresDialect, facts)) {
    if (step.run && apply) {
      if (auto failure = apply_migration(*step.migration)) return to_status(*failure);
      step.status.applied = true;
      step.status.note = "applied now";
    }
    statuses.push_back(std::move(step.status));
  }
  if (auto failure = end()) return to_status(*failure);
  return statuses;
}

Result<std::vector<MigrationStatus>> PostgresStore::migrate() {
  return migrate_or_look(true);
}

Result<std::vector<MigrationStatus>> PostgresStore::migration_status() {
  return migrate_or_look(false);
}

}  // namespace lastseen
