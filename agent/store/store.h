// Where clients, positions and the ledger live. One transaction commits all of a batch or nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/batch.h"
#include "base/log.h"
#include "base/status.h"

namespace lastseen {

/// Of other agents' positions load() brings the newest: whoever gave a name up was the last to
/// read, and 10,000 rows are two megabytes.
inline constexpr size_t kForeignPositionsMax = 10'000;

/// How the agent of `backfill` is named, behind the agent that it belongs to. It reads old logs on
/// purpose: it is no stranger to anybody, and nobody is to it.
inline constexpr std::string_view kBackfillSuffix = "/backfill";

/// What the store knows of an agent after it took a new epoch.
struct AgentState {
  uint64_t epoch = 0;
  /// The fence's number: of the last committed batch, see batches_of(). Survives epochs, only
  /// grows.
  uint64_t batch = 0;
  struct Input {
    std::string name;
    std::vector<Position> positions;
    LedgerCounts totals;
  };
  std::vector<Input> inputs;  ///< Those that ever committed, also without positions.
  /// Of other agents, newest first: those that tell a file by its contents, with a head of
  /// kHeadBytesProof.
  std::vector<ForeignPosition> foreign = {};
};

/// How a commit ended when the store answered.
enum class CommitOutcome {
  kCommitted,
  kAlreadyCommitted,  ///< The fence stood at this number: the reply of an earlier try was lost.
  kTakenOver,         ///< A higher epoch: another instance runs under this agent_id.
  kWentBack,          ///< A lower epoch, no row or an older batch: the store lost commits.
  kTableChanged,      ///< The table of clients is another one than at the last commit, or was
                      ///< emptied. Nothing was applied; the next try is. Said once a change.
};

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  uint64_t rows = 0;     ///< Rows sent for upsert; after kAlreadyCommitted as this call would.
  uint64_t clamped = 0;  ///< Times moved down to the store's clock + future_max.
  /// Lines moved from `committed` to `quarantined`, per index of Batch::inputs. Empty: none.
  /// Also right after kAlreadyCommitted.
  std::vector<uint64_t> quarantined = {};
  /// Lines moved from `committed` to skipped{not_allowed}, per index of Batch::inputs: of clients
  /// that the table lacks and that their inputs may not add. Empty: none. Also right after
  /// kAlreadyCommitted.
  std::vector<uint64_t> not_allowed = {};
  /// Clients that inputs with a limit added, per index of Batch::inputs. Empty: none, or not
  /// known (kAlreadyCommitted).
  std::vector<uint64_t> added = {};
  /// Indices of the entries whose lines are `not_allowed`, ascending; after kAlreadyCommitted
  /// not known.
  std::vector<size_t> left_out = {};
};

/// Why the store does not take data, beside the Status.
enum class StoreTrouble {
  kNone,
  kRetryAtOnce,  ///< 40001, 40P01, 55P03, 57014: the next try is likely to work.
  kUnreachable,  ///< Connection, resources, shutdown: `retrying`.
  kHolding,      ///< Somebody has to mend something (rights, table, password): `holding`.
};

/// A Status with the store's own classification, for the flusher.
struct StoreError {
  StoreTrouble trouble = StoreTrouble::kUnreachable;
  std::string sqlstate;  ///< Empty where there is none.
  std::string message;   ///< One line that says what to do; never a password.
  /// Of load(): its COMMIT had gone out, so the new epoch may stand there all the same.
  bool perhaps_done = false;
};
template <typename T>
using StoreResult = std::variant<T, StoreError>;

/// One row of client_activity.
struct ClientRow {
  std::string client_id;
  int64_t last_seen_ms = 0;
  std::optional<int64_t> created_at_ms;
};

/// What `lastseen clients` asks. At most one of the two durations is set; milliseconds, measured
/// by the store's clock.
struct ClientsQuery {
  std::optional<int64_t> active_within_ms;
  std::optional<int64_t> inactive_for_ms;
  std::optional<uint64_t> limit;
};

struct MigrationStatus {
  std::string name;  ///< "0001_agent.sql"
  bool applied = false;
  std::string note;  ///< e.g. why it was skipped
};

class StoreAdmin;  // store_admin.h: what the commands ask

/// Used by one thread at a time, except interrupt() and answers(). Calls block; nothing throws.
class Store {
 public:
  virtual ~Store() = default;

  virtual std::string_view type() const = 0;

  /// Connects if needed, checks the schema (kHolding with "run: lastseen migrate" when tables are
  /// missing), takes epoch + 1 and reads positions and totals. Safe to repeat.
  virtual StoreResult<AgentState> load(const std::string& agent_id) = 0;

  /// Applies fence, entries, quarantined rows, positions and ledger deltas in one transaction.
  /// last_seen never goes backwards. On a StoreError nothing is known to have happened; calling
  /// again with the same batch is always right, the fence tells.
  virtual StoreResult<CommitResult> commit(const std::string& agent_id, const Batch& batch) = 0;

  /// Whether a commit is likely to work now, at the cost of a round trip or two instead of a
  /// batch: connects, and looks at what commits need. Changes nothing.
  virtual std::optional<StoreError> probe(const std::string& agent_id) = 0;

  /// Ends a blocked call of the other thread soon, with kUnreachable. Thread-safe.
  virtual void interrupt() = 0;

  /// Grows while a call that asks the server more than once gets on. Thread-safe.
  virtual uint64_t answers() const { return 0; }

  /// Rows by client_id's last_seen, newest first.
  virtual Result<std::vector<ClientRow>> clients(const ClientsQuery& query) = 0;
  virtual Result<uint64_t> count_clients(const ClientsQuery& query) = 0;

  /// Applies what is missing of the migrations, in order; tells what it did.
  virtual Result<std::vector<MigrationStatus>> migrate() = 0;
  virtual Result<std::vector<MigrationStatus>> migration_status() = 0;

  /// Null for a store that keeps nothing.
  virtual StoreAdmin* admin() { return nullptr; }
};

}  // namespace lastseen
