// The store in one SQLite file, the default. See store.h for the contract.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "store/migration_plan.h"
#include "store/replay_rows.h"
#include "store/sql_text.h"
#include "store/sqlite_connection.h"
#include "store/store.h"
#include "store/store_admin.h"
#include "store/upsert_rows.h"

namespace lastseen {

/// Makes and migrates its file itself. Statements are prepared once a connection; after any error
/// the transaction is rolled back and the connection closed, the next call opens it again.
class SqliteStore final : public Store, private StoreAdmin {
 public:
  SqliteStore(const StoreSettings& settings, Milliseconds future_max_ms, bool read_only, Log& log);
  ~SqliteStore() override;

  std::string_view type() const override { return "sqlite"; }
  StoreResult<AgentState> load(const std::string& agent_id) override;
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override;
  std::optional<StoreError> probe(const std::string& agent_id) override;
  void interrupt() override { connection_.interrupt(); }
  Result<std::vector<ClientRow>> clients(const ClientsQuery& query) override;
  Result<uint64_t> count_clients(const ClientsQuery& query) override;
  Result<std::vector<MigrationStatus>> migrate() override;
  Result<std::vector<MigrationStatus>> migration_status() override;
  StoreAdmin* admin() override { return this; }

 private:
  using Failure = std::optional<StoreError>;
  struct Statements;

  Failure fail();
  Failure fail(StoreError error);
  Failure begin();
  Failure end();
  Failure done(SqliteStatement& statement);

  // sqlite_schema.cc
  Failure open();
  Failure open_and_prepare();
  Failure read_schema(SchemaFacts* facts);
  Failure apply_migrations(std::vector<MigrationStatus>* statuses);
  Failure check_client_table();
  static Status to_status(const StoreError& error);
  Status look_for_file() const;
  Status open_for_reading();
  Result<SqliteStatement> ask_clients(const std::string& columns, const std::string& order,
                                      const ClientsQuery& query);

  // sqlite_admin.cc
  Result<std::vector<QuarantinedRow>> quarantined(const std::vector<int64_t>& ids) override;
  Result<ReplayResult> replay(const std::vector<int64_t>& ids) override;
  Result<uint64_t> drop_quarantined(const std::vector<int64_t>& ids) override;
  Result<bool> forget_client(const std::string& client_id) override;
  Result<std::vector<StoredAgent>> agents() override;
  Result<uint64_t> change_positions(const std::string& agent_id,
                                    const std::vector<PositionChange>& changes) override;
  Result<AgentRows> take_positions(const std::string& from, const std::string& to,
                                   bool copy) override;
  Result<AgentRows> forget_agent(const std::string& agent_id, const std::string& witness) override;

  // sqlite_examine.cc
  Result<TableFacts> examine(const std::string& agent_id) override;
  Failure write_test_rows(const std::string& agent_id, const std::string& id, TableFacts* facts);

  // sqlite_admin.cc, what the above need
  Failure rewrite_agent(const std::string& from, const std::string& to, bool copy, AgentRows* done);
  Status begin_changing();
  Failure read_rows(const std::vector<int64_t>& ids, std::vector<QuarantinedRow>* rows);
  Failure replay_rows(ReplayRows& rows, ReplayResult* result);
  Failure run_for(const char* sql, const std::string& agent_id, const PositionChange& change,
                  uint64_t* affected);

  Failure pass_fence(const std::string& agent_id, const Batch& batch, CommitResult* result,
                     int64_t* store_now_ms);
  Failure look_at_table(CommitResult* result);
  Failure read_quarantined(const std::string& agent_id, const Batch& batch, CommitResult* result);
  Failure upsert(const std::vector<UpsertRow>& rows, RefusalsMax refusals_max,
                 std::vector<Refusal>* refusals);
  Failure write_quarantine(const std::string& agent_id, const Batch& batch,
                           const std::vector<RefusedEntry>& refused);
  Failure write_positions(const std::string& agent_id, const Batch& batch);
  Failure add_ledgers(const std::string& agent_id, const Batch& batch, const CommitResult& result);
  Failure leave_out_new(const Batch& batch, std::vector<UpsertRow>& rows, CommitResult* result);
  Failure read_not_allowed(const std::string& agent_id, const Batch& batch, CommitResult* result);
  bool read_inputs(const std::string& agent_id, SqliteStatement& ledgers,
                   SqliteStatement& positions, AgentState* state);
  bool read_foreign(const std::string& agent_id, AgentState* state);

  const std::string table_;
  const ColumnNames columns_;
  const Milliseconds future_max_ms_;
  const bool read_only_;
  Log& log_;
  SqliteConnection connection_;
  std::unique_ptr<Statements> statements_;  // null: not open
  int64_t schema_seen_ = -1;                // by the last commit; -1: none yet
};

Result<std::unique_ptr<Store>> make_sqlite_store(const StoreSettings& settings,
                                                 Milliseconds future_max_ms, bool read_only,
                                                 Log& log);

}  // namespace lastseen
