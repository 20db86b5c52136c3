// The SQL text of the PostgreSQL store. Pure: names in, text out.
#pragma once

#include <string>

#include "config/config.h"
#include "store/sql_text.h"

namespace lastseen {

/// What one table of clients and one set of timeouts make of the statements. `id_type`: the id
/// column's type as the catalog writes it, without a length: an explicit cast to varchar(50)
/// would cut silently what the assignment refuses.
class PostgresStatements {
 public:
  PostgresStatements(const StoreSettings& settings, TableName table);

  void set_id_type(std::string type) { id_type_ = std::move(type); }
  bool id_type_known() const { return !id_type_.empty(); }

  /// Starts a transaction with its limits; everything in it is local to the transaction.
  std::string begin() const;
  /// Parameters: arrays of id, last_seen and created_at in milliseconds.
  std::string upsert() const;
  /// Parameter: array of id. Answers the places, from 1, of those that the table lacks.
  std::string absent() const;
  std::string clients(bool limited) const;  ///< $1, $2: see clients_filter(); $3: limit
  std::string count_clients() const;
  std::string forget_client() const;  ///< $1: the id
  /// $1, $2: milliseconds of active_within and inactive_for; empty text for none.
  std::string clients_filter() const;
  /// A table of the agent's own, for to_regclass().
  std::string own_table(std::string_view name) const;
  std::string table() const { return quote_table(table_); }
  const TableName& table_name() const { return table_; }
  const ColumnNames& columns() const { return columns_; }

 private:
  std::string id_or_null(const std::string& text) const;

  TableName table_;
  ColumnNames columns_;
  Milliseconds timeout_statement_;
  Milliseconds timeout_lock_;
  std::string id_type_;
};

/// Answers the server's clock in milliseconds.
extern const char* const kPostgresClock;
/// $1 agent, $2 epoch, $3 batch, $4 table for to_regclass(). Answers the server's clock in
/// milliseconds, and a text that changes when that table is made anew or emptied by TRUNCATE.
extern const char* const kPostgresFence;
/// $1 agent. Fails where nothing can be written.
extern const char* const kPostgresProbe;
/// $1 agent. Answers epoch and batch.
extern const char* const kPostgresReadFence;
/// $1 agent. Answers the new epoch, and batch.
extern const char* const kPostgresTakeEpoch;
/// $1 agent. One row a counter: input, name, value; NULLs for an input without counters.
extern const char* const kPostgresReadLedgers;
/// $1 agent. Answers input, stream and the columns of a position.
extern const char* const kPostgresReadPositions;
/// $1 agent, $2 the suffix of those that do not count, $3 shortest head, $4 limit. Answers agent,
/// stream and the columns of a position, newest first.
extern const char* const kPostgresReadForeign;
/// $1 agent, then arrays: input, stream, path, position, discarding, device, inode, birth_ns,
/// generation, head_bytes, head_hash, tail_bytes, tail_hash, size, updated_ms.
extern const char* const kPostgresWritePositions;
/// $1 agent, arrays of input and stream.
extern const char* const kPostgresForgetPositions;
/// $1 agent, arrays of input and ledger delta.
extern const char* const kPostgresAddLedgers;
/// $1 agent, array of inputs: makes the rows of those that never committed.
extern const char* const kPostgresKnowInputs;
/// $1 agent, $2 epoch, $3 batch, then arrays: input, id in hex, sqlstate, message, first_seen,
/// last_seen in milliseconds, lines.
extern const char* const kPostgresQuarantine;
/// $1 agent, $2 epoch, $3 batch. Answers input and lines.
extern const char* const kPostgresReadQuarantined;
/// $1 agent. Answers input and its total of skipped{not_allowed}.
extern const char* const kPostgresReadNotAllowed;
/// $1 array of ids, empty for all. Answers the columns of a QuarantinedRow, the client in hex.
extern const char* const kPostgresReadQuarantine;
/// The same, and locks the rows until the transaction ends.
extern const char* const kPostgresLockQuarantine;
/// $1 array of ids, empty for all.
extern const char* const kPostgresDropQuarantine;
/// $1 array of agents: their commits wait until the transaction ends. Answers the clock in ms.
extern const char* const kPostgresLockFences;
/// Arrays: agent, input, lines to move from `quarantined` to `committed`.
extern const char* const kPostgresMoveLedgers;
/// Answers agent, epoch, batch, seen_at and its age in milliseconds.
extern const char* const kPostgresReadAgents;
/// $1 agent: a commit that is prepared finds the store elsewhere than it left it.
extern const char* const kPostgresMoveFence;
/// $1 agent: the same, also of an agent that never started.
extern const char* const kPostgresMakeFence;
/// $1 from, $2 to. Copies positions, and makes their inputs known; none where `to` has its own.
extern const char* const kPostgresCopyPositions;
extern const char* const kPostgresCopyInputs;
/// $1 from, $2 to. Adds the totals of all inputs.
extern const char* const kPostgresCopyLedgers;
/// $1 from, $2 to. Answers inputs that have positions with both.
extern const char* const kPostgresOwnInputs;
/// $1 from, $2 to.
extern const char* const kPostgresTakeQuarantine;
/// $1 agent: its positions with its totals, and its fence.
extern const char* const kPostgresForgetAgentPositions;
extern const char* const kPostgresForgetFence;
/// $1 agent, $2 input, $3 stream, $4 position.
extern const char* const kPostgresSetPosition;
/// $1 agent, $2 input.
extern const char* const kPostgresForgetInput;
/// $1 table for to_regclass(), $2 column. Answers type and whether a unique index will do.
extern const char* const kPostgresIdColumn;
/// $1 table for to_regclass(), $2 id column, $3 last_seen column. Answers the id's type and its
/// length at most or NULL, fillfactor, rows, the indexes over last_seen or NULL, the clock in ms.
extern const char* const kPostgresTableFacts;

}  // namespace lastseen
