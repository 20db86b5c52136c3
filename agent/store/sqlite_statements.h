// The prepared statements of the SQLite store.
#pragma once

#include <string>

#include "config/config.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_store.h"

namespace lastseen {

/// SQLite's clock in milliseconds since 1970. julianday() counts days since noon of 4714 BC; its
/// milliseconds are exact.
inline constexpr const char* kSqliteNowMs =
    "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

/// ?1 agent. One row a counter: input, name, value; NULLs for an input without counters.
extern const char* const kSqliteReadLedgers;
/// ?1 agent. Answers input, stream and the columns of a position.
extern const char* const kSqliteReadPositions;

struct SqliteStore::Statements {
  SqliteStatement take_epoch;      // agent, time → epoch, batch
  SqliteStatement fence;           // agent, epoch, batch → the clock in milliseconds
  SqliteStatement schema_version;  // table → the number of the schema, if the table exists
  SqliteStatement read_fence;      // agent → epoch, batch
  SqliteStatement has_client;      // id → a row, if the table has it
  SqliteStatement upsert;          // id, last_seen, created_at
  SqliteStatement quarantine;  // agent, epoch, batch, input, id, sqlstate, message, times, lines
  SqliteStatement read_quarantined;  // agent, epoch, batch → input, lines
  SqliteStatement read_not_allowed;  // agent → input, total of skipped{not_allowed}
  SqliteStatement write_position;    // agent, input, the columns
  SqliteStatement forget_position;   // agent, input, stream
  SqliteStatement add_ledger;        // agent, input, delta
  SqliteStatement read_ledgers;      // agent → input, name, value
  SqliteStatement read_positions;    // agent → input, the columns

  /// False: the connection knows why.
  bool prepare(SqliteConnection& connection, const std::string& table, const ColumnNames& columns);
};

}  // namespace lastseen
