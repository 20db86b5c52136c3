// PostgresStore::commit(): fence, rows, quarantine, positions, ledger, in one transaction.
#include <array>
#include <utility>

#include "base/check.h"
#include "store/new_clients.h"
#include "store/postgres_errors.h"
#include "store/postgres_store.h"
#include "store/sqlstate.h"

namespace lastseen {

namespace {

// A statement of 10,000 rows is about 700 kB and 40 ms; larger ones are no faster a row (measured
// up to 50,000) and keep more in the server's memory.
constexpr size_t kRowsPerStatement = 10'000;
constexpr const char* kMarkFirst = "SAVEPOINT rows";
constexpr std::string_view kNoTable = "/";  // what kPostgresFence answers then

std::vector<std::string> upsert_parameters(const std::vector<UpsertRow>& rows, size_t begin,
                                           size_t end) {
  constexpr size_t kBytesPerId = 40, kBytesPerTime = 14;
  ArrayText ids, seen, created;
  ids.reserve((end - begin) * kBytesPerId);
  seen.reserve((end - begin) * kBytesPerTime);
  created.reserve((end - begin) * kBytesPerTime);
  for (size_t i = begin; i < end; ++i) {
    ids.add_text(rows[i].client_id);
    seen.add_number(rows[i].last_seen_ms);
    created.add_number(rows[i].created_ms);
  }
  return {ids.take(), seen.take(), created.take()};
}

std::vector<std::string> fence_parameters(const std::string& agent_id, const Batch& batch) {
  return {agent_id, std::to_string(batch.epoch), std::to_string(batch.number)};
}

}  // namespace

struct PostgresStore::Fence {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  std::string table;         // which one it is; see kPostgresFence
  int64_t store_now_ms = 0;  // read behind the fence's lock, so not before a wait for it
};

StoreResult<CommitResult> PostgresStore::commit(const std::string& agent_id, const Batch& batch) {
  const PostgresSession::Call call(session_);
  std::vector<UpsertRow> rows = merge_rows(batch.entries);
  CommitResult result;
  result.rows = rows.size();

  Fence fence;
  if (auto failure = begin()) return *failure;
  if (!statements_.id_type_known())
    if (auto failure = discover_id_column()) return *failure;
  if (auto failure = pass_fence(agent_id, batch, &fence)) return *failure;
  result.outcome = fence.outcome;
  if (fence.outcome == CommitOutcome::kAlreadyCommitted) {
    if (auto failure = read_quarantined(agent_id, batch, &result)) return *failure;
    if (auto failure = read_not_allowed(agent_id, batch, &result)) return *failure;
  }
  if (fence.outcome != CommitOutcome::kCommitted) {
    if (auto failure = end()) return *failure;
    return result;
  }
  // A batch whose clients are all known would pass without touching the table.
  if (fence.table == kNoTable)
    if (auto failure = discover_id_column()) return *failure;
  if (table_changed(fence.table)) {
    result.outcome = CommitOutcome::kTableChanged;
    if (auto failure = roll_back()) return *failure;
    return result;
  }

  std::vector<Refusal> refusals;
  if (auto failure = leave_out_new(batch, rows, &result)) return *failure;
  result.clamped = clamp_rows(rows, fence.store_now_ms, future_max_ms_);
  if (auto failure = upsert(rows, RefusalsMax::kByShare, &refusals)) return *failure;
  const std::vector<RefusedEntry> refused = refused_entries(batch, rows, refusals);
  result.quarantined = lines_quarantined(batch, refused);
  if (auto failure = write_quarantine(agent_id, batch, refused)) return *failure;
  if (auto failure = write_positions(agent_id, batch)) return *failure;
  if (auto failure = forget_positions(agent_id, batch)) return *failure;
  if (auto failure = add_ledgers(agent_id, batch, result)) return *failure;
  if (auto failure = end()) return *failure;
  return result;
}

PostgresStore::Failure PostgresStore::pass_fence(const std::string& agent_id, const Batch& batch,
                                                 Fence* fence) {
  SqlAnswer answer;
  std::vector<std::string> parameters = fence_parameters(agent_id, batch);
  parameters.push_back(statements_.table());
  if (auto failure = run(kPostgresFence, parameters, &answer)) return failure;
  if (!answer.rows.empty()) {
    fence->store_now_ms = from_bigint(answer.rows[0][0].value_or(""));
    fence->table = answer.rows[0][1].value_or("");
    return std::nullopt;
  }
  if (auto failure = run(kPostgresReadFence, {agent_id}, &answer)) return failure;
  fence->outcome = CommitOutcome::kWentBack;
  if (answer.rows.empty()) return std::nullopt;
  const uint64_t epoch = bits_from_bigint(answer.rows[0][0].value_or(""));
  const uint64_t number = bits_from_bigint(answer.rows[0][1].value_or(""));
  fence->outcome = classify_fence(batch, epoch, number);
  return std::nullopt;
}

// Remembers the table; whether it was another one before. Its id column may be of another type
// then.
bool PostgresStore::table_changed(const std::string& table) {
  const bool changed = !table_seen_.empty() && table_seen_ != table;
  if (changed) statements_.set_id_type("");
  table_seen_ = table;
  return changed;
}

PostgresStore::Failure PostgresStore::read_quarantined(const std::string& agent_id,
                                                       const Batch& batch, CommitResult* result) {
  SqlAnswer answer;
  if (auto failure = run(kPostgresReadQuarantined, fence_parameters(agent_id, batch), &answer))
    return failure;
  for (const SqlRow& row : answer.rows) {
    result->quarantined.resize(batch.inputs.size());
    for (size_t i = 0; i < batch.inputs.size(); ++i)
      if (batch.inputs[i].name == row[0].value_or(""))
        result->quarantined[i] = from_count(row[1].value_or(""));
  }
  return std::nullopt;
}

// One try under a savepoint; `mark` tells the statement that makes it, for this and the next try.
Attempt PostgresStore::try_rows(const std::string& sql, const std::vector<std::string>& parameters,
                                const char** mark, SqlAnswer* answer, Failure* failure) {
  SqlAnswer tried = session_.run(*mark);
  if (!tried.error) tried = session_.run(sql, parameters);
  if (!tried.error) {
    *mark = "RELEASE SAVEPOINT rows; SAVEPOINT rows";
    if (answer) *answer = std::move(tried);
    return {};
  }
  if (meaning_of(tried.error->sqlstate) != SqlstateMeaning::kRowAtFault) {
    *failure = fail(*tried.error);
    return {Attempt::Kind::kFailed, "", ""};
  }
  *mark = "ROLLBACK TO SAVEPOINT rows";
  return {Attempt::Kind::kRowAtFault, tried.error->sqlstate, tried.error->message};
}

PostgresStore::Failure PostgresStore::upsert(const std::vector<UpsertRow>& rows,
                                             RefusalsMax refusals_max,
                                             std::vector<Refusal>* refusals) {
  const std::string sql = statements_.upsert();
  Failure failure;
  // What the next try needs first: a savepoint, fresh after rows that went in.
  const char* mark = kMarkFirst;
  const auto attempt = [&](size_t begin, size_t end) {
    return try_rows(sql, upsert_parameters(rows, begin, end), &mark, nullptr, &failure);
  };
  BisectResult result = apply_bisecting(rows.size(), kRowsPerStatement, attempt, refusals_max);
  if (result.end == BisectResult::End::kFailed) return failure;
  if (result.end == BisectResult::End::kTableAtFault) {
    const Refusal& last = result.refusals.back();
    fail({last.sqlstate, last.message});
    return table_at_fault_error(last.sqlstate, last.message, statements_.table_name());
  }
  *refusals = std::move(result.refusals);
  if (refusals->empty()) return std::nullopt;
  // The last try may have been a refusal.
  const SqlAnswer answer = session_.run(mark);
  if (answer.error) return fail(*answer.error);
  return std::nullopt;
}

// Takes those rows out whose clients the table lacks and whose inputs may not add them.
PostgresStore::Failure PostgresStore::leave_out_new(const Batch& batch,
                                                    std::vector<UpsertRow>& rows,
                                                    CommitResult* result) {
  const std::vector<size_t> limited = limited_rows(batch, rows);
  if (limited.empty()) return std::nullopt;
  const std::string sql = statements_.absent();
  std::vector<size_t> absent;
  Failure failure;
  const char* mark = kMarkFirst;
  const auto attempt = [&](size_t begin, size_t end) {
    ArrayText ids;
    for (size_t i = begin; i < end; ++i) ids.add_text(rows[limited[i]].client_id);
    SqlAnswer answer;
    Attempt tried = try_rows(sql, {ids.take()}, &mark, &answer, &failure);
    for (const SqlRow& row : answer.rows)  // places in the array, from 1
      absent.push_back(limited[begin + from_count(row[0].value_or("")) - 1]);
    return tried;
  };
  const BisectResult asked =
      apply_bisecting(limited.size(), kRowsPerStatement, attempt, RefusalsMax::kAnyNumber);
  if (asked.end == BisectResult::End::kFailed) return failure;
  // What is no value of the column's type, the table cannot have.
  for (const Refusal& refusal : asked.refusals) absent.push_back(limited[refusal.row]);
  leave_out(batch, rows, std::move(absent), result);
  const SqlAnswer answer = session_.run(std::string(mark) + "; RELEASE SAVEPOINT rows");
  if (answer.error) return fail(*answer.error);
  return std::nullopt;
}

// After a lost reply: the stored total is the truth.
PostgresStore::Failure PostgresStore::read_not_allowed(const std::string& agent_id,
                                                       const Batch& batch, CommitResult* result) {
  if (!has_limits(batch)) return std::nullopt;
  SqlAnswer answer;
  if (auto failure = run(kPostgresReadNotAllowed, {agent_id}, &answer)) return failure;
  for (const SqlRow& row : answer.rows)
    note_not_allowed(batch, row[0].value_or(""), from_count(row[1].value_or("")), result);
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::write_quarantine(const std::string& agent_id,
                                                       const Batch& batch,
                                                       const std::vector<RefusedEntry>& refused) {
  if (refused.empty()) return std::nullopt;
  ArrayText input, id, sqlstate, message, first, last, lines;
  for (const auto& [entry, refusal] : refused) {
    input.add_text(batch.inputs[entry->input].name);
    id.add_text(hex(entry->client_id));
    sqlstate.add_text(refusal->sqlstate);
    message.add_text(first_line(refusal->message, kQuarantineMessageBytesMax));
    first.add_number(bounded_time_ms(entry->first_seen_ms));
    last.add_number(bounded_time_ms(entry->last_seen_ms));
    lines.add_bits(entry->count);
  }
  std::vector<std::string> parameters = fence_parameters(agent_id, batch);
  for (ArrayText* array : {&input, &id, &sqlstate, &message, &first, &last, &lines})
    parameters.push_back(array->take());
  return run(kPostgresQuarantine, parameters);
}

PostgresStore::Failure PostgresStore::write_positions(const std::string& agent_id,
                                                      const Batch& batch) {
  constexpr size_t kColumns = 15;
  std::array<ArrayText, kColumns> columns;
  bool any = false;
  for (const BatchInput& input : batch.inputs) {
    for (const Position& position : input.positions) {
      CHECK(!position.stream.empty());  // the row with stream = '' is the input's own
      if (position.gone) continue;
      any = true;
      columns[0].add_text(input.name);
      columns[1].add_text(escape_bytes(position.stream));
      columns[2].add_text(escape_bytes(position.path));
      columns[3].add_bits(position.position);
      columns[4].add_bits(position.discarding ? 1 : 0);
      columns[5].add_bits(position.device);
      columns[6].add_bits(position.inode);
      columns[7].add_number(position.birth_ns);
      columns[8].add_bits(position.generation);
      columns[9].add_bits(position.head_bytes);
      columns[10].add_bits(position.head_hash);
      columns[11].add_bits(position.tail_bytes);
      columns[12].add_bits(position.tail_hash);
      columns[13].add_bits(position.size);
      columns[14].add_number(bounded_time_ms(position.updated_ms));
    }
  }
  if (!any) return std::nullopt;
  std::vector<std::string> parameters = {agent_id};
  for (ArrayText& column : columns) parameters.push_back(column.take());
  return run(kPostgresWritePositions, parameters);
}

PostgresStore::Failure PostgresStore::forget_positions(const std::string& agent_id,
                                                       const Batch& batch) {
  ArrayText inputs, streams;
  bool any = false;
  for (const BatchInput& input : batch.inputs) {
    for (const Position& position : input.positions) {
      if (!position.gone) continue;
      any = true;
      inputs.add_text(input.name);
      streams.add_text(escape_bytes(position.stream));
    }
  }
  if (!any) return std::nullopt;
  return run(kPostgresForgetPositions, {agent_id, inputs.take(), streams.take()});
}

PostgresStore::Failure PostgresStore::add_ledgers(const std::string& agent_id, const Batch& batch,
                                                  const CommitResult& result) {
  ArrayText changed, deltas, unchanged;
  bool any_changed = false, any_unchanged = false;
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const BatchInput& input = batch.inputs[i];
    if (input.held_back) continue;
    if (input.delta == LedgerCounts()) {
      unchanged.add_text(input.name);
      any_unchanged = true;
      continue;
    }
    changed.add_text(input.name);
    deltas.add_text(ledger_json(stored_delta(batch, i, result)));
    any_changed = true;
  }
  if (any_unchanged)
    if (auto failure = run(kPostgresKnowInputs, {agent_id, unchanged.take()})) return failure;
  if (!any_changed) return std::nullopt;
  return run(kPostgresAddLedgers, {agent_id, changed.take(), deltas.take()});
}

}  // namespace lastseen
