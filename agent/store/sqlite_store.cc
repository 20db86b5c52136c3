#include "store/sqlite_store.h"

#include <utility>

#include "base/check.h"
#include "store/bisect.h"
#include "store/new_clients.h"
#include "store/sqlite_statements.h"

namespace lastseen {

namespace {

using Step = SqliteStatement::Step;

Position read_position(const SqliteStatement& row) {
  Position position;
  position.stream = unescape_bytes(row.text(1));
  position.path = unescape_bytes(row.text(2));
  position.position = row.bits(3);
  position.discarding = row.number(4) != 0;
  position.device = row.bits(5);
  position.inode = row.bits(6);
  position.birth_ns = row.number(7);
  position.generation = row.bits(8);
  position.head_bytes = static_cast<uint32_t>(row.number(9));
  position.head_hash = row.bits(10);
  position.tail_bytes = static_cast<uint32_t>(row.number(11));
  position.tail_hash = row.bits(12);
  position.size = row.bits(13);
  parse_utc_text(row.text(14), &position.updated_ms);
  return position;
}

}  // namespace

SqliteStore::SqliteStore(const StoreSettings& settings, Milliseconds future_max_ms, bool read_only,
                         Log& log)
    : table_(settings.table),
      columns_(settings.columns),
      future_max_ms_(future_max_ms),
      read_only_(read_only),
      log_(log),
      connection_(
          settings.path,
          read_only ? SqliteConnection::Mode::kReadOnly : SqliteConnection::Mode::kReadWrite,
          settings.timeout_lock) {}

SqliteStore::~SqliteStore() = default;

// Closing is the surest way to roll back, and finds a file that was replaced or mended meanwhile.
SqliteStore::Failure SqliteStore::fail(StoreError error) {
  statements_.reset();
  connection_.close();
  return error;
}

SqliteStore::Failure SqliteStore::fail() {
  return fail(connection_.error());
}

// IMMEDIATE: the lock is taken where waiting for it is allowed. A transaction that reads first
// and writes then is refused at once when another has written in between.
SqliteStore::Failure SqliteStore::begin() {
  if (!connection_.run("BEGIN IMMEDIATE")) return fail();
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::end() {
  if (!connection_.run("COMMIT")) return fail();
  return std::nullopt;
}

// Runs a statement that answers nothing of interest.
SqliteStore::Failure SqliteStore::done(SqliteStatement& statement) {
  Step step = Step::kRow;
  while (step == Step::kRow) step = statement.step();
  if (step == Step::kFailed) return fail();
  statement.reset();
  return std::nullopt;
}

StoreResult<AgentState> SqliteStore::load(const std::string& agent_id) {
  const SqliteConnection::Call call(connection_);
  AgentState state;
  schema_seen_ = -1;
  if (auto failure = open()) return *failure;
  if (auto failure = begin()) return *failure;
  SqliteStatement& take = statements_->take_epoch.bind(agent_id);
  if (take.step() != Step::kRow) return *fail();
  state.epoch = take.bits(0);
  state.batch = take.bits(1);
  if (auto failure = done(take)) return *failure;
  if (!read_inputs(agent_id, statements_->read_ledgers, statements_->read_positions, &state))
    return *fail();
  if (!read_foreign(agent_id, &state)) return *fail();
  if (auto failure = end()) {
    failure->perhaps_done = true;
    return *failure;
  }
  return state;
}

// False: the connection knows why.
bool SqliteStore::read_foreign(const std::string& agent_id, AgentState* state) {
  if (agent_id.ends_with(kBackfillSuffix)) return true;
  SqliteStatement read = connection_.prepare(
      "SELECT agent_id, stream, path, position, discarding, device, inode, birth_ns, generation, "
      "head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at FROM lastseen_position "
      "WHERE agent_id <> ?1 AND substr(agent_id, -length(?2)) <> ?2 "
      "AND position > 0 AND tail_bytes > 0 AND head_bytes >= ?3 ORDER BY updated_at DESC LIMIT ?4");
  if (!read) return false;
  const std::string suffix(kBackfillSuffix);
  read.bind(agent_id, suffix, uint64_t{kHeadBytesProof}, uint64_t{kForeignPositionsMax});
  Step step;
  while ((step = read.step()) == Step::kRow)
    state->foreign.push_back({read.text(0), read_position(read)});
  return step != Step::kFailed;
}

// False: the connection knows why.
bool SqliteStore::read_inputs(const std::string& agent_id, SqliteStatement& ledgers,
                              SqliteStatement& positions, AgentState* state) {
  Step step;
  ledgers.bind(agent_id);
  while ((step = ledgers.step()) == Step::kRow) {
    const std::string name = ledgers.text(0);
    if (state->inputs.empty() || state->inputs.back().name != name)
      state->inputs.push_back({name, {}, {}});
    // A counter of a newer version stays in the table and is of no use here.
    if (!ledgers.is_null(1)) state->inputs.back().totals.set(ledgers.text(1), ledgers.bits(2));
  }
  if (step == Step::kFailed) return false;
  ledgers.reset();
  positions.bind(agent_id);
  while ((step = positions.step()) == Step::kRow)
    for (AgentState::Input& input : state->inputs)
      if (input.name == positions.text(0)) input.positions.push_back(read_position(positions));
  if (step == Step::kFailed) return false;
  positions.reset();
  return true;
}

std::optional<StoreError> SqliteStore::probe(const std::string&) {
  const SqliteConnection::Call call(connection_);
  if (auto failure = open()) return failure;
  if (auto failure = begin()) return failure;
  if (!connection_.run("ROLLBACK")) return fail();
  return std::nullopt;
}

StoreResult<CommitResult> SqliteStore::commit(const std::string& agent_id, const Batch& batch) {
  const SqliteConnection::Call call(connection_);
  std::vector<UpsertRow> rows = merge_rows(batch.entries);
  CommitResult result;
  result.rows = rows.size();
  int64_t store_now_ms = 0;
  if (auto failure = open()) return *failure;
  if (auto failure = begin()) return *failure;
  if (auto failure = pass_fence(agent_id, batch, &result, &store_now_ms)) return *failure;
  if (result.outcome == CommitOutcome::kAlreadyCommitted) {
    if (auto failure = read_quarantined(agent_id, batch, &result)) return *failure;
    if (auto failure = read_not_allowed(agent_id, batch, &result)) return *failure;
  }
  if (result.outcome != CommitOutcome::kCommitted) {
    if (auto failure = end()) return *failure;
    return result;
  }
  if (auto failure = look_at_table(&result)) return *failure;
  if (result.outcome == CommitOutcome::kTableChanged) return result;
  std::vector<Refusal> refusals;
  if (auto failure = leave_out_new(batch, rows, &result)) return *failure;
  result.clamped = clamp_rows(rows, store_now_ms, future_max_ms_);
  if (auto failure = upsert(rows, RefusalsMax::kByShare, &refusals)) return *failure;
  const std::vector<RefusedEntry> refused = refused_entries(batch, rows, refusals);
  result.quarantined = lines_quarantined(batch, refused);
  if (auto failure = write_quarantine(agent_id, batch, refused)) return *failure;
  if (auto failure = write_positions(agent_id, batch)) return *failure;
  if (auto failure = add_ledgers(agent_id, batch, result)) return *failure;
  if (auto failure = end()) return *failure;
  return result;
}

SqliteStore::Failure SqliteStore::pass_fence(const std::string& agent_id, const Batch& batch,
                                             CommitResult* result, int64_t* store_now_ms) {
  SqliteStatement& fence = statements_->fence.bind(agent_id, batch.epoch, batch.number);
  const Step step = fence.step();
  if (step == Step::kFailed) return fail();
  if (step == Step::kRow) {
    *store_now_ms = fence.number(0);
    return done(fence);
  }
  fence.reset();
  SqliteStatement& read = statements_->read_fence.bind(agent_id);
  const Step found = read.step();
  if (found == Step::kFailed) return fail();
  result->outcome = found == Step::kDone ? CommitOutcome::kWentBack
                                         : classify_fence(batch, read.bits(0), read.bits(1));
  read.reset();
  return std::nullopt;
}

// A table that was made anew leaves its mark on the number of the schema.
SqliteStore::Failure SqliteStore::look_at_table(CommitResult* result) {
  SqliteStatement& version = statements_->schema_version.bind(table_);
  const Step step = version.step();
  if (step == Step::kFailed) return fail();
  // A batch whose clients are all known would pass without touching the table.
  if (step == Step::kDone)
    return fail({StoreTrouble::kHolding, "42P01",
                 "SQLite: " + connection_.path() + ": store.table names " + table_ +
                     ", which does not exist any more"});
  const int64_t schema = version.number(0);
  version.reset();
  const bool changed = schema_seen_ >= 0 && schema_seen_ != schema;
  schema_seen_ = schema;
  if (!changed) return std::nullopt;
  result->outcome = CommitOutcome::kTableChanged;
  if (!connection_.run("ROLLBACK")) return fail();
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::read_quarantined(const std::string& agent_id, const Batch& batch,
                                                   CommitResult* result) {
  SqliteStatement& read = statements_->read_quarantined.bind(agent_id, batch.epoch, batch.number);
  Step step;
  while ((step = read.step()) == Step::kRow) {
    result->quarantined.resize(batch.inputs.size());
    for (size_t i = 0; i < batch.inputs.size(); ++i)
      if (batch.inputs[i].name == read.text(0)) result->quarantined[i] = read.bits(1);
  }
  if (step == Step::kFailed) return fail();
  read.reset();
  return std::nullopt;
}

// Takes those rows out whose clients the table lacks and whose inputs may not add them.
SqliteStore::Failure SqliteStore::leave_out_new(const Batch& batch, std::vector<UpsertRow>& rows,
                                                CommitResult* result) {
  std::vector<size_t> absent;
  for (const size_t at : limited_rows(batch, rows)) {
    const Step step = statements_->has_client.bind(rows[at].client_id).step();
    if (step == Step::kFailed) return fail();
    if (step == Step::kDone) absent.push_back(at);
    statements_->has_client.reset();
  }
  leave_out(batch, rows, std::move(absent), result);
  return std::nullopt;
}

// After a lost reply: the stored total is the truth.
SqliteStore::Failure SqliteStore::read_not_allowed(const std::string& agent_id, const Batch& batch,
                                                   CommitResult* result) {
  if (!has_limits(batch)) return std::nullopt;
  SqliteStatement& read = statements_->read_not_allowed.bind(agent_id);
  Step step;
  while ((step = read.step()) == Step::kRow)
    note_not_allowed(batch, read.text(0), read.bits(1), result);
  if (step == Step::kFailed) return fail();
  read.reset();
  return std::nullopt;
}

// A statement a row, which SQLite undoes alone when the row is refused: nothing to halve.
SqliteStore::Failure SqliteStore::upsert(const std::vector<UpsertRow>& rows,
                                         RefusalsMax refusals_max, std::vector<Refusal>* refusals) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string last_seen = utc_text(rows[i].last_seen_ms);
    const std::string created = utc_text(rows[i].created_ms);
    SqliteStatement& upsert = columns_.created_at.empty()
                                  ? statements_->upsert.bind(rows[i].client_id, last_seen)
                                  : statements_->upsert.bind(rows[i].client_id, last_seen, created);
    if (upsert.step() == Step::kDone) continue;
    const SqliteFailure failure = connection_.failure();
    upsert.reset();
    // A trigger may have rolled the whole transaction back.
    if (!failure.row_at_fault || !connection_.in_transaction()) return fail();
    refusals->push_back({i, failure.sqlstate, failure.message});
    if (refusals_max == RefusalsMax::kByShare && table_at_fault(refusals->size(), rows.size()))
      return fail({StoreTrouble::kHolding, failure.sqlstate,
                   "SQLite: " + connection_.path() + ": table " + table_ + kRefusesTooMany +
                       failure.message + "; mend the table, or store.table and store.columns"});
  }
  statements_->upsert.reset();
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::write_quarantine(const std::string& agent_id, const Batch& batch,
                                                   const std::vector<RefusedEntry>& refused) {
  for (const auto& [entry, refusal] : refused) {
    const std::string first = utc_text(entry->first_seen_ms), last = utc_text(entry->last_seen_ms);
    const std::string message = first_line(refusal->message, kQuarantineMessageBytesMax);
    SqliteStatement& quarantine = statements_->quarantine.bind(
        agent_id, batch.epoch, batch.number, batch.inputs[entry->input].name, refusal->sqlstate,
        message, first, last, entry->count);
    quarantine.bind_blob(10, entry->client_id);
    if (auto failure = done(quarantine)) return failure;
  }
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::write_positions(const std::string& agent_id, const Batch& batch) {
  for (const BatchInput& input : batch.inputs) {
    for (const Position& p : input.positions) {
      CHECK(!p.stream.empty());  // the row with stream = '' is the input's own
      const std::string stream = escape_bytes(p.stream), path = escape_bytes(p.path);
      const std::string updated = utc_text(p.updated_ms);
      SqliteStatement& write =
          p.gone ? statements_->forget_position.bind(agent_id, input.name, stream)
                 : statements_->write_position.bind(
                       agent_id, input.name, stream, path, p.position, uint64_t{p.discarding},
                       p.device, p.inode, p.birth_ns, p.generation, uint64_t{p.head_bytes},
                       p.head_hash, uint64_t{p.tail_bytes}, p.tail_hash, p.size, updated);
      if (auto failure = done(write)) return failure;
    }
  }
  return std::nullopt;
}

SqliteStore::Failure SqliteStore::add_ledgers(const std::string& agent_id, const Batch& batch,
                                              const CommitResult& result) {
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    if (batch.inputs[i].held_back) continue;
    const std::string delta = ledger_json(stored_delta(batch, i, result));
    if (auto failure = done(statements_->add_ledger.bind(agent_id, batch.inputs[i].name, delta)))
      return failure;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Store>> make_sqlite_store(const StoreSettings& settings,
                                                 Milliseconds future_max_ms, bool read_only,
                                                 Log& log) {
  auto table = parse_table_name(settings.table);
  if (!table) return table.status();
  if (!table->schema.empty())
    return Status::fatal("store.table: '" + settings.table + "': SQLite has no schemas");
  return std::unique_ptr<Store>(
      std::make_unique<SqliteStore>(settings, future_max_ms, read_only, log));
}

}  // namespace lastseen
