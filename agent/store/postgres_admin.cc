// PostgresStore: the questions and changes of store_admin.h.
#include <utility>

#include "store/postgres_errors.h"
#include "store/postgres_store.h"

namespace lastseen {

namespace {

std::string text_at(const SqlRow& row, size_t column) {
  return row.at(column).value_or("");
}

std::string id_array(const std::vector<int64_t>& ids) {
  ArrayText array;
  for (const int64_t id : ids) array.add_number(id);
  return array.take();
}

std::vector<QuarantinedRow> read_rows(const SqlAnswer& answer) {
  std::vector<QuarantinedRow> rows;
  rows.reserve(answer.rows.size());
  for (const SqlRow& row : answer.rows) {
    QuarantinedRow& read = rows.emplace_back();
    read.id = from_bigint(text_at(row, 0));
    read.agent_id = text_at(row, 1);
    read.input = text_at(row, 2);
    read.client_id = unhex(text_at(row, 3));
    read.sqlstate = text_at(row, 4);
    read.message = text_at(row, 5);
    read.first_seen_ms = from_bigint(text_at(row, 6));
    read.last_seen_ms = from_bigint(text_at(row, 7));
    read.lines = from_count(text_at(row, 8));
    read.created_ms = from_bigint(text_at(row, 9));
  }
  return rows;
}

}  // namespace

Result<std::vector<QuarantinedRow>> PostgresStore::quarantined(const std::vector<int64_t>& ids) {
  const PostgresSession::Call call(session_);
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(kPostgresReadQuarantine, {id_array(ids)}, &answer))
    return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return read_rows(answer);
}

// The order of locks is a commit's: fences, clients by their bytes, ledgers. Nobody else waits for
// rows of the quarantine but another replay, which takes them in the same order.
Result<ReplayResult> PostgresStore::replay(const std::vector<int64_t>& ids) {
  const PostgresSession::Call call(session_);
  ReplayResult result;
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = discover_id_column()) return to_status(*failure);
  if (auto failure = run(kPostgresLockQuarantine, {id_array(ids)}, &answer))
    return to_status(*failure);
  ReplayRows rows(read_rows(answer));
  if (auto failure = replay_rows(rows, &result)) return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return result;
}

PostgresStore::Failure PostgresStore::replay_rows(ReplayRows& rows, ReplayResult* result) {
  if (rows.rows().empty()) return std::nullopt;
  ArrayText agents;
  for (const QuarantinedRow& row : rows.rows()) agents.add_text(row.agent_id);
  SqlAnswer answer;
  if (auto failure = run(kPostgresLockFences, {agents.take()}, &answer)) return failure;
  // Rows of agents whose fence is gone are taken too; then the clock is asked for alone.
  if (answer.rows.empty())
    if (auto failure = run(kPostgresClock, {}, &answer)) return failure;
  clamp_rows(rows.upserts(), from_bigint(text_at(answer.rows.at(0), 0)), future_max_ms_);
  std::vector<Refusal> refusals;
  if (auto failure = upsert(rows.upserts(), RefusalsMax::kAnyNumber, &refusals)) return failure;
  rows.refuse(refusals, result);
  return finish_replay(rows);
}

PostgresStore::Failure PostgresStore::finish_replay(const ReplayRows& rows) {
  std::vector<int64_t> taken;
  for (size_t i = 0; i < rows.rows().size(); ++i)
    if (rows.taken(i)) taken.push_back(rows.rows()[i].id);
  if (taken.empty()) return std::nullopt;  // an empty array would mean all
  if (auto failure = run(kPostgresDropQuarantine, {id_array(taken)})) return failure;
  ArrayText agents, inputs, lines;
  for (const auto& [key, count] : rows.taken_lines()) {
    agents.add_text(key.first);
    inputs.add_text(key.second);
    lines.add_bits(count);
  }
  return run(kPostgresMoveLedgers, {agents.take(), inputs.take(), lines.take()});
}

Result<uint64_t> PostgresStore::drop_quarantined(const std::vector<int64_t>& ids) {
  const PostgresSession::Call call(session_);
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(kPostgresDropQuarantine, {id_array(ids)}, &answer))
    return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return uint64_t{answer.affected};
}

Result<bool> PostgresStore::forget_client(const std::string& client_id) {
  const PostgresSession::Call call(session_);
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = discover_id_column()) return to_status(*failure);
  if (auto failure = run(statements_.forget_client(), {client_id}, &answer))
    return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return answer.affected > 0;
}

Result<std::vector<StoredAgent>> PostgresStore::agents() {
  const PostgresSession::Call call(session_);
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(kPostgresReadAgents, {}, &answer)) return to_status(*failure);
  std::vector<StoredAgent> agents;
  for (const SqlRow& row : answer.rows) {
    StoredAgent& agent = agents.emplace_back();
    agent.agent_id = text_at(row, 0);
    agent.state.epoch = bits_from_bigint(text_at(row, 1));
    agent.state.batch = bits_from_bigint(text_at(row, 2));
    agent.seen_ms = from_bigint(text_at(row, 3));
    agent.seen_ago_ms = from_bigint(text_at(row, 4));
    if (auto failure = read_inputs(agent.agent_id, &agent.state)) return to_status(*failure);
  }
  if (auto failure = end()) return to_status(*failure);
  return agents;
}

Result<uint64_t> PostgresStore::change_positions(const std::string& agent_id,
                                                 const std::vector<PositionChange>& changes) {
  const PostgresSession::Call call(session_);
  uint64_t changed = 0;
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(kPostgresMoveFence, {agent_id}, &answer)) return to_status(*failure);
  for (const PositionChange& change : changes)
    if (auto failure = change_position(agent_id, change, &changed)) return to_status(*failure);
  if (auto failure = changed > 0 ? end() : roll_back()) return to_status(*failure);
  return changed;
}

Result<AgentRows> PostgresStore::take_positions(const std::string& from, const std::string& to,
                                                bool copy) {
  const PostgresSession::Call call(session_);
  AgentRows done;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = rewrite_agent(from, to, copy, &done)) return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return done;
}

// Fences first and in the order of their names, as everybody who takes more than one.
PostgresStore::Failure PostgresStore::rewrite_agent(const std::string& from, const std::string& to,
                                                    bool copy, AgentRows* done) {
  ArrayText agents;
  agents.add_text(from);
  agents.add_text(to);
  SqlAnswer answer;
  if (auto failure = run(kPostgresLockFences, {agents.take()})) return failure;
  if (auto failure = run(kPostgresMakeFence, {to})) return failure;
  if (auto failure = run(kPostgresOwnInputs, {from, to}, &answer)) return failure;
  for (const SqlRow& row : answer.rows) done->own.push_back(text_at(row, 0));
  if (auto failure = run(kPostgresCopyPositions, {from, to}, &answer)) return failure;
  done->streams = answer.affected;
  if (copy) return run(kPostgresCopyInputs, {from, to});
  if (auto failure = run(kPostgresCopyLedgers, {from, to})) return failure;
  if (auto failure = run(kPostgresTakeQuarantine, {from, to}, &answer)) return failure;
  done->quarantined = answer.affected;
  if (auto failure = run(kPostgresForgetAgentPositions, {from})) return failure;
  return run(kPostgresForgetFence, {from});
}

Result<AgentRows> PostgresStore::forget_agent(const std::string& agent_id,
                                              const std::string& witness) {
  const PostgresSession::Call call(session_);
  ArrayText agents;
  agents.add_text(agent_id);
  agents.add_text(witness);
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(kPostgresLockFences, {agents.take()})) return to_status(*failure);
  if (auto failure = run(kPostgresForgetAgentPositions, {agent_id}, &answer))
    return to_status(*failure);
  if (answer.affected > 0)
    if (auto failure = run(kPostgresMoveFence, {witness})) return to_status(*failure);
  if (auto failure = run(kPostgresForgetFence, {agent_id})) return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  AgentRows done;
  done.streams = answer.affected;
  return done;
}

PostgresStore::Failure PostgresStore::change_position(const std::string& agent_id,
                                                      const PositionChange& change,
                                                      uint64_t* changed) {
  SqlAnswer answer;
  Failure failure;
  if (change.stream.empty()) {
    failure = run(kPostgresForgetInput, {agent_id, change.input}, &answer);
  } else if (change.position) {
    failure = run(kPostgresSetPosition,
                  {agent_id, change.input, escape_bytes(change.stream),
                   std::to_string(static_cast<int64_t>(*change.position))},
                  &answer);
  } else {
    ArrayText inputs, streams;
    inputs.add_text(change.input);
    streams.add_text(escape_bytes(change.stream));
    failure = run(kPostgresForgetPositions, {agent_id, inputs.take(), streams.take()}, &answer);
  }
  *changed += answer.affected;
  return failure;
}

}  // namespace lastseen
