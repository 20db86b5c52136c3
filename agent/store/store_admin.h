// What people ask of a store through commands; the running agent never does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "store/store.h"

namespace lastseen {

/// A row of lastseen_quarantine: one client of one batch and input that the table refused.
struct QuarantinedRow {
  int64_t id = 0;
  std::string agent_id;
  std::string input;
  std::string client_id;  ///< The bytes as they came; they may be what was refused.
  std::string sqlstate;
  std::string message;
  int64_t first_seen_ms = 0;
  int64_t last_seen_ms = 0;
  uint64_t lines = 0;  ///< Sightings of the client in that batch.
  int64_t created_ms = 0;
};

struct ReplayResult {
  uint64_t rows = 0;     ///< Rows that the table took now; they left the quarantine.
  uint64_t lines = 0;    ///< Their lines, now `committed` in the stored ledgers.
  uint64_t refused = 0;  ///< Rows that the table refused again; they stay.
  std::string sqlstate;  ///< Of the last refusal.
  std::string message;
};

/// An agent as the store knows it.
struct StoredAgent {
  std::string agent_id;
  AgentState state;
  int64_t seen_ms = 0;      ///< Its last commit or start, by the store's clock.
  int64_t seen_ago_ms = 0;  ///< The same, measured by that clock.
};

/// One change by `positions set` or `positions forget`.
struct PositionChange {
  std::string input;
  std::string stream;                ///< Empty: every stream of the input, and its totals.
  std::optional<uint64_t> position;  ///< None: forget.
};

/// What take_positions() or forget_agent() did.
struct AgentRows {
  uint64_t streams = 0;          ///< Positions taken or forgotten.
  uint64_t quarantined = 0;      ///< Rows of the quarantine that were taken.
  std::vector<std::string> own;  ///< Inputs where the taker has positions of its own: those stay.
};

/// What `doctor` wants to know of the table of clients beside what makes the agent hold.
struct TableFacts {
  /// Why rows like a commit's could not be written, in a transaction that is rolled back.
  std::optional<StoreError> write_error;
  /// Why the table refused the test row as such: others it may take.
  std::string row_refused;
  std::string last_seen_indexes;    ///< Their names; empty: none.
  int fillfactor = 100;             ///< Percent.
  int64_t rows = 0;                 ///< About how many.
  int64_t id_length_max = 0;        ///< Characters that the id column takes; 0: no such limit.
  std::optional<int64_t> clock_ms;  ///< The store's clock, where it has one of its own.
};

/// Used by one thread. Calls block; nothing throws. Messages say what to do.
class StoreAdmin {
 public:
  virtual ~StoreAdmin() = default;

  /// Rows with one of `ids`, or all; in the order of their ids.
  virtual Result<std::vector<QuarantinedRow>> quarantined(const std::vector<int64_t>& ids) = 0;

  /// Upserts them again, never backwards. In one transaction those that the table takes leave the
  /// quarantine and their lines move from `quarantined` to `committed` in the stored ledger of
  /// their agent and input. An agent that runs meanwhile shows the old split until its next start.
  virtual Result<ReplayResult> replay(const std::vector<int64_t>& ids) = 0;

  /// Deletes rows; their lines stay `quarantined` in the ledger. Returns how many there were.
  virtual Result<uint64_t> drop_quarantined(const std::vector<int64_t>& ids) = 0;

  /// Deletes the row of a client from the table; returns whether there was one.
  virtual Result<bool> forget_client(const std::string& client_id) = 0;

  virtual Result<std::vector<StoredAgent>> agents() = 0;

  /// Moves or forgets positions in one transaction that also adds kChangedByHand to the fence, so
  /// that an agent that runs finds the store elsewhere than it left it: it reads the new positions
  /// instead of overwriting them. A moved position has no tail hash, so its place is taken as it
  /// is. Returns how many streams it found; if none, the fence stays where it is.
  virtual Result<uint64_t> change_positions(const std::string& agent_id,
                                            const std::vector<PositionChange>& changes) = 0;

  /// Makes the positions of agent `from` those of `to`, with the totals of its inputs and its rows
  /// in the quarantine, in one transaction; the store then knows `from` no more. Where `to` has
  /// positions in an input of that name they stay, and those of `from` are dropped. An agent that
  /// runs under either name finds the store elsewhere than it left it, and loads. `copy`: `from`
  /// keeps everything, and `to` gets the positions alone.
  virtual Result<AgentRows> take_positions(const std::string& from, const std::string& to,
                                           bool copy) = 0;

  /// Forgets an agent with its positions and totals, and if it had any lets `witness` load anew.
  /// Rows in the quarantine stay: they can be replayed without their agent.
  virtual Result<AgentRows> forget_agent(const std::string& agent_id,
                                         const std::string& witness) = 0;

  /// Looks at the table, and writes to it and to the agent's own tables what a commit of agent
  /// `agent_id` would, with another name of the agent; nothing of it stays.
  virtual Result<TableFacts> examine(const std::string& agent_id) = 0;
};

}  // namespace lastseen
