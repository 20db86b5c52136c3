-- The agent's own tables: fence, positions with the ledger, rows that were refused.
-- Applied by `lastseen migrate`, or by `psql -f`; running it again changes nothing.
--
-- Numbers without a sign (device, inode, generation, position, size, hashes) are stored bit by bit
-- in bigint: values from 2^63 on show as negative. Only hashes are ever that large.
-- Text of foreign origin (stream, path) is printable ASCII; every other byte is \xHH and a
-- backslash is doubled, so that any file name fits a database of any encoding.

CREATE TABLE IF NOT EXISTS lastseen_schema (
  name       text        PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- The fence. A start takes epoch + 1; the commit of batch n moves batch from n - 1 to n or fails.
-- Updated once a commit: room on the page keeps the updates HOT.
CREATE TABLE IF NOT EXISTS lastseen_agent (
  agent_id text        PRIMARY KEY,
  epoch    bigint      NOT NULL,
  batch    bigint      NOT NULL,
  seen_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Where each input stands in each stream. The row with stream = '' is the input's own: it exists
-- since the input's first commit and holds the totals of its ledger as a flat object of counters.
CREATE TABLE IF NOT EXISTS lastseen_position (
  agent_id   text        NOT NULL,
  input      text        NOT NULL,
  stream     text        NOT NULL,
  path       text        NOT NULL DEFAULT '',
  position   bigint      NOT NULL DEFAULT 0,     -- bytes: start of the first line not yet counted
  discarding boolean     NOT NULL DEFAULT false, -- inside a line counted as line_too_long
  device     bigint      NOT NULL DEFAULT 0,     -- identity, factor 1, with inode
  inode      bigint      NOT NULL DEFAULT 0,
  birth_ns   bigint      NOT NULL DEFAULT 0,     -- factor 2: birth time ...
  generation bigint      NOT NULL DEFAULT 0,     -- ... or inode generation; 0: unknown
  head_bytes bigint      NOT NULL DEFAULT 0,     -- factor 3: hash of the first bytes
  head_hash  bigint      NOT NULL DEFAULT 0,
  tail_bytes bigint      NOT NULL DEFAULT 0,     -- factor 4: hash of the bytes before position
  tail_hash  bigint      NOT NULL DEFAULT 0,
  size       bigint      NOT NULL DEFAULT 0,     -- bytes: largest size seen
  ledger     jsonb,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (agent_id, input, stream)
) WITH (fillfactor = 50);

-- Rows that the table of clients refused: one a client and input of a batch.
CREATE TABLE IF NOT EXISTS lastseen_quarantine (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent_id   text        NOT NULL,
  epoch      bigint      NOT NULL,
  batch      bigint      NOT NULL,
  input      text        NOT NULL,
  client_id  bytea       NOT NULL, -- the bytes as they came: they may be what was refused
  sqlstate   text        NOT NULL,
  message    text        NOT NULL,
  first_seen timestamptz NOT NULL,
  last_seen  timestamptz NOT NULL,
  lines      bigint      NOT NULL, -- sightings of the client in that batch
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS lastseen_quarantine_batch
  ON lastseen_quarantine (agent_id, epoch, batch);

INSERT INTO lastseen_schema (name) VALUES ('0001_agent.sql') ON CONFLICT (name) DO NOTHING;
