#include "store/discard_store.h"

#include "store/upsert_rows.h"

namespace lastseen {

StoreResult<AgentState> DiscardStore::load(const std::string&) {
  return AgentState{++epoch_, batch_, {}};
}

StoreResult<CommitResult> DiscardStore::commit(const std::string&, const Batch& batch) {
  CommitResult result;
  result.rows = merge_rows(batch.entries).size();
  if (batch.epoch == epoch_ && batch.number == batch_ + 1)
    batch_ = batch.number;
  else
    result.outcome = classify_fence(batch, epoch_, batch_);
  return result;
}

Result<std::vector<ClientRow>> DiscardStore::clients(const ClientsQuery&) {
  return Status::not_found("store.type is discard: no client is kept");
}

Result<uint64_t> DiscardStore::count_clients(const ClientsQuery&) {
  return Status::not_found("store.type is discard: no client is kept");
}

Result<std::vector<MigrationStatus>> DiscardStore::migrate() {
  return std::vector<MigrationStatus>();
}

Result<std::vector<MigrationStatus>> DiscardStore::migration_status() {
  return std::vector<MigrationStatus>();
}

}  // namespace lastseen
