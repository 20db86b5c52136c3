#include "store/postgres_store.h"

#include <utility>

#include "base/secret_file.h"
#include "store/postgres_conninfo.h"
#include "store/postgres_errors.h"
#include "store/sqlstate.h"

namespace lastseen {

namespace {

// Columns are NOT NULL where this is used; a NULL reads as empty.
const std::string& text_of(const std::optional<std::string>& column) {
  static const std::string kEmpty;
  return column ? *column : kEmpty;
}

Position read_position(const SqlRow& row) {
  Position position;
  position.stream = unescape_bytes(text_of(row[1]));
  position.path = unescape_bytes(text_of(row[2]));
  position.position = bits_from_bigint(text_of(row[3]));
  position.discarding = text_of(row[4]) == "t";
  position.device = bits_from_bigint(text_of(row[5]));
  position.inode = bits_from_bigint(text_of(row[6]));
  position.birth_ns = from_bigint(text_of(row[7]));
  position.generation = bits_from_bigint(text_of(row[8]));
  position.head_bytes = static_cast<uint32_t>(from_bigint(text_of(row[9])));
  position.head_hash = bits_from_bigint(text_of(row[10]));
  position.tail_bytes = static_cast<uint32_t>(from_bigint(text_of(row[11])));
  position.tail_hash = bits_from_bigint(text_of(row[12]));
  position.size = bits_from_bigint(text_of(row[13]));
  position.updated_ms = from_bigint(text_of(row[14]));
  return position;
}

std::string duration_parameter(const std::optional<int64_t>& duration_ms) {
  return duration_ms ? std::to_string(*duration_ms) : "";
}

}  // namespace

PostgresStore::PostgresStore(const StoreSettings& settings, TableName table, std::string conninfo,
                             Milliseconds future_max_ms, Log& log)
    : statements_(settings, std::move(table)),
      future_max_ms_(future_max_ms),
      conninfo_(std::move(conninfo)),
      password_file_(settings.password_file),
      log_(log) {}

PostgresStore::Failure PostgresStore::connect() {
  if (session_.connected()) return std::nullopt;
  std::string conninfo = conninfo_;
  if (!password_file_.empty()) {
    const auto password = read_secret_file(password_file_);
    if (!password)
      return StoreError{StoreTrouble::kHolding, "",
                        "store.password_file: " + password.status().message()};
    conninfo = with_password(std::move(conninfo), *password);
  }
  if (const auto error = session_.connect(conninfo)) return connect_error(*error);
  log_.debug("connected to PostgreSQL", {{"user", session_.user()}});
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::begin() {
  if (auto failure = connect()) return failure;
  const SqlAnswer answer = session_.run(statements_.begin());
  if (answer.error) return fail(*answer.error);
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::end() {
  const SqlAnswer answer = session_.run("COMMIT");
  if (answer.error) return fail(*answer.error);
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::roll_back() {
  const SqlAnswer answer = session_.run("ROLLBACK");
  if (answer.error) return fail(*answer.error);
  return std::nullopt;
}

// Ends the transaction that `error` broke, and says what it means.
StoreError PostgresStore::fail(const SqlError& error, bool migrating) {
  StoreError store_error =
      statement_error(error, {statements_.table_name(), session_.user(), migrating});
  // 42: names, types or rights are not what they were when the catalog was read.
  if (error.sqlstate.starts_with("42")) statements_.set_id_type("");
  const bool keep = session_.connected() && store_error.trouble != StoreTrouble::kUnreachable;
  if (!keep || session_.run("ROLLBACK").error) session_.disconnect();
  return store_error;
}

PostgresStore::Failure PostgresStore::run(const std::string& sql,
                                          const std::vector<std::string>& parameters,
                                          SqlAnswer* answer) {
  SqlAnswer result = session_.run(sql, parameters);
  if (result.error) return fail(*result.error);
  if (answer) *answer = std::move(result);
  return std::nullopt;
}

StoreResult<AgentState> PostgresStore::load(const std::string& agent_id) {
  const PostgresSession::Call call(session_);
  statements_.set_id_type("");
  table_seen_.clear();
  AgentState state;
  if (auto failure = begin()) return *failure;
  if (auto failure = check_schema()) return *failure;
  if (auto failure = take_epoch(agent_id, &state)) return *failure;
  if (auto failure = read_inputs(agent_id, &state)) return *failure;
  if (auto failure = read_foreign(agent_id, &state)) return *failure;
  if (auto failure = end()) {
    failure->perhaps_done = true;
    return *failure;
  }
  return state;
}

std::optional<StoreError> PostgresStore::probe(const std::string& agent_id) {
  const PostgresSession::Call call(session_);
  if (auto failure = begin()) return failure;
  if (auto failure = check_schema()) return failure;
  if (auto failure = run(kPostgresProbe, {agent_id})) return failure;
  return roll_back();
}

PostgresStore::Failure PostgresStore::take_epoch(const std::string& agent_id, AgentState* state) {
  SqlAnswer answer;
  if (auto failure = run(kPostgresTakeEpoch, {agent_id}, &answer)) return failure;
  state->epoch = bits_from_bigint(text_of(answer.rows.at(0)[0]));
  state->batch = bits_from_bigint(text_of(answer.rows.at(0)[1]));
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::read_inputs(const std::string& agent_id, AgentState* state) {
  SqlAnswer ledgers, positions;
  if (auto failure = run(kPostgresReadLedgers, {agent_id}, &ledgers)) return failure;
  if (auto failure = run(kPostgresReadPositions, {agent_id}, &positions)) return failure;
  for (const SqlRow& row : ledgers.rows) {
    if (state->inputs.empty() || state->inputs.back().name != text_of(row[0]))
      state->inputs.push_back({text_of(row[0]), {}, {}});
    // A counter of a newer version stays in the table and is of no use here.
    if (row[1]) state->inputs.back().totals.set(*row[1], from_count(text_of(row[2])));
  }
  for (const SqlRow& row : positions.rows)
    for (AgentState::Input& input : state->inputs)
      if (input.name == text_of(row[0])) input.positions.push_back(read_position(row));
  return std::nullopt;
}

PostgresStore::Failure PostgresStore::read_foreign(const std::string& agent_id, AgentState* state) {
  if (agent_id.ends_with(kBackfillSuffix)) return std::nullopt;
  SqlAnswer answer;
  const std::vector<std::string> parameters = {agent_id, std::string(kBackfillSuffix),
                                               std::to_string(kHeadBytesProof),
                                               std::to_string(kForeignPositionsMax)};
  if (auto failure = run(kPostgresReadForeign, parameters, &answer)) return failure;
  state->foreign.reserve(answer.rows.size());
  for (const SqlRow& row : answer.rows)
    state->foreign.push_back({text_of(row[0]), read_position(row)});
  return std::nullopt;
}

Result<SqlAnswer> PostgresStore::ask_clients(const std::string& sql, const ClientsQuery& query) {
  const PostgresSession::Call call(session_);
  std::vector<std::string> parameters = {duration_parameter(query.active_within_ms),
                                         duration_parameter(query.inactive_for_ms)};
  if (query.limit) parameters.push_back(std::to_string(*query.limit));
  SqlAnswer answer;
  if (auto failure = begin()) return to_status(*failure);
  if (auto failure = run(sql, parameters, &answer)) return to_status(*failure);
  if (auto failure = end()) return to_status(*failure);
  return answer;
}

Result<std::vector<ClientRow>> PostgresStore::clients(const ClientsQuery& query) {
  auto answer = ask_clients(statements_.clients(query.limit.has_value()), query);
  if (!answer) return answer.status();
  std::vector<ClientRow> rows;
  rows.reserve(answer->rows.size());
  for (const SqlRow& row : answer->rows) {
    rows.push_back({text_of(row[0]), from_bigint(text_of(row[1])), std::nullopt});
    if (row[2]) rows.back().created_at_ms = from_bigint(*row[2]);
  }
  return rows;
}

Result<uint64_t> PostgresStore::count_clients(const ClientsQuery& query) {
  ClientsQuery unlimited = query;
  unlimited.limit.reset();
  auto answer = ask_clients(statements_.count_clients(), unlimited);
  if (!answer) return answer.status();
  return from_count(text_of(answer->rows.at(0)[0]));
}

Result<std::unique_ptr<Store>> make_postgres_store(const StoreSettings& settings,
                                                   Milliseconds future_max_ms, bool read_only,
                                                   Log& log) {
  auto table = parse_table_name(settings.table);
  if (!table) return table.status();
  auto conninfo = postgres_conninfo(settings, read_only);
  if (!conninfo) return conninfo.status();
  return std::unique_ptr<Store>(
      std::make_unique<PostgresStore>(settings, *table, *conninfo, future_max_ms, log));
}

}  // namespace lastseen
