-- The agent's own tables: fence, positions with the ledger, rows that were refused.
-- The agent applies it itself; running it again changes nothing.
--
-- Numbers without a sign (device, inode, generation, position, size, hashes) are stored bit by bit
-- in 64-bit integers: values from 2^63 on show as negative. Only hashes are ever that large.
-- Text of foreign origin (stream, path) is printable ASCII; every other byte is \xHH and a
-- backslash is doubled.
-- Times are text, UTC, like 2026-11-21 22:45:05.123Z: with a blank, as datetime() writes it, so
-- that `last_seen < datetime('now', '-1 hour')` compares rightly, and all of one length, so that
-- the order of the text is the order in time.

CREATE TABLE IF NOT EXISTS lastseen_schema (
  name       TEXT NOT NULL PRIMARY KEY,
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ', 'now'))
) WITHOUT ROWID;

-- The fence. A start takes epoch + 1; the commit of batch n moves batch from n - 1 to n or fails.
CREATE TABLE IF NOT EXISTS lastseen_agent (
  agent_id TEXT    NOT NULL PRIMARY KEY,
  epoch    INTEGER NOT NULL,
  batch    INTEGER NOT NULL,
  seen_at  TEXT    NOT NULL
) WITHOUT ROWID;

-- Where each input stands in each stream. The row with stream = '' is the input's own: it exists
-- since the input's first commit and holds the totals of its ledger as a flat object of counters.
CREATE TABLE IF NOT EXISTS lastseen_position (
  agent_id   TEXT    NOT NULL,
  input      TEXT    NOT NULL,
  stream     TEXT    NOT NULL,
  path       TEXT    NOT NULL DEFAULT '',
  position   INTEGER NOT NULL DEFAULT 0, -- bytes: start of the first line not yet counted
  discarding INTEGER NOT NULL DEFAULT 0, -- inside a line counted as line_too_long
  device     INTEGER NOT NULL DEFAULT 0, -- identity, factor 1, with inode
  inode      INTEGER NOT NULL DEFAULT 0,
  birth_ns   INTEGER NOT NULL DEFAULT 0, -- factor 2: birth time ...
  generation INTEGER NOT NULL DEFAULT 0, -- ... or inode generation; 0: unknown
  head_bytes INTEGER NOT NULL DEFAULT 0, -- factor 3: hash of the first bytes
  head_hash  INTEGER NOT NULL DEFAULT 0,
  tail_bytes INTEGER NOT NULL DEFAULT 0, -- factor 4: hash of the bytes before position
  tail_hash  INTEGER NOT NULL DEFAULT 0,
  size       INTEGER NOT NULL DEFAULT 0, -- bytes: largest size seen
  ledger     TEXT,
  updated_at TEXT    NOT NULL,
  PRIMARY KEY (agent_id, input, stream)
) WITHOUT ROWID;

-- Rows that the table of clients refused: one a client and input of a batch.
CREATE TABLE IF NOT EXISTS lastseen_quarantine (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  agent_id   TEXT    NOT NULL,
  epoch      INTEGER NOT NULL,
  batch      INTEGER NOT NULL,
  input      TEXT    NOT NULL,
  client_id  BLOB    NOT NULL, -- the bytes as they came: they may be what was refused
  sqlstate   TEXT    NOT NULL,
  message    TEXT    NOT NULL,
  first_seen TEXT    NOT NULL,
  last_seen  TEXT    NOT NULL,
  lines      INTEGER NOT NULL, -- sightings of the client in that batch
  created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ', 'now'))
);

CREATE INDEX IF NOT EXISTS lastseen_quarantine_batch
  ON lastseen_quarantine (agent_id, epoch, batch);

INSERT INTO lastseen_schema (name) VALUES ('0001_agent.sql') ON CONFLICT (name) DO NOTHING;
