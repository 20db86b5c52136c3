#include <libpq-fe.h>

#include "conformance/store_lab.h"

namespace lastseen {

namespace {

PGconn* connect(const std::string& database) {
  PGconn* connection = PQconnectdb(shared_postgres().conninfo(database).c_str());
  EXPECT_EQ(CONNECTION_OK, PQstatus(connection)) << PQerrorMessage(connection);
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  return connection;
}

TextRows run(PGconn* connection, const std::string& text) {
  PGresult* result = PQexec(connection, text.c_str());
  const ExecStatusType status = PQresultStatus(result);
  EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      << PQerrorMessage(connection) << " in " << text;
  TextRows rows;
  for (int r = 0; r < PQntuples(result); ++r) {
    rows.emplace_back();
    for (int c = 0; c < PQnfields(result); ++c)
      rows.back().emplace_back(PQgetisnull(result, r, c) ? "NULL" : PQgetvalue(result, r, c));
  }
  PQclear(result);
  return rows;
}

class PostgresLab final : public StoreLab {
 public:
  PostgresLab() : database_(next_name()) {
    PGconn* connection = connect("postgres");
    run(connection, "CREATE DATABASE " + database_);
    PQfinish(connection);
  }
  ~PostgresLab() override {
    PGconn* connection = connect("postgres");
    run(connection, "DROP DATABASE IF EXISTS " + database_ + " WITH (FORCE)");
    PQfinish(connection);
  }

  StoreSettings settings() const override {
    StoreSettings settings;
    settings.type = "postgres";
    settings.url = shared_postgres().conninfo(database_);
    return settings;
  }

  TextRows sql(const std::string& text) override {
    PGconn* connection = connect(database_);
    TextRows rows = run(connection, text);
    PQfinish(connection);
    return rows;
  }

  std::string time_sql(int64_t ms) const override {
    return "to_timestamp(" + std::to_string(ms) + " / 1000::float8)";
  }

  std::string picky_table_sql(const std::string& table) const override {
    return "CREATE TABLE " + table +
           " (who text PRIMARY KEY CHECK (who NOT LIKE 'bad%'), at timestamptz, born timestamptz)";
  }

  std::shared_ptr<void> lock_out() override {
    PGconn* connection = connect(database_);
    run(connection, "BEGIN; LOCK TABLE lastseen_agent, client_activity");
    return {connection, [](void* locked) { PQfinish(static_cast<PGconn*>(locked)); }};
  }

 private:
  static std::string next_name() {
    static int made = 0;
    return "lab" + std::to_string(++made);
  }

  const std::string database_;
};

}  // namespace

TemporaryPostgres& shared_postgres() {
  static TemporaryPostgres server;
  return server;
}

std::unique_ptr<StoreLab> make_postgres_lab() {
  return std::make_unique<PostgresLab>();
}

}  // namespace lastseen
