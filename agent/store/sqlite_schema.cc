// SqliteStore: opening, migrating itself, and questions about clients.
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "store/sqlite_statements.h"
#include "store/sqlite_store.h"

namespace lastseen {

namespace {

using Step = SqliteStatement::Step;

constexpr std::string_view kSqliteDialect = "sqlite";

}  // namespace

Status SqliteStore::to_status(const StoreError& error) {
  return error.trouble == StoreTrouble::kHolding ? Status::fatal(error.message)
                                                 : Status::retry(error.message);
}

// Ready to read and write, with every table in place.
SqliteStore::Failure SqliteStore::open() {
  if (statements_ && connection_.file_moved()) {
    log_.warn(
        "the database file was moved or deleted; opening it again. Stop the agent before moving it",
        {{"path", connection_.path()}});
    statements_.reset();
    connection_.close();
  }
  if (statements_) return std::nullopt;
  auto failure = open_and_prepare();
  return failure ? fail(*failure) : std::nullopt;
}

SqliteStore::Failure SqliteStore::open_and_prepare() {
  if (auto failure = connection_.open()) return failure;
  std::vector<MigrationStatus> statuses;
  if (auto failure = apply_migrations(&statuses)) return failure;
  if (auto failure = check_client_table()) return failure;
  auto statements = std::make_unique<Statements>();
  if (!statements->prepare(connection_, table_, columns_)) return connection_.error();
  statements_ = std::move(statements);
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::read_schema(SchemaFacts* facts) {
  facts->client_table = table_;
  facts->client_table_is_ours = table_ == kClientTable;
  SqliteStatement exists =
      connection_.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1");
  if (!exists) return connection_.error();
  facts->client_table_exists = exists.bind(table_).step() == Step::kRow;
  for (std::string_view own : kOwnTables) {
    const Step step = exists.bind(own).step();
    if (step == Step::kFailed) return connection_.error();
    if (step == Step::kDone) return std::nullopt;
  }
  SqliteStatement names = connection_.prepare("SELECT name FROM lastseen_schema");
  if (!names) return connection_.error();
  Step step;
  while ((step = names.step()) == Step::kRow) facts->applied.insert(names.text(0));
  if (step == Step::kFailed) return connection_.error();
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::apply_migrations(std::vector<MigrationStatus>* statuses) {
  SchemaFacts facts;
  if (!connection_.run("BEGIN IMMEDIATE")) return connection_.error();
  if (auto failure = read_schema(&facts)) return failure;
  const std::string unknown = unknown_migrations(kSqliteDialect, facts);
  if (!unknown.empty())
    return StoreError{StoreTrouble::kHolding, "",
                      "SQLite: " + connection_.path() + ": the tables are of a newer version (" +
                          unknown + "); install that version of lastseen"};
  for (MigrationStep& step : plan_migrations(kSqliteDialect, facts)) {
    if (step.run) {
      if (!connection_.run(std::string(step.migration->text).c_str())) return connection_.error();
      step.status.applied = true;
      step.status.note = "applied now";
    }
    statuses->push_back(std::move(step.status));
  }
  if (!connection_.run("COMMIT")) return connection_.error();
  return std::nullopt;
}

// ON CONFLICT (id) needs a unique key on the id alone, over all rows.
SqliteStore::Failure SqliteStore::check_client_table() {
  SqliteStatement columns = connection_.prepare(
      "SELECT name, pk, (SELECT max(pk) FROM pragma_table_info(?1)) "
      "FROM pragma_table_info(?1)");
  if (!columns) return connection_.error();
  columns.bind(table_);
  bool has_table = false, has_column = false, unique = false;
  while (columns.step() == Step::kRow) {
    has_table = true;
    if (columns.text(0) != columns_.id) continue;
    has_column = true;
    unique = columns.number(1) == 1 && columns.number(2) == 1;
  }
  SqliteStatement indexes = connection_.prepare(
      "SELECT 1 FROM pragma_index_list(?1) AS i WHERE i.\"unique\" AND NOT i.partial AND "
      "(SELECT group_concat(coalesce(c.name, '')) FROM pragma_index_info(i.name) AS c) = ?2");
  if (!indexes) return connection_.error();
  unique = unique || indexes.bind(table_, columns_.id).step() == Step::kRow;
  const std::string where = "SQLite: " + connection_.path() + ": ";
  const std::string table = quote_identifier(table_), id = quote_identifier(columns_.id);
  std::string message;
  if (!has_table)
    message = "store.table names " + table + ", which does not exist; create it or correct it";
  else if (!has_column)
    message = table + " has no column " + id + "; correct store.columns.id";
  else if (!unique)
    message = table + " has no unique key on " + id + " alone; run: CREATE UNIQUE INDEX " +
              quote_identifier(table_ + "_" + columns_.id) + " ON " + table + " (" + id + ")";
  if (message.empty()) return std::nullopt;
  return StoreError{StoreTrouble::kHolding, "", where + message};
}

Status SqliteStore::look_for_file() const {
  struct stat info;
  if (stat(connection_.path().c_str(), &info) == 0) return Status::ok();
  return Status::not_found("SQLite: " + connection_.path() +
                           " does not exist: nothing was committed yet, or store.path names "
                           "another file than the agent's");
}

// For commands that only look: never makes the file.
Status SqliteStore::open_for_reading() {
  if (connection_.is_open()) return Status::ok();
  if (auto status = look_for_file(); !status) return status;
  if (auto failure = connection_.open()) return to_status(*failure);
  return Status::ok();
}

Result<SqliteStatement> SqliteStore::ask_clients(const std::string& columns,
                                                 const std::string& order,
                                                 const ClientsQuery& query) {
  if (auto status = open_for_reading(); !status) return status;
  const std::string seen = quote_identifier(columns_.last_seen);
  // Text against text of the same form; see utc_text().
  const auto border = [&](int64_t age_ms) {
    return "strftime('%Y-%m-%d %H:%M:%fZ', julianday('now') - " + std::to_string(age_ms) +
           " / 86400000.0)";
  };
  std::string sql =
      "SELECT " + columns + " FROM " + quote_identifier(table_) + " WHERE " + seen + " IS NOT NULL";
  if (query.active_within_ms) sql += " AND " + seen + " >= " + border(*query.active_within_ms);
  if (query.inactive_for_ms) sql += " AND " + seen + " < " + border(*query.inactive_for_ms);
  SqliteStatement statement = connection_.prepare(sql + order);
  if (!statement) return to_status(connection_.error());
  return statement;
}

Result<std::vector<ClientRow>> SqliteStore::clients(const ClientsQuery& query) {
  const SqliteConnection::Call call(connection_);
  const std::string id = quote_identifier(columns_.id);
  const std::string seen = quote_identifier(columns_.last_seen);
  const std::string created =
      columns_.created_at.empty() ? "NULL" : quote_identifier(columns_.created_at);
  std::string order = " ORDER BY " + seen + " DESC, " + id;
  if (query.limit) order += " LIMIT " + std::to_string(*query.limit);
  auto statement = ask_clients(id + ", " + seen + ", " + created, order, query);
  if (!statement) return statement.status();
  std::vector<ClientRow> rows;
  Step step;
  while ((step = statement->step()) == Step::kRow) {
    ClientRow row{statement->text(0), 0, std::nullopt};
    int64_t created_ms = 0;
    // Not a time in any form of text we know: the row was made by somebody else.
    if (!parse_utc_text(statement->text(1), &row.last_seen_ms)) continue;
    if (parse_utc_text(statement->text(2), &created_ms)) row.created_at_ms = created_ms;
    rows.push_back(std::move(row));
  }
  if (step == Step::kFailed) return to_status(connection_.error());
  return rows;
}

Result<uint64_t> SqliteStore::count_clients(const ClientsQuery& query) {
  const SqliteConnection::Call call(connection_);
  auto statement = ask_clients("count(*)", "", query);
  if (!statement) return statement.status();
  if (statement->step() != Step::kRow) return to_status(connection_.error());
  return static_cast<uint64_t>(statement->number(0));
}

Result<std::vector<MigrationStatus>> SqliteStore::migrate() {
  const SqliteConnection::Call call(connection_);
  std::vector<MigrationStatus> statuses;
  auto failure = connection_.open();
  if (!failure) failure = apply_migrations(&statuses);
  if (failure) return to_status(*fail(*failure));
  return statuses;
}

Result<std::vector<MigrationStatus>> SqliteStore::migration_status() {
  const SqliteConnection::Call call(connection_);
  SchemaFacts facts;
  facts.client_table_is_ours = table_ == kClientTable;
  facts.client_table = table_;
  if (auto status = open_for_reading(); status.code() == StatusCode::kNotFound) {
    // Nothing is applied yet; the agent will do it.
  } else if (!status) {
    return status;
  } else if (auto failure = read_schema(&facts)) {
    return to_status(*failure);
  }
  std::vector<MigrationStatus> statuses;
  for (MigrationStep& step : plan_migrations(kSqliteDialect, facts))
    statuses.push_back(std::move(step.status));
  return statuses;
}

}  // namespace lastseen
