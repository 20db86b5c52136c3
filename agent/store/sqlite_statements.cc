#include "store/sqlite_statements.h"

#include "store/sql_text.h"

namespace lastseen {

namespace {

constexpr const char* kNowText = "strftime('%Y-%m-%d %H:%M:%fZ', 'now')";

std::string upsert_text(const std::string& table, const ColumnNames& columns) {
  const std::string id = quote_identifier(columns.id);
  const std::string seen = quote_identifier(columns.last_seen);
  const bool created = !columns.created_at.empty();
  std::string text = "INSERT INTO " + quote_identifier(table) + " AS t (" + id + ", " + seen;
  if (created) text += ", " + quote_identifier(columns.created_at);
  text += std::string(") VALUES (?1, ?2") + (created ? ", ?3)" : ")");
  // A row without a time is one that an application made and nobody has seen yet.
  return text + " ON CONFLICT (" + id + ") DO UPDATE SET " + seen + " = excluded." + seen +
         " WHERE t." + seen + " IS NULL OR t." + seen + " < excluded." + seen;
}

}  // namespace

const char* const kSqliteReadLedgers =
    "SELECT p.input, c.key, c.value FROM lastseen_position p "
    "LEFT JOIN json_each(coalesce(p.ledger, '{}')) AS c "
    "WHERE p.agent_id = ?1 AND p.stream = '' ORDER BY p.input";

const char* const kSqliteReadPositions =
    "SELECT input, stream, path, position, discarding, device, inode, birth_ns, generation, "
    "head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at "
    "FROM lastseen_position WHERE agent_id = ?1 AND stream <> '' ORDER BY input, stream";

bool SqliteStore::Statements::prepare(SqliteConnection& connection, const std::string& table,
                                      const ColumnNames& columns) {
  const std::string now_text = kNowText, now_ms = kSqliteNowMs;
  const auto make = [&](SqliteStatement& statement, const std::string& text) {
    statement = connection.prepare(text);
    return static_cast<bool>(statement);
  };
  return make(take_epoch,
              "INSERT INTO lastseen_agent AS a (agent_id, epoch, batch, seen_at) "
              "VALUES (?1, 1, 0, " +
                  now_text +
                  ") ON CONFLICT (agent_id) DO UPDATE "
                  "SET epoch = a.epoch + 1, seen_at = excluded.seen_at RETURNING epoch, batch") &&
         make(fence, "UPDATE lastseen_agent SET batch = ?3, seen_at = " + now_text +
                         " WHERE agent_id = ?1 AND epoch = ?2 AND batch = ?3 - 1 RETURNING " +
                         now_ms) &&
         make(schema_version,
              "SELECT schema_version FROM pragma_schema_version "
              "WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)") &&
         make(read_fence, "SELECT epoch, batch FROM lastseen_agent WHERE agent_id = ?1") &&
         make(has_client, "SELECT 1 FROM " + quote_identifier(table) + " WHERE " +
                              quote_identifier(columns.id) + " = ?1") &&
         make(upsert, upsert_text(table, columns)) &&
         make(quarantine,
              "INSERT INTO lastseen_quarantine (agent_id, epoch, batch, input, sqlstate, message, "
              "first_seen, last_seen, lines, client_id) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)") &&
         make(read_quarantined,
              "SELECT input, sum(lines) FROM lastseen_quarantine "
              "WHERE agent_id = ?1 AND epoch = ?2 AND batch = ?3 GROUP BY input") &&
         make(read_not_allowed,
              "SELECT input, coalesce(json_extract(ledger, '$.\"skipped.not_allowed\"'), 0) "
              "FROM lastseen_position WHERE agent_id = ?1 AND stream = ''") &&
         make(write_position,
              "INSERT INTO lastseen_position (agent_id, input, stream, path, position, discarding, "
              "device, inode, birth_ns, generation, head_bytes, head_hash, tail_bytes, tail_hash, "
              "size, updated_at) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
              "ON CONFLICT (agent_id, input, stream) DO UPDATE SET path = excluded.path, "
              "position = excluded.position, discarding = excluded.discarding, "
              "device = excluded.device, inode = excluded.inode, birth_ns = excluded.birth_ns, "
              "generation = excluded.generation, head_bytes = excluded.head_bytes, "
              "head_hash = excluded.head_hash, tail_bytes = excluded.tail_bytes, "
              "tail_hash = excluded.tail_hash, size = excluded.size, "
              "updated_at = excluded.updated_at") &&
         make(forget_position,
              "DELETE FROM lastseen_position "
              "WHERE agent_id = ?1 AND input = ?2 AND stream = ?3 AND stream <> ''") &&
         // Added up by the database: counters that this version does not know stay as they are.
         make(add_ledger,
              "INSERT INTO lastseen_position AS p (agent_id, input, stream, ledger, updated_at) "
              "VALUES (?1, ?2, '', ?3, " +
                  now_text +
                  ") "
                  "ON CONFLICT (agent_id, input, stream) DO UPDATE SET updated_at = "
                  "excluded.updated_at, "
                  "ledger = (SELECT json_group_object(key, total) FROM (SELECT key, sum(value) AS "
                  "total "
                  "FROM (SELECT key, value FROM json_each(coalesce(p.ledger, '{}')) "
                  "UNION ALL SELECT key, value FROM json_each(excluded.ledger)) GROUP BY key)) "
                  "WHERE excluded.ledger <> '{}'") &&
         make(read_ledgers, kSqliteReadLedgers) && make(read_positions, kSqliteReadPositions);
}

}  // namespace lastseen
