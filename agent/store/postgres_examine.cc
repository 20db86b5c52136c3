// PostgresStore: what `doctor` asks.
#include <utility>

#include "store/postgres_errors.h"
#include "store/postgres_store.h"
#include "store/test_batch.h"

namespace lastseen {

namespace {

// A value that each type of id takes.
std::string test_id(const std::string& type) {
  if (type == "uuid") return "00000000-0000-4000-8000-000000000000";
  if (type == "smallint" || type == "integer" || type == "bigint" || type == "numeric") return "0";
  return "doctor";
}

}  // namespace

Result<TableFacts> PostgresStore::examine(const std::string& agent_id) {
  const PostgresSession::Call call(session_);
  TableFacts facts;
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = check_schema()) return to_status(*failure);
  const ColumnNames& columns = statements_.columns();
  if (auto failure =
          run(kPostgresTableFacts, {statements_.table(), columns.id, columns.last_seen}, &answer))
    return to_status(*failure);
  const SqlRow row = answer.rows.at(0);
  facts.id_length_max = row[1] ? from_bigint(*row[1]) : 0;
  facts.fillfactor = static_cast<int>(from_bigint(row[2].value_or("")));
  facts.rows = from_bigint(row[3].value_or(""));
  facts.last_seen_indexes = row[4].value_or("");
  facts.clock_ms = from_bigint(row[5].value_or(""));
  facts.write_error = write_test_rows(test_agent(agent_id), test_id(row[0].value_or("")), &facts);
  if (facts.write_error) return facts;  // the transaction is over
  if (auto failure = roll_back()) return to_status(*failure);
  return facts;
}

PostgresStore::Failure PostgresStore::write_test_rows(const std::string& agent_id,
                                                      const std::string& id, TableFacts* facts) {
  TestBatch test(id);
  AgentState state;
  if (auto failure = take_epoch(agent_id, &state)) return failure;
  test.batch.epoch = state.epoch;
  test.batch.number = state.batch + 1;
  if (auto failure = run(kPostgresFence, {agent_id, std::to_string(state.epoch),
                                          std::to_string(state.batch + 1), statements_.table()}))
    return failure;
  for (const std::vector<UpsertRow>& rows : {test.rows, test.rows_later()}) {
    std::vector<Refusal> refusals;
    if (auto failure = upsert(rows, RefusalsMax::kByShare, &refusals)) return failure;
    if (!refusals.empty()) facts->row_refused = refusals[0].message;
  }
  if (auto failure = write_quarantine(agent_id, test.batch, test.refused())) return failure;
  if (auto failure = write_positions(agent_id, test.batch)) return failure;
  if (auto failure = add_ledgers(agent_id, test.batch, {})) return failure;
  test.batch.inputs[0].positions[0].gone = true;
  return forget_positions(agent_id, test.batch);
}

}  // namespace lastseen
