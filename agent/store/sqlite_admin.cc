// SqliteStore: the questions and changes of store_admin.h.
#include <utility>

#include "store/sqlite_statements.h"
#include "store/sqlite_store.h"

namespace lastseen {

namespace {

using Step = SqliteStatement::Step;

// ?1: ids joined by commas, with one at each end; empty for all.
#define SQLITE_THESE_IDS "(?1 = '' OR instr(?1, ',' || id || ',') > 0)"

std::string id_list(const std::vector<int64_t>& ids) {
  std::string list = ids.empty() ? "" : ",";
  for (const int64_t id : ids) list += std::to_string(id) + ",";
  return list;
}

constexpr const char* kReadQuarantine =
    "SELECT id, agent_id, input, client_id, sqlstate, message, first_seen, last_seen, lines, "
    "created_at FROM lastseen_quarantine WHERE " SQLITE_THESE_IDS " ORDER BY id";
constexpr const char* kDropQuarantine =
    "DELETE FROM lastseen_quarantine WHERE " SQLITE_THESE_IDS " RETURNING 1";

// Where totals were forgotten meanwhile fewer lines than these may stand there.
constexpr const char* kMoveLedger =
    "UPDATE lastseen_position SET ledger = json_set(ledger, "
    "'$.quarantined', coalesce(json_extract(ledger, '$.quarantined'), 0) - "
    "min(?3, coalesce(json_extract(ledger, '$.quarantined'), 0)), "
    "'$.committed', coalesce(json_extract(ledger, '$.committed'), 0) + "
    "min(?3, coalesce(json_extract(ledger, '$.quarantined'), 0))) "
    "WHERE agent_id = ?1 AND input = ?2 AND stream = '' AND ledger IS NOT NULL";

constexpr const char* kSetPosition =
    "UPDATE lastseen_position SET position = ?4, discarding = 0, tail_bytes = 0, tail_hash = 0 "
    "WHERE agent_id = ?1 AND input = ?2 AND stream = ?3 AND stream <> '' RETURNING 1";
constexpr const char* kForgetPosition =
    "DELETE FROM lastseen_position "
    "WHERE agent_id = ?1 AND input = ?2 AND stream = ?3 AND stream <> '' RETURNING 1";
constexpr const char* kForgetInput =
    "DELETE FROM lastseen_position WHERE agent_id = ?1 AND input = ?2 RETURNING 1";

// By kChangedByHand: the number of batches stays what it is, for a spill asks it.
constexpr const char* kMoveFence =
    "UPDATE lastseen_agent SET batch = batch + (1 << 40) WHERE agent_id = ?1";
constexpr const char* kMakeFence =
    "INSERT INTO lastseen_agent AS a (agent_id, epoch, batch, seen_at) "
    "VALUES (?1, 0, 0, strftime('%Y-%m-%d %H:%M:%fZ', 'now')) "
    "ON CONFLICT (agent_id) DO UPDATE SET batch = a.batch + (1 << 40)";

// ?1: from, ?2: to, in all of these.
#define SQLITE_TO_HAS_NONE                                                                     \
  "NOT EXISTS (SELECT 1 FROM lastseen_position o WHERE o.agent_id = ?2 AND o.input = p.input " \
  "AND o.stream <> '')"
constexpr const char* kOwnInputs =
    "SELECT DISTINCT p.input FROM lastseen_position p "
    "WHERE p.agent_id = ?1 AND p.stream <> '' AND NOT " SQLITE_TO_HAS_NONE " ORDER BY p.input";
constexpr const char* kCopyPositions =
    "INSERT INTO lastseen_position (agent_id, input, stream, path, position, discarding, device, "
    "inode, birth_ns, generation, head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at) "
    "SELECT ?2, input, stream, path, position, discarding, device, inode, birth_ns, generation, "
    "head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at "
    "FROM lastseen_position p WHERE p.agent_id = ?1 AND p.stream <> '' "
    "AND " SQLITE_TO_HAS_NONE " RETURNING 1";
constexpr const char* kCopyInputs =
    "INSERT INTO lastseen_position (agent_id, input, stream, ledger, updated_at) "
    "SELECT ?2, input, '', '{}', updated_at FROM lastseen_position "
    "WHERE agent_id = ?1 AND stream = '' ON CONFLICT (agent_id, input, stream) DO NOTHING";
constexpr const char* kCopyLedgers =
    "INSERT INTO lastseen_position AS p (agent_id, input, stream, ledger, updated_at) "
    "SELECT ?2, input, '', ledger, updated_at FROM lastseen_position "
    "WHERE agent_id = ?1 AND stream = '' "
    "ON CONFLICT (agent_id, input, stream) DO UPDATE SET ledger = "
    "(SELECT json_group_object(key, total) FROM (SELECT key, sum(value) AS total "
    "FROM (SELECT key, value FROM json_each(coalesce(p.ledger, '{}')) "
    "UNION ALL SELECT key, value FROM json_each(coalesce(excluded.ledger, '{}'))) GROUP BY key))";
// Of epoch 0: no batch of the new owner is theirs.
constexpr const char* kTakeQuarantine =
    "UPDATE lastseen_quarantine SET agent_id = ?2, epoch = 0, batch = 0 WHERE agent_id = ?1 "
    "RETURNING 1";
constexpr const char* kForgetAgentPositions =
    "DELETE FROM lastseen_position WHERE agent_id = ?1 RETURNING 1";
constexpr const char* kForgetFence = "DELETE FROM lastseen_agent WHERE agent_id = ?1";

QuarantinedRow read_row(const SqliteStatement& row) {
  QuarantinedRow read;
  read.id = row.number(0);
  read.agent_id = row.text(1);
  read.input = row.text(2);
  read.client_id = row.text(3);
  read.sqlstate = row.text(4);
  read.message = row.text(5);
  parse_utc_text(row.text(6), &read.first_seen_ms);
  parse_utc_text(row.text(7), &read.last_seen_ms);
  read.lines = row.bits(8);
  parse_utc_text(row.text(9), &read.created_ms);
  return read;
}

// Steps to the end; nullopt: failed. Else the number of rows answered.
std::optional<uint64_t> count_steps(SqliteStatement& statement) {
  uint64_t rows = 0;
  Step step;
  while ((step = statement.step()) == Step::kRow) ++rows;
  statement.reset();
  if (step == Step::kFailed) return std::nullopt;
  return rows;
}

}  // namespace

// Opens for a change, never making a file: a wrong store.path must not look like an empty store.
Status SqliteStore::begin_changing() {
  if (auto status = look_for_file(); !status) return status;
  if (auto failure = open()) return to_status(*failure);
  if (auto failure = begin()) return to_status(*failure);
  return Status::ok();
}

SqliteStore::Failure SqliteStore::read_rows(const std::vector<int64_t>& ids,
                                            std::vector<QuarantinedRow>* rows) {
  const std::string list = id_list(ids);
  SqliteStatement read = connection_.prepare(kReadQuarantine);
  if (!read) return connection_.error();
  read.bind(list);
  Step step;
  while ((step = read.step()) == Step::kRow) rows->push_back(read_row(read));
  if (step == Step::kFailed) return connection_.error();
  return std::nullopt;
}

Result<std::vector<QuarantinedRow>> SqliteStore::quarantined(const std::vector<int64_t>& ids) {
  const SqliteConnection::Call call(connection_);
  if (auto status = open_for_reading(); !status) return status;
  std::vector<QuarantinedRow> rows;
  if (auto failure = read_rows(ids, &rows)) return to_status(*failure);
  return rows;
}

Result<ReplayResult> SqliteStore::replay(const std::vector<int64_t>& ids) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  ReplayResult result;
  std::vector<QuarantinedRow> found;
  if (auto failure = read_rows(ids, &found)) return to_status(*fail(*failure));
  ReplayRows rows(std::move(found));
  if (auto failure = replay_rows(rows, &result)) return to_status(*fail(*failure));
  if (auto failure = end()) return to_status(*failure);
  return result;
}

SqliteStore::Failure SqliteStore::replay_rows(ReplayRows& rows, ReplayResult* result) {
  {
    SqliteStatement now = connection_.prepare(std::string("SELECT ") + kSqliteNowMs);
    if (!now || now.step() != Step::kRow) return connection_.error();
    clamp_rows(rows.upserts(), now.number(0), future_max_ms_);
  }
  std::vector<Refusal> refusals;
  if (auto failure = upsert(rows.upserts(), RefusalsMax::kAnyNumber, &refusals)) return failure;
  rows.refuse(refusals, result);
  SqliteStatement drop = connection_.prepare("DELETE FROM lastseen_quarantine WHERE id = ?1");
  SqliteStatement move = connection_.prepare(kMoveLedger);
  if (!drop || !move) return connection_.error();
  for (size_t i = 0; i < rows.rows().size(); ++i)
    if (rows.taken(i) && !count_steps(drop.bind(rows.rows()[i].id))) return connection_.error();
  for (const auto& [key, lines] : rows.taken_lines())
    if (!count_steps(move.bind(key.first, key.second, lines))) return connection_.error();
  return std::nullopt;
}

Result<uint64_t> SqliteStore::drop_quarantined(const std::vector<int64_t>& ids) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  std::optional<uint64_t> dropped;
  {
    const std::string list = id_list(ids);
    SqliteStatement drop = connection_.prepare(kDropQuarantine);
    if (drop) dropped = count_steps(drop.bind(list));
  }
  if (!dropped) return to_status(*fail());
  if (auto failure = end()) return to_status(*failure);
  return *dropped;
}

Result<bool> SqliteStore::forget_client(const std::string& client_id) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  std::optional<uint64_t> deleted;
  {
    SqliteStatement drop =
        connection_.prepare("DELETE FROM " + quote_identifier(table_) + " WHERE " +
                            quote_identifier(columns_.id) + " = ?1 RETURNING 1");
    if (drop) deleted = count_steps(drop.bind(client_id));
  }
  if (!deleted) return to_status(*fail());
  if (auto failure = end()) return to_status(*failure);
  return *deleted > 0;
}

Result<std::vector<StoredAgent>> SqliteStore::agents() {
  const SqliteConnection::Call call(connection_);
  if (auto status = open_for_reading(); !status) return status;
  SqliteStatement read =
      connection_.prepare(std::string("SELECT agent_id, epoch, batch, seen_at, ") + kSqliteNowMs +
                          " FROM lastseen_agent");
  SqliteStatement ledgers = connection_.prepare(kSqliteReadLedgers);
  SqliteStatement positions = connection_.prepare(kSqliteReadPositions);
  if (!read || !ledgers || !positions) return to_status(connection_.error());
  std::vector<StoredAgent> agents;
  Step step;
  while ((step = read.step()) == Step::kRow) {
    StoredAgent& agent = agents.emplace_back();
    agent.agent_id = read.text(0);
    agent.state.epoch = read.bits(1);
    agent.state.batch = read.bits(2);
    parse_utc_text(read.text(3), &agent.seen_ms);
    agent.seen_ago_ms = read.number(4) - agent.seen_ms;
    if (!read_inputs(agent.agent_id, ledgers, positions, &agent.state))
      return to_status(connection_.error());
  }
  if (step == Step::kFailed) return to_status(connection_.error());
  return agents;
}

SqliteStore::Failure SqliteStore::run_for(const char* sql, const std::string& agent_id,
                                          const PositionChange& change, uint64_t* affected) {
  const std::string stream = escape_bytes(change.stream);
  SqliteStatement statement = connection_.prepare(sql);
  if (!statement) return connection_.error();
  // Parameters that a statement lacks are passed over by SQLite.
  statement.bind(agent_id, change.input, stream, change.position.value_or(0));
  const std::optional<uint64_t> rows = count_steps(statement);
  if (!rows) return connection_.error();
  *affected += *rows;
  return std::nullopt;
}

Result<uint64_t> SqliteStore::change_positions(const std::string& agent_id,
                                               const std::vector<PositionChange>& changes) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  uint64_t changed = 0, fences = 0;
  auto failure = run_for(kMoveFence, agent_id, {}, &fences);
  for (const PositionChange& change : changes) {
    const char* sql = change.stream.empty() ? kForgetInput
                      : change.position     ? kSetPosition
                                            : kForgetPosition;
    if (!failure) failure = run_for(sql, agent_id, change, &changed);
  }
  if (failure) return to_status(*fail(*failure));
  if (changed == 0) {  // then the fence stays, too
    if (!connection_.run("ROLLBACK")) return to_status(*fail());
    return changed;
  }
  if (failure = end(); failure) return to_status(*failure);
  return changed;
}

Result<AgentRows> SqliteStore::take_positions(const std::string& from, const std::string& to,
                                              bool copy) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  AgentRows done;
  if (auto failure = rewrite_agent(from, to, copy, &done)) return to_status(*fail(*failure));
  if (auto failure = end()) return to_status(*failure);
  return done;
}

SqliteStore::Failure SqliteStore::rewrite_agent(const std::string& from, const std::string& to,
                                                bool copy, AgentRows* done) {
  uint64_t rows = 0;
  if (auto failure = run_for(kMakeFence, to, {}, &rows)) return failure;
  PositionChange two;  // its second parameter is the other agent here
  two.input = to;
  {
    SqliteStatement own = connection_.prepare(kOwnInputs);
    if (!own) return connection_.error();
    own.bind(from, to);
    Step step;
    while ((step = own.step()) == Step::kRow) done->own.push_back(own.text(0));
    if (step == Step::kFailed) return connection_.error();
  }
  if (auto failure = run_for(kCopyPositions, from, two, &done->streams)) return failure;
  if (copy) return run_for(kCopyInputs, from, two, &rows);
  if (auto failure = run_for(kCopyLedgers, from, two, &rows)) return failure;
  if (auto failure = run_for(kTakeQuarantine, from, two, &done->quarantined)) return failure;
  if (auto failure = run_for(kForgetAgentPositions, from, {}, &rows)) return failure;
  return run_for(kForgetFence, from, {}, &rows);
}

Result<AgentRows> SqliteStore::forget_agent(const std::string& agent_id,
                                            const std::string& witness) {
  const SqliteConnection::Call call(connection_);
  if (auto status = begin_changing(); !status) return status;
  AgentRows done;
  uint64_t rows = 0;
  auto failure = run_for(kForgetAgentPositions, agent_id, {}, &done.streams);
  if (!failure && done.streams > 0) failure = run_for(kMoveFence, witness, {}, &rows);
  if (!failure) failure = run_for(kForgetFence, agent_id, {}, &rows);
  if (failure) return to_status(*fail(*failure));
  if (failure = end(); failure) return to_status(*failure);
  return done;
}

}  // namespace lastseen
