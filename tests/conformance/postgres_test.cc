// What PostgreSQL alone has: types, schemas, rights, backends, restarts, psql.
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "conformance/store_lab.h"
#include "store/migrations.h"

namespace lastseen {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PostgresCase : public StoreCase {
 protected:
  void use(const std::string& table, const ColumnNames& columns) {
    settings_.table = table;
    settings_.columns = columns;
    store_ = open(settings_);
    start();
  }
  // psql with `arguments` against the lab's database; its exit status.
  int psql(const std::string& arguments) {
    const std::string command = shared_postgres().binaries() +
                                "/psql -q -X -v ON_ERROR_STOP=1 -d '" + settings_.url + "' " +
                                arguments + " >/dev/null 2>&1";
    return std::system(command.c_str());
  }
  std::string setting(const std::string& name) { return lab_->sql("SHOW " + name)[0][0]; }
};
INSTANTIATE_TEST_SUITE_P(Postgres, PostgresCase, ::testing::Values(make_postgres_lab), lab_name);

TEST_P(PostgresCase, MissingTablesHoldAndSayWhatToRun) {
  const StoreError error = load_error(*store_);
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("run: lastseen migrate -c FILE"));
  const auto rows = store_->clients({});
  EXPECT_EQ(StatusCode::kNotFound, rows.status().code());
  EXPECT_THAT(rows.status().message(), HasSubstr("run: lastseen migrate -c FILE"));
}

TEST_P(PostgresCase, ClientTableIsExactlyAsPromised) {
  start();
  EXPECT_THAT(
      lab_->sql("SELECT column_name, data_type, character_maximum_length, column_default "
                "FROM information_schema.columns WHERE table_name = 'client_activity' "
                "ORDER BY ordinal_position"),
      ElementsAre(
          ElementsAre("client_id", "character varying", "50", "NULL"),
          ElementsAre("last_seen", "timestamp with time zone", "NULL", "CURRENT_TIMESTAMP"),
          ElementsAre("created_at", "timestamp with time zone", "NULL", "CURRENT_TIMESTAMP")));
  EXPECT_THAT(lab_->sql("SELECT reloptions FROM pg_class WHERE relname = 'client_activity'"),
              ElementsAre(ElementsAre("{fillfactor=50}")));
  EXPECT_EQ("1", lab_->sql("SELECT count(*) FROM pg_index "
                           "WHERE indrelid = 'client_activity'::regclass")[0][0]);
}

TEST_P(PostgresCase, EveryMigrationRunsThroughPsqlTwice) {
  const std::string directory = LASTSEEN_SOURCE_DIR "/migrations/postgres/";
  for (const Migration& migration : migrations()) {
    if (migration.dialect != "postgres") continue;
    const std::string file = "-f " + directory + std::string(migration.name);
    EXPECT_EQ(0, psql(file)) << file;
    EXPECT_EQ(0, psql(file)) << file << " a second time";
  }
  const auto statuses = store_->migration_status();
  ASSERT_TRUE(statuses.is_ok());
  EXPECT_THAT(*statuses, ::testing::Each(::testing::Field(&MigrationStatus::applied, true)));
  EXPECT_EQ(1u, load().epoch);
}

TEST_P(PostgresCase, MigratingTwiceAtOnceIsHarmless) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this] {
      const auto statuses = open(settings_)->migrate();
      EXPECT_TRUE(statuses.is_ok()) << statuses.status().message();
    });
  for (std::thread& thread : threads) thread.join();
  load();
}

TEST_P(PostgresCase, IntegerIdsAreCastAndOthersSetAside) {
  lab_->sql("CREATE TABLE users (id integer PRIMARY KEY, seen timestamptz)");
  use("users", {"id", "seen", ""});
  const CommitResult result =
      commit(BatchBuilder().seen("42", kTime).seen("007", kTime).seen("bob", kTime).take(1, 1));
  EXPECT_THAT(result.quarantined, ElementsAre(1));
  EXPECT_EQ(kTime, last_seen("42"));
  EXPECT_EQ(kTime, last_seen("7"));
}

TEST_P(PostgresCase, UuidIdsAreCast) {
  lab_->sql("CREATE TABLE users (id uuid PRIMARY KEY, seen timestamp, born date)");
  use("users", {"id", "seen", "born"});
  const std::string id = "6b29fc40-ca47-1067-b31d-00dd010662da";
  commit(BatchBuilder().seen(id, kTime).take(1, 1));
  EXPECT_EQ(kTime, last_seen(id));
}

TEST_P(PostgresCase, IdsThatAreOneKeyToTheTableAreNoReasonToRefuse) {
  lab_->sql(
      "CREATE EXTENSION citext; CREATE TABLE users (id citext PRIMARY KEY, seen timestamptz)");
  use("users", {"id", "seen", ""});
  const CommitResult result = commit(
      BatchBuilder().seen("Bob", kTime).seen("bob", kTime + 5).seen("eve", kTime).take(1, 1));
  EXPECT_THAT(result.quarantined, IsEmpty());
  EXPECT_EQ(2u, *store_->count_clients({}));
  EXPECT_EQ(kTime + 5, last_seen("Bob"));
}

TEST_P(PostgresCase, IdTooLongForTheColumnIsSetAsideNotCut) {
  start();
  const CommitResult result = commit(BatchBuilder()
                                         .seen(std::string(51, 'x'), kTime)
                                         .seen(std::string(50, 'x'), kTime)
                                         .take(1, 1));
  EXPECT_THAT(result.quarantined, ElementsAre(1));
  EXPECT_EQ(1u, *store_->count_clients({}));
  EXPECT_EQ("22001", lab_->sql("SELECT sqlstate FROM lastseen_quarantine")[0][0]);
}

TEST_P(PostgresCase, IdTooLongForAnIndexIsSetAside) {
  lab_->sql("CREATE TABLE users (id text PRIMARY KEY, seen timestamptz)");
  use("users", {"id", "seen", ""});
  std::string id;  // the server would pack a repetitive one
  for (uint32_t random = 1; id.size() < 3000; random = random * 1664525 + 1013904223)
    id += static_cast<char>('!' + (random >> 24) % 90);
  const CommitResult result = commit(BatchBuilder().seen(id, kTime).seen("ok", kTime).take(1, 1));
  EXPECT_THAT(result.quarantined, ElementsAre(1));
  EXPECT_EQ("54000", lab_->sql("SELECT sqlstate FROM lastseen_quarantine")[0][0]);
}

TEST_P(PostgresCase, IdTooLongForADomainIsSetAsideNotCut) {
  lab_->sql(
      "CREATE DOMAIN short AS varchar(5); "
      "CREATE TABLE users (id short PRIMARY KEY, seen timestamptz)");
  use("users", {"id", "seen", ""});
  EXPECT_THAT(commit(BatchBuilder().seen("123456", kTime).take(1, 1)).quarantined, ElementsAre(1));
}

TEST_P(PostgresCase, IdsThatAreNoTextAreSetAside) {
  start();
  using namespace std::string_literals;
  const CommitResult result = commit(BatchBuilder()
                                         .seen("nul\0byte"s, kTime)
                                         .seen("\xff\xfe", kTime)
                                         .seen("ok", kTime)
                                         .take(1, 1));
  EXPECT_THAT(result.quarantined, ElementsAre(2));
  EXPECT_THAT(lab_->sql("SELECT encode(client_id, 'hex') FROM lastseen_quarantine ORDER BY 1"),
              ElementsAre(ElementsAre("6e756c0062797465"), ElementsAre("fffe")));
}

TEST_P(PostgresCase, DeferredConstraintRefusesItsRowAlone) {
  lab_->sql(
      "CREATE TABLE known (id text PRIMARY KEY); INSERT INTO known VALUES ('ok'); "
      "CREATE TABLE users (id text PRIMARY KEY "
      "REFERENCES known DEFERRABLE INITIALLY DEFERRED, seen timestamptz)");
  use("users", {"id", "seen", ""});
  EXPECT_THAT(commit(BatchBuilder().seen("ok", kTime).seen("who", kTime).take(1, 1)).quarantined,
              ElementsAre(1));
  EXPECT_EQ(kTime, last_seen("ok"));
}

TEST_P(PostgresCase, QualifiedTableKeepsTheAgentsTablesInItsSchema) {
  settings_.table = "Stats.client_activity";
  store_ = open(settings_);
  const auto missing = store_->migrate();
  EXPECT_THAT(missing.status().message(), HasSubstr("CREATE SCHEMA \"Stats\""));
  lab_->sql("CREATE SCHEMA \"Stats\"");
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_EQ(kTime, last_seen("a"));
  EXPECT_EQ("1", lab_->sql("SELECT count(*) FROM \"Stats\".lastseen_agent")[0][0]);
  EXPECT_EQ("NULL", lab_->sql("SELECT to_regclass('lastseen_agent')")[0][0]);
}

TEST_P(PostgresCase, NothingStaysInTheSession) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  const std::string who =
      " FROM pg_stat_activity WHERE datname = current_database() "
      "AND application_name = 'lastseen'";
  EXPECT_EQ("idle", lab_->sql("SELECT state" + who)[0][0]);
  EXPECT_EQ("0", lab_->sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0]);
}

TEST_P(PostgresCase, MissingRightNamesTheGrant) {
  start();
  lab_->sql(
      "DROP ROLE IF EXISTS agent; CREATE ROLE agent LOGIN; "
      "GRANT SELECT, INSERT, UPDATE, DELETE ON lastseen_agent, lastseen_position, "
      "lastseen_quarantine, lastseen_schema TO agent; "
      "GRANT SELECT ON client_activity TO agent");
  settings_.url += " user=agent";
  store_ = open(settings_);
  load();
  const StoreError error = commit_error(BatchBuilder().seen("a", kTime).take(2, 1));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_EQ("42501", error.sqlstate);
  const std::string grant = "GRANT SELECT, INSERT, UPDATE ON \"client_activity\" TO \"agent\"";
  EXPECT_THAT(error.message, HasSubstr(grant));
  lab_->sql(grant);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(2, 1)).outcome)
      << "the named rights are enough";
  lab_->sql("DROP OWNED BY agent; DROP ROLE agent");
}

TEST_P(PostgresCase, MigratingWithoutTheRightNamesTheGrant) {
  lab_->sql("DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN");
  settings_.url += " user=visitor";
  store_ = open(settings_);
  const auto statuses = store_->migrate();
  const std::string grant = "GRANT USAGE, CREATE ON SCHEMA public TO \"visitor\"";
  EXPECT_THAT(statuses.status().message(), HasSubstr(grant));
  lab_->sql(grant);
  EXPECT_TRUE(store_->migrate().is_ok());
  EXPECT_EQ(1u, load().epoch);
  lab_->sql("DROP OWNED BY visitor; DROP ROLE visitor");
}

TEST_P(PostgresCase, WrongPasswordHoldsAndIsNotPrinted) {
  lab_->sql("DROP ROLE IF EXISTS secretive; CREATE ROLE secretive LOGIN PASSWORD 'right'");
  shared_postgres().add_access_rule("local all secretive scram-sha-256");
  settings_.url += " user=secretive password=hunter2";
  const StoreError error = load_error(*open(settings_));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("password authentication failed"));
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
  lab_->sql("DROP ROLE secretive");
}

TEST_P(PostgresCase, NoServerIsRetried) {
  settings_.url = "host=/nonexistent dbname=x password=hunter2";
  const StoreError error = load_error(*open(settings_));
  EXPECT_EQ(StoreTrouble::kUnreachable, error.trouble);
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
}

TEST_P(PostgresCase, UnreadableUrlIsAConfigurationErrorThatQuotesNothing) {
  settings_.url = "postgresql://user:hunter2@[broken/db";
  const auto store = make_store(settings_, 0, false, log_);
  EXPECT_EQ(StatusCode::kFatal, store.status().code());
  EXPECT_THAT(store.status().message(), Not(HasSubstr("hunter2")));
}

TEST_P(PostgresCase, RestartedServerGivesOneErrorThenWorks) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  shared_postgres().stop();
  const Batch batch = BatchBuilder().seen("b", kTime).take(1, 2);
  EXPECT_EQ(StoreTrouble::kUnreachable, commit_error(batch).trouble);
  EXPECT_EQ(StoreTrouble::kUnreachable, commit_error(batch).trouble);
  shared_postgres().start();
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
  EXPECT_EQ(2u, totals().committed);
}

TEST_P(PostgresCase, EndedBackendIsAnErrorThenWorks) {
  start();
  lab_->sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  const Batch batch = BatchBuilder().seen("b", kTime).take(1, 1);
  const StoreError error = commit_error(batch);
  EXPECT_EQ(StoreTrouble::kUnreachable, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("connection"));
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
}

TEST_P(PostgresCase, InterruptEndsACallOnAStoppedBackend) {
  start();
  const pid_t backend =
      std::stoi(lab_->sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                          "AND pid <> pg_backend_pid() AND backend_type = 'client backend'")[0][0]);
  ASSERT_EQ(0, kill(backend, SIGSTOP));
  const Batch batch = BatchBuilder().seen("a", kTime).take(1, 1);
  std::atomic<bool> ended = false;
  StoreResult<CommitResult> answer;
  std::thread thread([&] {
    answer = store_->commit(kAgent, batch);
    ended = true;
  });
  while (!ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    store_->interrupt();
  }
  thread.join();
  ASSERT_TRUE(std::holds_alternative<StoreError>(answer));
  EXPECT_EQ(StoreTrouble::kUnreachable, std::get<StoreError>(answer).trouble);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome) << "on a connection of its own";
  kill(backend, SIGCONT);
}

TEST_P(PostgresCase, EverySqlstateEndsAsTheTableSays) {
  start();
  lab_->sql(
      "CREATE TABLE say (code text); INSERT INTO say VALUES ('40001'); "
      "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE EXCEPTION 'trouble' USING ERRCODE = (SELECT code FROM say); END $$; "
      "CREATE TRIGGER complains BEFORE INSERT ON client_activity "
      "EXECUTE FUNCTION complain()");
  const auto trouble = [&](const std::string& code) {
    lab_->sql("UPDATE say SET code = '" + code + "'");
    const StoreError error = commit_error(BatchBuilder().seen("a", kTime).take(1, 1));
    // libpqxx takes these for a connection that broke, and says no more.
    EXPECT_EQ(code.starts_with("08") ? "" : code, error.sqlstate);
    EXPECT_THAT(error.message, HasSubstr("trouble"));
    return error.trouble;
  };
  for (const char* code : {"40001", "40P01", "55P03", "57014"})
    EXPECT_EQ(StoreTrouble::kRetryAtOnce, trouble(code)) << code;
  for (const char* code : {"08006", "25P03", "53100", "53200", "53300", "57P01", "57P03"})
    EXPECT_EQ(StoreTrouble::kUnreachable, trouble(code)) << code;
  for (const char* code : {"40003", "42501", "42601", "42P01", "0A000", "58030", "XX000", "P0001"})
    EXPECT_EQ(StoreTrouble::kHolding, trouble(code)) << code;
  lab_->sql("DROP TRIGGER complains ON client_activity");
  EXPECT_EQ(CommitOutcome::kCommitted, commit(BatchBuilder().seen("a", kTime).take(1, 1)).outcome);
}

TEST_P(PostgresCase, EmptiedTableIsSaidOnce) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  lab_->sql("TRUNCATE client_activity");
  const Batch batch = BatchBuilder().seen("a", kTime).take(1, 2);
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch).outcome);
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch).outcome);
  EXPECT_EQ(kTime, last_seen("a"));
}

TEST_P(PostgresCase, TableMadeAnewWithAnotherTypeIsCastTo) {
  lab_->sql("CREATE TABLE users (id integer PRIMARY KEY, seen timestamptz)");
  use("users", {"id", "seen", ""});
  commit(BatchBuilder().seen("42", kTime).take(1, 1));
  lab_->sql("DROP TABLE users; CREATE TABLE users (id text PRIMARY KEY, seen timestamptz)");
  const Batch batch = BatchBuilder().seen("bob", kTime).take(1, 2);
  EXPECT_EQ(CommitOutcome::kTableChanged, commit(batch).outcome);
  EXPECT_THAT(commit(batch).quarantined, IsEmpty());
  EXPECT_EQ(kTime, last_seen("bob"));
}

TEST_P(PostgresCase, ProbeFailsWhereACommitWould) {
  start();
  const std::string database = lab_->sql("SELECT current_database()")[0][0];
  lab_->sql("ALTER DATABASE " + database + " SET default_transaction_read_only = on");
  store_ = open(settings_);
  auto error = store_->probe(kAgent);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ("25006", error->sqlstate);
  EXPECT_EQ(StoreTrouble::kHolding, error->trouble);
  lab_->sql("BEGIN READ WRITE; ALTER DATABASE " + database +
            " RESET default_transaction_read_only; COMMIT");
  lab_->sql("ALTER TABLE client_activity RENAME TO hidden");
  store_ = open(settings_);
  error = store_->probe(kAgent);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(StoreTrouble::kHolding, error->trouble);
  EXPECT_THAT(error->message, HasSubstr("lastseen migrate"));
}

TEST_P(PostgresCase, ReadOnlyServerHolds) {
  start();
  lab_->sql("ALTER DATABASE " + lab_->sql("SELECT current_database()")[0][0] +
            " SET default_transaction_read_only = on");
  store_ = open(settings_);
  const StoreError error = load_error(*store_);
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_EQ("25006", error.sqlstate);
}

}  // namespace
}  // namespace lastseen
