#include "store/postgres_statements.h"

#include <utility>

namespace lastseen {

// Milliseconds become a time through a double: exact to the microsecond until the year 5000.
#define MS_TO_TIME(ms) "to_timestamp((" ms ") / 1000::float8)"
#define TIME_TO_MS(time) "round(extract(epoch FROM " time ")::numeric * 1000)::bigint"

const char* const kPostgresClock = "SELECT " TIME_TO_MS("clock_timestamp()");

const char* const kPostgresFence =
    "UPDATE lastseen_agent SET batch = $3::bigint, seen_at = clock_timestamp() "
    "WHERE agent_id = $1 AND epoch = $2::bigint AND batch = $3::bigint - 1 "
    "RETURNING " TIME_TO_MS("clock_timestamp()") ", "
    "concat(to_regclass($4)::oid, '/', pg_relation_filenode(to_regclass($4)))";

const char* const kPostgresProbe =
    "SELECT epoch FROM lastseen_agent WHERE agent_id = $1 FOR UPDATE";

const char* const kPostgresReadFence =
    "SELECT epoch, batch FROM lastseen_agent WHERE agent_id = $1";

const char* const kPostgresTakeEpoch =
    "INSERT INTO lastseen_agent AS a (agent_id, epoch, batch, seen_at) "
    "VALUES ($1, 1, 0, clock_timestamp()) "
    "ON CONFLICT (agent_id) DO UPDATE SET epoch = a.epoch + 1, seen_at = clock_timestamp() "
    "RETURNING epoch, batch";

const char* const kPostgresReadLedgers =
    "SELECT p.input, c.key, c.value FROM lastseen_position p "
    "LEFT JOIN LATERAL jsonb_each_text(p.ledger) AS c ON true "
    "WHERE p.agent_id = $1 AND p.stream = '' ORDER BY p.input";

const char* const kPostgresReadPositions =
    "SELECT input, stream, path, position, discarding, device, inode, birth_ns, generation, "
    "head_bytes, head_hash, tail_bytes, tail_hash, size, " TIME_TO_MS("updated_at")
    " FROM lastseen_position WHERE agent_id = $1 AND stream <> '' ORDER BY input, stream";

const char* const kPostgresReadForeign =
    "SELECT agent_id, stream, path, position, discarding, device, inode, birth_ns, generation, "
    "head_bytes, head_hash, tail_bytes, tail_hash, size, " TIME_TO_MS("updated_at")
    " FROM lastseen_position WHERE agent_id <> $1 "
    "AND right(agent_id, length($2::text)) <> $2::text "
    "AND position > 0 AND tail_bytes > 0 AND head_bytes >= $3::bigint "
    "ORDER BY updated_at DESC LIMIT $4::bigint";

const char* const kPostgresWritePositions =
    "INSERT INTO lastseen_position (agent_id, input, stream, path, position, discarding, device, "
    "inode, birth_ns, generation, head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at) "
    "SELECT $1, input, stream, path, position, discarding <> 0, device, inode, birth_ns, "
    "generation, head_bytes, head_hash, tail_bytes, tail_hash, size, " MS_TO_TIME("updated_ms")
    " FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], "
    "$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], "
    "$14::bigint[], $15::bigint[], $16::bigint[]) AS u(input, stream, path, position, discarding, "
    "device, inode, birth_ns, generation, head_bytes, head_hash, tail_bytes, tail_hash, size, "
    "updated_ms) "
    "ON CONFLICT (agent_id, input, stream) DO UPDATE SET path = EXCLUDED.path, "
    "position = EXCLUDED.position, discarding = EXCLUDED.discarding, device = EXCLUDED.device, "
    "inode = EXCLUDED.inode, birth_ns = EXCLUDED.birth_ns, generation = EXCLUDED.generation, "
    "head_bytes = EXCLUDED.head_bytes, head_hash = EXCLUDED.head_hash, "
    "tail_bytes = EXCLUDED.tail_bytes, tail_hash = EXCLUDED.tail_hash, size = EXCLUDED.size, "
    "updated_at = EXCLUDED.updated_at";

const char* const kPostgresForgetPositions =
    "DELETE FROM lastseen_position p USING unnest($2::text[], $3::text[]) AS u(input, stream) "
    "WHERE p.agent_id = $1 AND p.input = u.input AND p.stream = u.stream AND p.stream <> ''";

// Added up by the database, in the transaction of the rows: counters that this version does not
// know stay as they are, and numeric keeps all 64 bits.
#define ADD_LEDGER                                                                         \
  "ON CONFLICT (agent_id, input, stream) DO UPDATE SET updated_at = EXCLUDED.updated_at, " \
  "ledger = (SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM "                    \
  "(SELECT key, sum(value::numeric) AS total "                                             \
  "FROM (SELECT * FROM jsonb_each_text(coalesce(p.ledger, '{}')) "                         \
  "UNION ALL SELECT * FROM jsonb_each_text(coalesce(EXCLUDED.ledger, '{}'))) AS both_of "  \
  "GROUP BY key) AS sums)"

const char* const kPostgresAddLedgers =
    "INSERT INTO lastseen_position AS p (agent_id, input, stream, ledger, updated_at) "
    "SELECT $1, u.input, '', u.delta, clock_timestamp() "
    "FROM unnest($2::text[], $3::text[]::jsonb[]) AS u(input, delta) " ADD_LEDGER;

const char* const kPostgresKnowInputs =
    "INSERT INTO lastseen_position (agent_id, input, stream, ledger, updated_at) "
    "SELECT $1, u.input, '', '{}', clock_timestamp() FROM unnest($2::text[]) AS u(input) "
    "ON CONFLICT (agent_id, input, stream) DO NOTHING";

const char* const kPostgresQuarantine =
    "INSERT INTO lastseen_quarantine (agent_id, epoch, batch, input, client_id, sqlstate, message, "
    "first_seen, last_seen, lines) "
    "SELECT $1, $2::bigint, $3::bigint, input, decode(id, 'hex'), sqlstate, "
    "message, " MS_TO_TIME("first_ms") ", " MS_TO_TIME("last_ms") ", lines "
    "FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], "
    "$10::bigint[]) AS u(input, id, sqlstate, message, first_ms, last_ms, lines)";

const char* const kPostgresReadQuarantined =
    "SELECT input, sum(lines)::bigint FROM lastseen_quarantine "
    "WHERE agent_id = $1 AND epoch = $2::bigint AND batch = $3::bigint GROUP BY input";

const char* const kPostgresReadNotAllowed =
    "SELECT input, coalesce(ledger->>'skipped.not_allowed', '0') FROM lastseen_position "
    "WHERE agent_id = $1 AND stream = ''";

#define THESE_IDS "(cardinality($1::bigint[]) = 0 OR id = ANY ($1::bigint[]))"
#define READ_QUARANTINE \
  "SELECT id, agent_id, input, encode(client_id, 'hex'), sqlstate, message, "        \
  TIME_TO_MS("first_seen") ", " TIME_TO_MS("last_seen") ", lines, "                  \
  TIME_TO_MS("created_at") " FROM lastseen_quarantine WHERE " THESE_IDS " ORDER BY id"

const char* const kPostgresReadQuarantine = READ_QUARANTINE;
const char* const kPostgresLockQuarantine = READ_QUARANTINE " FOR UPDATE";
const char* const kPostgresDropQuarantine = "DELETE FROM lastseen_quarantine WHERE " THESE_IDS;

const char* const kPostgresLockFences =
    "SELECT " TIME_TO_MS("clock_timestamp()") " FROM (SELECT FROM lastseen_agent "
    "WHERE agent_id = ANY ($1::text[]) ORDER BY agent_id FOR UPDATE) AS locked";

// Where totals were forgotten meanwhile fewer lines than these may stand there.
const char* const kPostgresMoveLedgers =
    "UPDATE lastseen_position p SET updated_at = clock_timestamp(), ledger = p.ledger || "
    "jsonb_build_object('quarantined', coalesce((p.ledger->>'quarantined')::numeric, 0) - "
    "least(u.lines, coalesce((p.ledger->>'quarantined')::numeric, 0)), "
    "'committed', coalesce((p.ledger->>'committed')::numeric, 0) + "
    "least(u.lines, coalesce((p.ledger->>'quarantined')::numeric, 0))) "
    "FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u(agent_id, input, lines) "
    "WHERE p.agent_id = u.agent_id AND p.input = u.input AND p.stream = '' "
    "AND p.ledger IS NOT NULL";

const char* const kPostgresReadAgents =
    "SELECT agent_id, epoch, batch, " TIME_TO_MS("seen_at") ", " TIME_TO_MS(
        "clock_timestamp() - seen_at") " FROM lastseen_agent ORDER BY agent_id";

// By kChangedByHand: the number of batches stays what it is, for a spill asks it.
#define CHANGED_BY_HAND "(1::bigint << 40)"
const char* const kPostgresMoveFence =
    "UPDATE lastseen_agent SET batch = batch + " CHANGED_BY_HAND " WHERE agent_id = $1";

const char* const kPostgresMakeFence =
    "INSERT INTO lastseen_agent AS a (agent_id, epoch, batch, seen_at) "
    "VALUES ($1, 0, 0, clock_timestamp()) ON CONFLICT (agent_id) DO UPDATE SET batch = a.batch "
    "+ " CHANGED_BY_HAND;

#define TO_HAS_NONE_OF_ITS_OWN                                                               \
  "NOT EXISTS (SELECT FROM lastseen_position o WHERE o.agent_id = $2 AND o.input = p.input " \
  "AND o.stream <> '')"

const char* const kPostgresCopyPositions =
    "INSERT INTO lastseen_position (agent_id, input, stream, path, position, discarding, device, "
    "inode, birth_ns, generation, head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at) "
    "SELECT $2, input, stream, path, position, discarding, device, inode, birth_ns, generation, "
    "head_bytes, head_hash, tail_bytes, tail_hash, size, updated_at "
    "FROM lastseen_position p WHERE p.agent_id = $1 AND p.stream <> '' "
    "AND " TO_HAS_NONE_OF_ITS_OWN;

const char* const kPostgresCopyInputs =
    "INSERT INTO lastseen_position (agent_id, input, stream, ledger, updated_at) "
    "SELECT $2, input, '', '{}', updated_at FROM lastseen_position p "
    "WHERE p.agent_id = $1 AND p.stream = '' ON CONFLICT (agent_id, input, stream) DO NOTHING";

const char* const kPostgresCopyLedgers =
    "INSERT INTO lastseen_position AS p (agent_id, input, stream, ledger, updated_at) "
    "SELECT $2, input, '', ledger, clock_timestamp() FROM lastseen_position "
    "WHERE agent_id = $1 AND stream = '' " ADD_LEDGER;

const char* const kPostgresOwnInputs =
    "SELECT DISTINCT p.input FROM lastseen_position p "
    "WHERE p.agent_id = $1 AND p.stream <> '' AND NOT " TO_HAS_NONE_OF_ITS_OWN " ORDER BY p.input";

// Of epoch 0: no batch of the new owner is theirs.
const char* const kPostgresTakeQuarantine =
    "UPDATE lastseen_quarantine SET agent_id = $2, epoch = 0, batch = 0 WHERE agent_id = $1";

const char* const kPostgresForgetAgentPositions =
    "DELETE FROM lastseen_position WHERE agent_id = $1";
const char* const kPostgresForgetFence = "DELETE FROM lastseen_agent WHERE agent_id = $1";

const char* const kPostgresSetPosition =
    "UPDATE lastseen_position SET position = $4::bigint, discarding = false, tail_bytes = 0, "
    "tail_hash = 0, updated_at = clock_timestamp() "
    "WHERE agent_id = $1 AND input = $2 AND stream = $3 AND stream <> ''";

const char* const kPostgresForgetInput =
    "DELETE FROM lastseen_position WHERE agent_id = $1 AND input = $2";

// A domain's base type is taken: an explicit cast to the domain would cut to its length, the
// assignment refuses. -1 and not NULL as type modifier: NULL writes `character`, which means one.
// Unique means what ON CONFLICT (id) can use: this one column, all rows, checked at once.
const char* const kPostgresIdColumn =
    "SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1), EXISTS ("
    "SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid "
    "AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 "
    "AND i.indkey[0] = a.attnum), "
    "(SELECT relkind IN ('v', 'm') FROM pg_class WHERE oid = a.attrelid) "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 "
    "AND NOT a.attisdropped";

const char* const kPostgresTableFacts =
    "SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1), "
    "CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 0 "
    "THEN a.atttypmod - 4 END, "
    "coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) "
    "WHERE option_name = 'fillfactor'), '100'), "
    "greatest(c.reltuples, 0)::bigint, "
    "(SELECT string_agg(i.indexrelid::regclass::text, ', ' ORDER BY 1) FROM pg_index i "
    "JOIN pg_attribute x ON x.attrelid = i.indrelid AND x.attnum = ANY (i.indkey) "
    "WHERE i.indrelid = c.oid AND x.attname = $3), "
    "round(extract(epoch FROM clock_timestamp()) * 1000)::bigint "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 "
    "JOIN pg_type t ON t.oid = a.atttypid WHERE c.oid = to_regclass($1)";

PostgresStatements::PostgresStatements(const StoreSettings& settings, TableName table)
    : table_(std::move(table)),
      columns_(settings.columns),
      timeout_statement_(settings.timeout_statement),
      timeout_lock_(settings.timeout_lock) {}

std::string PostgresStatements::begin() const {
  const std::string statement_ms = std::to_string(timeout_statement_);
  // A transaction whose agent vanished must not keep its locks: the server ends it.
  // Deferred constraints would refuse a row only at COMMIT, when nobody can tell which.
  std::string text =
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = " + statement_ms +
      "; SET LOCAL lock_timeout = " + std::to_string(timeout_lock_) +
      "; SET LOCAL idle_in_transaction_session_timeout = " + statement_ms +
      "; SET LOCAL TimeZone = 'UTC'; SET CONSTRAINTS ALL IMMEDIATE";
  if (!table_.schema.empty()) {
    // In front of the role's own path, which the table's triggers may rely on.
    std::string schema = quote_identifier(table_.schema);
    std::string literal;
    for (char c : schema) literal.append(c == '\'' ? 2 : 1, c);
    text += "; SELECT set_config('search_path', concat_ws(', ', '" + literal +
            "', nullif(current_setting('search_path'), '')), true)";
  }
  return text;
}

std::string PostgresStatements::upsert() const {
  const std::string id = quote_identifier(columns_.id);
  const std::string last_seen = quote_identifier(columns_.last_seen);
  const bool created = !columns_.created_at.empty();
  std::string text = "INSERT INTO " + table() + " AS t (" + id + ", " + last_seen;
  if (created) text += ", " + quote_identifier(columns_.created_at);
  text += ") SELECT u.id::" + id_type_ + ", " + MS_TO_TIME("u.seen");
  if (created) text += std::string(", ") + MS_TO_TIME("u.created");
  text += " FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u(id, seen, created)";
  text += " ON CONFLICT (" + id + ") DO UPDATE SET " + last_seen + " = EXCLUDED." + last_seen;
  // A row without a time is one that an application made and nobody has seen yet.
  text += " WHERE t." + last_seen + " IS NULL OR t." + last_seen + " < EXCLUDED." + last_seen;
  return text;
}

// Ids that are no uuid or number are common where ids are invented, and one that fails to be cast
// fails the statement: these two types are told apart here. NULL equals nothing.
std::string PostgresStatements::id_or_null(const std::string& text) const {
  if (id_type_ == "uuid")
    return "CASE WHEN " + text +
           " ~* '^(([0-9a-f]{4}-?){7}[0-9a-f]{4}|\\{([0-9a-f]{4}-?){7}[0-9a-f]{4}\\})$' THEN " +
           text + "::uuid END";
  if (id_type_ == "smallint" || id_type_ == "integer" || id_type_ == "bigint")
    return "CASE WHEN " + text + " ~ '^\\s*[-+]?[0-9]{1,18}\\s*$' THEN " + text + "::bigint END";
  return text + "::" + id_type_;
}

std::string PostgresStatements::absent() const {
  const std::string id = id_or_null("u.id");
  return "SELECT u.n FROM unnest($1::text[]) WITH ORDINALITY AS u(id, n) WHERE NOT EXISTS "
         "(SELECT FROM " +
         table() + " AS t WHERE t." + quote_identifier(columns_.id) + " = " + id + ")";
}

std::string PostgresStatements::clients_filter() const {
  const std::string last_seen = quote_identifier(columns_.last_seen);
  return " FROM " + table() + " WHERE isfinite(" + last_seen + ") AND ($1::text = '' OR " +
         last_seen +
         " >= clock_timestamp() - nullif($1::text, '')::float8 * interval '1 millisecond')"
         " AND ($2::text = '' OR " +
         last_seen +
         " < clock_timestamp() - nullif($2::text, '')::float8 * interval '1 millisecond')";
}

std::string PostgresStatements::clients(bool limited) const {
  const std::string id = quote_identifier(columns_.id);
  const std::string last_seen = quote_identifier(columns_.last_seen);
  const std::string created = quote_identifier(columns_.created_at);
  std::string text = "SELECT " + id + "::text, round(extract(epoch FROM " + last_seen +
                     ")::numeric * 1000)::bigint, ";
  if (columns_.created_at.empty())
    text += "NULL";
  else
    text += "CASE WHEN isfinite(" + created + ") THEN round(extract(epoch FROM " + created +
            ")::numeric * 1000)::bigint END";
  text += clients_filter() + " ORDER BY " + last_seen + " DESC, " + id;
  if (limited) text += " LIMIT $3::bigint";
  return text;
}

std::string PostgresStatements::count_clients() const {
  return "SELECT count(*)" + clients_filter();
}

std::string PostgresStatements::forget_client() const {
  return "DELETE FROM " + table() + " WHERE " + quote_identifier(columns_.id) + " = " +
         id_or_null("$1::text");
}

std::string PostgresStatements::own_table(std::string_view name) const {
  return quote_table({table_.schema, std::string(name)});
}

}  // namespace lastseen
