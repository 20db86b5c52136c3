// The store for PostgreSQL 11 and later. See store.h for the contract.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "store/migration_plan.h"
#include "store/postgres_session.h"
#include "store/postgres_statements.h"
#include "store/replay_rows.h"
#include "store/store.h"
#include "store/store_admin.h"
#include "store/upsert_rows.h"

namespace lastseen {

/// Every call that needs the server is one transaction; an error rolls it back, and a lost
/// connection is made anew by the next call.
class PostgresStore final : public Store, private StoreAdmin {
 public:
  PostgresStore(const StoreSettings& settings, TableName table, std::string conninfo,
                Milliseconds future_max_ms, Log& log);

  std::string_view type() const override { return "postgres"; }
  StoreResult<AgentState> load(const std::string& agent_id) override;
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override;
  std::optional<StoreError> probe(const std::string& agent_id) override;
  void interrupt() override { session_.interrupt(); }
  uint64_t answers() const override { return session_.answers(); }
  Result<std::vector<ClientRow>> clients(const ClientsQuery& query) override;
  Result<uint64_t> count_clients(const ClientsQuery& query) override;
  Result<std::vector<MigrationStatus>> migrate() override;
  Result<std::vector<MigrationStatus>> migration_status() override;
  StoreAdmin* admin() override { return this; }

 private:
  using Failure = std::optional<StoreError>;
  struct Fence;

  // postgres_store.cc
  Failure connect();
  Failure begin();
  Failure end();
  Failure roll_back();
  StoreError fail(const SqlError& error, bool migrating = false);
  Failure run(const std::string& sql, const std::vector<std::string>& parameters,
              SqlAnswer* answer = nullptr);
  Failure take_epoch(const std::string& agent_id, AgentState* state);
  Failure read_inputs(const std::string& agent_id, AgentState* state);
  Failure read_foreign(const std::string& agent_id, AgentState* state);
  Result<SqlAnswer> ask_clients(const std::string& sql, const ClientsQuery& query);

  // postgres_commit.cc
  Failure pass_fence(const std::string& agent_id, const Batch& batch, Fence* fence);
  bool table_changed(const std::string& table);
  Failure read_quarantined(const std::string& agent_id, const Batch& batch, CommitResult* result);
  Failure read_not_allowed(const std::string& agent_id, const Batch& batch, CommitResult* result);
  Failure leave_out_new(const Batch& batch, std::vector<UpsertRow>& rows, CommitResult* result);
  Attempt try_rows(const std::string& sql, const std::vector<std::string>& parameters,
                   const char** mark, SqlAnswer* answer, Failure* failure);
  Failure upsert(const std::vector<UpsertRow>& rows, RefusalsMax refusals_max,
                 std::vector<Refusal>* refusals);
  Failure write_quarantine(const std::string& agent_id, const Batch& batch,
                           const std::vector<RefusedEntry>& refused);
  Failure write_positions(const std::string& agent_id, const Batch& batch);
  Failure forget_positions(const std::string& agent_id, const Batch& batch);
  Failure add_ledgers(const std::string& agent_id, const Batch& batch, const CommitResult& result);

  // postgres_admin.cc
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

  // postgres_examine.cc
  Result<TableFacts> examine(const std::string& agent_id) override;
  Failure write_test_rows(const std::string& agent_id, const std::string& id, TableFacts* facts);

  // postgres_admin.cc, what the above need
  Failure rewrite_agent(const std::string& from, const std::string& to, bool copy, AgentRows* done);
  Failure replay_rows(ReplayRows& rows, ReplayResult* result);
  Failure finish_replay(const ReplayRows& rows);
  Failure change_position(const std::string& agent_id, const PositionChange& change,
                          uint64_t* changed);

  // postgres_schema.cc
  Failure check_schema();
  Failure discover_id_column();
  Failure read_schema(SchemaFacts* facts);
  Failure apply_migration(const Migration& migration);
  Result<std::vector<MigrationStatus>> migrate_or_look(bool apply);

  PostgresStatements statements_;
  const Milliseconds future_max_ms_;
  const std::string conninfo_;
  const std::string password_file_;  // read at each connect, so that it may change; "": none
  Log& log_;
  PostgresSession session_;
  std::string table_seen_;  // by the fence of the last commit; empty: none yet
};

Result<std::unique_ptr<Store>> make_postgres_store(const StoreSettings& settings,
                                                   Milliseconds future_max_ms, bool read_only,
                                                   Log& log);

}  // namespace lastseen
