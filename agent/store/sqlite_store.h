// The store in one SQLite file, the default. See store.h for the contract.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "store/migration_plan.h"
#include "store/sql_text.h"
#include "store/sqlite_connection.h"
#include "store/store.h"
#include "store/upsert_rows.h"

namespace lastseen {

/// Makes and migrates its file itself. Statements are prepared once a connection; after any error
/// the transaction is rolled back and the connection closed, the next call opens it again.
class SqliteStore final : public Store {
 public:
  SqliteStore(const StoreSettings& settings, Milliseconds future_max_ms, bool read_only, Log& log);
  ~SqliteStore() override;

  std::string_view type() const override { return "sqlite"; }
  StoreResult<AgentState> load(const std::string& agent_id) override;
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override;
  void interrupt() override { connection_.interrupt(); }
  Result<std::vector<ClientRow>> clients(const ClientsQuery& query) override;
  Result<uint64_t> count_clients(const ClientsQuery& query) override;
  Result<std::vector<MigrationStatus>> migrate() override;
  Result<std::vector<MigrationStatus>> migration_status() override;

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
  Status open_for_reading();
  Result<SqliteStatement> ask_clients(const std::string& columns, const std::string& order,
                                      const ClientsQuery& query);

  Failure pass_fence(const std::string& agent_id, const Batch& batch, CommitResult* result,
                     int64_t* store_now_ms);
  Failure read_quarantined(const std::string& agent_id, const Batch& batch, CommitResult* result);
  Failure upsert(const std::vector<UpsertRow>& rows, std::vector<Refusal>* refusals);
  Failure write_quarantine(const std::string& agent_id, const Batch& batch,
                           const std::vector<RefusedEntry>& refused);
  Failure write_positions(const std::string& agent_id, const Batch& batch);
  Failure add_ledgers(const std::string& agent_id, const Batch& batch,
                      const std::vector<uint64_t>& quarantined);
  Failure read_inputs(const std::string& agent_id, AgentState* state);

  const std::string table_;
  const ColumnNames columns_;
  const Milliseconds future_max_ms_;
  const bool read_only_;
  Log& log_;
  SqliteConnection connection_;
  std::unique_ptr<Statements> statements_;  // null: not open
};

Result<std::unique_ptr<Store>> make_sqlite_store(const StoreSettings& settings,
                                                 Milliseconds future_max_ms, bool read_only,
                                                 Log& log);

}  // namespace lastseen
