// The simulated store, whose Nth call ends as it is told.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/sim_store.h"

namespace lastseen::sim {

class NthStore final : public Store {
 public:
  explicit NthStore(SimStore& store) : store_(store) {}

  /// The Nth call from now (0: the next).
  void fail_nth(int64_t n, StoreFault fault, std::string sqlstate) {
    fail_in_ = n;
    fault_ = fault;
    sqlstate_ = std::move(sqlstate);
  }
  bool nth_failed() const { return fail_in_ < 0; }

  std::string_view type() const override { return store_.type(); }
  StoreResult<AgentState> load(const std::string& agent_id) override {
    count();
    return store_.load(agent_id);
  }
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override {
    count();
    return store_.commit(agent_id, batch);
  }
  std::optional<StoreError> probe(const std::string& agent_id) override {
    count();
    return store_.probe(agent_id);
  }
  void interrupt() override { store_.interrupt(); }
  Result<std::vector<ClientRow>> clients(const ClientsQuery& query) override {
    return store_.clients(query);
  }
  Result<uint64_t> count_clients(const ClientsQuery& query) override {
    return store_.count_clients(query);
  }
  Result<std::vector<MigrationStatus>> migrate() override { return store_.migrate(); }
  Result<std::vector<MigrationStatus>> migration_status() override {
    return store_.migration_status();
  }

 private:
  void count() {
    if (fail_in_ >= 0 && fail_in_-- == 0) store_.fail(fault_, sqlstate_, 1);
  }

  SimStore& store_;
  int64_t fail_in_ = -1;
  StoreFault fault_ = StoreFault::kNone;
  std::string sqlstate_;
};

}  // namespace lastseen::sim
