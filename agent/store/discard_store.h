// A store that keeps nothing, to measure everything before it. See store.h for the contract.
#pragma once

#include <memory>

#include "store/store.h"

namespace lastseen {

/// The fence works, within the life of the object; positions, ledger and clients are forgotten.
class DiscardStore final : public Store {
 public:
  std::string_view type() const override { return "discard"; }
  StoreResult<AgentState> load(const std::string& agent_id) override;
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override;
  std::optional<StoreError> probe(const std::string&) override { return std::nullopt; }
  void interrupt() override {}
  Result<std::vector<ClientRow>> clients(const ClientsQuery& query) override;
  Result<uint64_t> count_clients(const ClientsQuery& query) override;
  Result<std::vector<MigrationStatus>> migrate() override;
  Result<std::vector<MigrationStatus>> migration_status() override;

 private:
  uint64_t epoch_ = 0;
  uint64_t batch_ = 0;
};

}  // namespace lastseen
