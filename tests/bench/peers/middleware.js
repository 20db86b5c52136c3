// What many would put into an Express application: a middleware that notes the client of each
// request in a buffer, which goes into the table when it holds 100 clients, and each second.
"use strict";

const ENTRIES_MAX = 100;
const INTERVAL_MS = 1000;

class ActivityBuffer {
  constructor(pool) {
    this.pool = pool;
    this.seen = new Map();
    this.flushing = Promise.resolve();
    this.timer = setInterval(() => this.flush(), INTERVAL_MS);
  }

  middleware() {
    return (request, response, next) => {
      const id = (request.body && request.body.client_id) || request.query.client_id;
      if (typeof id === "string" && id !== "") this.note(id, request.at);
      next();
    };
  }

  note(id, at) {
    const known = this.seen.get(id);
    if (known === undefined || known < at) this.seen.set(id, at);
    if (this.seen.size >= ENTRIES_MAX) this.flush();
  }

  // One after the other: two at once would wait for each other's rows.
  flush() {
    if (this.seen.size === 0) return this.flushing;
    const rows = [...this.seen].sort(([a], [b]) => (a < b ? -1 : 1));
    this.seen = new Map();
    this.flushing = this.flushing.then(() => this.write(rows));
    return this.flushing;
  }

  async write(rows) {
    const places = rows.map((_, at) => {
      const time = `to_timestamp($${2 * at + 2}::float8)`;
      return `($${2 * at + 1}, ${time}, ${time})`;
    });
    await this.pool.query(
      `INSERT INTO client_activity AS t (client_id, last_seen, created_at) VALUES ${places.join(",")}
       ON CONFLICT (client_id) DO UPDATE SET last_seen = GREATEST(t.last_seen, EXCLUDED.last_seen)`,
      rows.flat());
  }

  async close() {
    clearInterval(this.timer);
    await this.flush();
  }
}

module.exports = { ActivityBuffer };
