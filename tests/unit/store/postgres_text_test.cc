// What the PostgreSQL store says and is told, without a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "store/postgres_conninfo.h"
#include "store/postgres_errors.h"
#include "store/postgres_statements.h"

namespace lastseen {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

StoreSettings with_url(std::string url) {
  StoreSettings settings;
  settings.type = "postgres";
  settings.url = std::move(url);
  return settings;
}

std::string conninfo(std::string url, bool read_only = false) {
  const auto text = postgres_conninfo(with_url(std::move(url)), read_only);
  return text ? *text : text.status().message();
}

TEST(Conninfo, UrlBecomesKeywordsWithWhatItLeavesOpen) {
  EXPECT_THAT(conninfo("postgresql://me:p%27%5Cw@db:5433/site"),
              AllOf(HasSubstr("host='db'"), HasSubstr("port='5433'"), HasSubstr("dbname='site'"),
                    HasSubstr("password='p\\'\\\\w'"), HasSubstr("connect_timeout='5'"),
                    HasSubstr("keepalives_idle='10'"), HasSubstr("tcp_user_timeout='30000'"),
                    HasSubstr("client_encoding='UTF8'"), Not(HasSubstr("options"))));
}

TEST(Conninfo, WhatTheUrlSaysStays) {
  EXPECT_THAT(conninfo("host=db connect_timeout=60 keepalives_idle=1 tcp_user_timeout=7"),
              AllOf(HasSubstr("connect_timeout='60'"), HasSubstr("keepalives_idle='1'"),
                    HasSubstr("tcp_user_timeout='7'")));
}

TEST(Conninfo, SeveralHostsMeanThePrimaryUnlessOnlyReading) {
  EXPECT_THAT(conninfo("postgresql://a,b/x"), HasSubstr("target_session_attrs='read-write'"));
  EXPECT_THAT(conninfo("postgresql://a,b/x", true), Not(HasSubstr("target_session_attrs")));
  EXPECT_THAT(conninfo("postgresql://a/x"), Not(HasSubstr("target_session_attrs")));
  EXPECT_THAT(conninfo("postgresql://a,b/x?target_session_attrs=any"),
              HasSubstr("target_session_attrs='any'"));
}

TEST(Conninfo, PasswordOfAFileIsQuotedAndTheLastOne) {
  EXPECT_EQ("host='db' password='old' password='it\\'s \\\\ new'",
            with_password("host='db' password='old'", "it's \\ new"));
}

TEST(Conninfo, BrokenUrlIsNotRepeated) {
  for (const char* url : {"postgresql://u:hunter2@[x/db", "host=db hunter2", "hunter2=1"}) {
    const auto text = postgres_conninfo(with_url(url), false);
    EXPECT_EQ(StatusCode::kFatal, text.status().code());
    EXPECT_THAT(text.status().message(), Not(HasSubstr("hunter2")));
  }
}

TEST(Conninfo, KeywordsAreThoseOfThisLibpq) {
  const std::vector<std::string> keywords = postgres_keywords();
  for (const char* keyword : {"host", "dbname", "user", "password", "sslmode", "options"})
    EXPECT_EQ(1, std::count(keywords.begin(), keywords.end(), keyword)) << keyword;
  EXPECT_EQ(0, std::count(keywords.begin(), keywords.end(), "hoost"));
}

StoreError error_of(const char* sqlstate, const char* message) {
  return statement_error({sqlstate, message}, {{"stats", "client_activity"}, "agent", false});
}

TEST(StatementError, SaysWhatToDo) {
  EXPECT_THAT(error_of("42P01", "relation \"x\" does not exist").message,
              HasSubstr("run: lastseen migrate -c FILE"));
  EXPECT_THAT(
      error_of("42501", "permission denied for table client_activity").message,
      HasSubstr("GRANT SELECT, INSERT, UPDATE ON \"stats\".\"client_activity\" TO \"agent\""));
  EXPECT_THAT(error_of("42501", "permission denied for table lastseen_agent").message,
              HasSubstr("ON \"stats\".\"lastseen_agent\" TO"));
  EXPECT_THAT(error_of("42501", "permission denied for schema stats").message,
              HasSubstr("GRANT USAGE ON SCHEMA \"stats\""));
  EXPECT_THAT(
      error_of("42501", "new row violates row-level security policy for table \"x\"").message,
      HasSubstr("BYPASSRLS"));
  EXPECT_THAT(error_of("P0001", "no robots").message, HasSubstr("check_violation"));
  EXPECT_THAT(error_of("25006", "cannot execute INSERT").message, HasSubstr("primary"));
}

TEST(StatementError, LeavesValuesOut) {
  const StoreError error = error_of("22P02", "invalid input syntax for type uuid: \"bob\"");
  EXPECT_EQ("PostgreSQL: invalid input syntax for type uuid (SQLSTATE 22P02)", error.message);
  EXPECT_THAT(table_at_fault_error("22P02", "invalid input syntax for type uuid: \"bob\"",
                                   {"", "client_activity"})
                  .message,
              Not(HasSubstr("bob")));
}

TEST(ConnectError, WhatOnlySomebodyCanMendHolds) {
  for (const char* message :
       {"FATAL:  password authentication failed for user \"x\"",
        "fe_sendauth: no password supplied", "FATAL:  no pg_hba.conf entry for host \"::1\"",
        "FATAL:  role \"x\" does not exist", "FATAL:  database \"x\" does not exist",
        "root certificate file \"/x\" missing"})
    EXPECT_EQ(StoreTrouble::kHolding, connect_error({"", message}).trouble) << message;
}

TEST(ConnectError, WhatMendsItselfIsRetried) {
  for (const char* message :
       {"connection refused", "FATAL:  the database system is starting up", "timeout expired",
        "FATAL:  sorry, too many clients already",
        "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory"})
    EXPECT_EQ(StoreTrouble::kUnreachable, connect_error({"", message}).trouble) << message;
}

TEST(Statements, UpsertMapsNamesAndCastsWithoutALength) {
  StoreSettings settings;
  settings.columns = {"id", "at", ""};
  PostgresStatements statements(settings, {"s", "t"});
  EXPECT_FALSE(statements.id_type_known());
  statements.set_id_type("uuid");
  EXPECT_EQ(
      "INSERT INTO \"s\".\"t\" AS t (\"id\", \"at\") SELECT u.id::uuid, "
      "to_timestamp((u.seen) / 1000::float8) FROM unnest($1::text[], $2::bigint[], $3::bigint[]) "
      "AS u(id, seen, created) ON CONFLICT (\"id\") DO UPDATE SET \"at\" = EXCLUDED.\"at\" "
      "WHERE t.\"at\" IS NULL OR t.\"at\" < EXCLUDED.\"at\"",
      statements.upsert());
}

TEST(Statements, TransactionSetsItsLimitsForItselfAlone) {
  StoreSettings settings;
  settings.timeout_statement = 1234;
  settings.timeout_lock = 567;
  const std::string begin = PostgresStatements(settings, {"it's", "t"}).begin();
  EXPECT_THAT(begin, AllOf(HasSubstr("SET LOCAL statement_timeout = 1234"),
                           HasSubstr("SET LOCAL lock_timeout = 567"), HasSubstr("'\"it''s\"'")));
  for (size_t at = 0; (at = begin.find("SET ", at)) != std::string::npos; ++at)
    EXPECT_TRUE(begin.substr(at).starts_with("SET LOCAL") ||
                begin.substr(at).starts_with("SET CONSTRAINTS"));
}

}  // namespace
}  // namespace lastseen
