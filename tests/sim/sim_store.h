// A store in memory with the contract of the real ones, whose faults the simulation decides.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace lastseen::sim {

/// What survives a crash of the agent: everything that was committed.
struct StoredClient {
  int64_t last_seen_ms = 0;
  uint64_t sightings = 0;  ///< Real stores do not keep it per client; the model compares it.
  bool operator==(const StoredClient&) const = default;
};

/// How a call of the store ends.
enum class StoreFault {
  kNone,
  kFailsBefore,  ///< Nothing was applied.
  kReplyLost,    ///< Everything was applied, and the agent is told of an error.
};

/// Ways in which a store can be wrong. Each must be caught by the simulation.
struct StoreBugs {
  bool positions_before_rows = false;  ///< Positions survive a commit that fails.
  bool no_fence = false;               ///< A batch is applied as often as it is sent.
  bool last_seen_overwritten = false;  ///< The last writer wins, not the newest time.
  bool went_back_unnoticed = false;    ///< The fence does not tell that commits were lost.
  bool quarantine_uncounted = false;   ///< A refused row is said to be committed.
};

class SimStore final : public Store {
 public:
  explicit SimStore(StoreBugs bugs) : bugs_(bugs) {}

  std::string_view type() const override { return "sim"; }
  StoreResult<AgentState> load(const std::string& agent_id) override;
  StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) override;
  std::optional<StoreError> probe(const std::string& agent_id) override;
  void interrupt() override {}
  Result<std::vector<ClientRow>> clients(const ClientsQuery&) override {
    return Status::fatal("not simulated");
  }
  Result<uint64_t> count_clients(const ClientsQuery&) override {
    return Status::fatal("not simulated");
  }
  Result<std::vector<MigrationStatus>> migrate() override { return std::vector<MigrationStatus>(); }
  Result<std::vector<MigrationStatus>> migration_status() override {
    return std::vector<MigrationStatus>();
  }

  /// Of the next `calls` calls; the agent is told of that SQLSTATE.
  void fail(StoreFault fault, std::string_view sqlstate, int calls) {
    fault_ = fault;
    sqlstate_ = sqlstate;
    faulty_calls_ = calls;
  }
  void heal() { faulty_calls_ = 0; }
  bool loses_replies() const { return faulty_calls_ > 0 && fault_ == StoreFault::kReplyLost; }
  /// An id whose row the store refuses from now on.
  void refuse(const std::string& client_id) { refused_ = client_id; }
  /// Forgets everything committed since the last mark(), as a lagging standby does.
  void mark() { marked_ = state_; }
  void go_back() { state_ = marked_; }
  /// The table of clients is dropped and made again; what it held is gone.
  void drop_table();
  bool was_dropped() const { return state_.dropped; }

  const std::map<std::string, StoredClient>& clients_now() const { return state_.clients; }
  /// How often a client was sent, to tables of before too.
  uint64_t sightings_of(const std::string& id) const;
  uint64_t sightings() const;
  uint64_t epoch() const { return state_.epoch; }
  uint64_t last_batch() const { return state_.batch; }
  /// Of all inputs that it knows.
  uint64_t lines_read() const;
  /// What an agent kept to itself may move a row by no more than this.
  void set_resolution(int64_t resolution_ms) { resolution_ms_ = resolution_ms; }
  /// The first thing that no agent may send, or empty.
  const std::string& broken() const { return broken_; }
  const LedgerCounts& totals(const std::string& input) { return state_.inputs[input].totals; }
  /// The furthest position of a file, 0 if none is stored.
  uint64_t position_of(const std::string& input, uint64_t inode, int64_t birth_ns) const;
  /// Whether the file has a position.
  bool knows_file(const std::string& input, uint64_t inode, int64_t birth_ns) const;
  /// Whether the first bytes of a file are known, if it has a position.
  bool knows_contents(const std::string& input, uint64_t inode, int64_t birth_ns) const;
  uint64_t quarantined_of(const std::string& id) const {
    const auto found = state_.quarantined.find(id);
    return found == state_.quarantined.end() ? 0 : found->second;
  }
  uint64_t commits() const { return commits_; }
  /// Prints each position that is committed.
  void trace() { traces_ = true; }

 private:
  struct Input {
    std::map<std::string, Position> positions;  // by stream
    LedgerCounts totals;
  };
  struct State {
    uint64_t epoch = 0;
    uint64_t batch = 0;
    std::map<std::string, Input> inputs;
    std::map<std::string, StoredClient> clients;
    std::map<std::string, uint64_t> quarantined;
    std::map<std::string, uint64_t> sightings_dropped;
    bool dropped = false;
    bool drop_unsaid = false;  // the agent has not been told
  };

  StoreFault take_fault();
  StoreError error() const;
  std::vector<uint64_t> refused_lines(const Batch& batch) const;
  void apply_rows(const Batch& batch);
  void apply_positions(const Batch& batch, const std::vector<uint64_t>& refused);

  StoreBugs bugs_;
  State state_;
  State marked_;
  StoreFault fault_ = StoreFault::kNone;
  std::string sqlstate_;
  int faulty_calls_ = 0;
  std::string refused_;
  uint64_t commits_ = 0;
  bool traces_ = false;
  int64_t resolution_ms_ = 0;
  std::string broken_;
};

}  // namespace lastseen::sim
