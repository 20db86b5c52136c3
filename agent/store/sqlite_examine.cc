// SqliteStore: what `doctor` asks.
#include "store/sqlite_statements.h"
#include "store/sqlite_store.h"
#include "store/test_batch.h"

namespace lastseen {

Result<TableFacts> SqliteStore::examine(const std::string& agent_id) {
  const SqliteConnection::Call call(connection_);
  TableFacts facts;
  if (auto status = look_for_file(); !status) return status;
  if (auto failure = open()) return to_status(*failure);
  facts.write_error = begin();
  if (!facts.write_error)
    facts.write_error = write_test_rows(test_agent(agent_id), "doctor", &facts);
  if (facts.write_error) return facts;  // the transaction is over
  if (!connection_.run("ROLLBACK")) return to_status(*fail());
  return facts;
}

SqliteStore::Failure SqliteStore::write_test_rows(const std::string& agent_id,
                                                  const std::string& id, TableFacts* facts) {
  const TestBatch test(id);
  for (const std::vector<UpsertRow>& rows : {test.rows, test.rows_later()}) {
    std::vector<Refusal> refusals;
    if (auto failure = upsert(rows, RefusalsMax::kByShare, &refusals)) return failure;
    if (!refusals.empty()) facts->row_refused = refusals[0].message;
  }
  if (auto failure = write_quarantine(agent_id, test.batch, test.refused())) return failure;
  if (auto failure = write_positions(agent_id, test.batch)) return failure;
  return add_ledgers(agent_id, test.batch, {});
}

}  // namespace lastseen
