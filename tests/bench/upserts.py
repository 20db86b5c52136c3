"""Rows into PostgreSQL: the agent's way beside bare libpq, and a table written for hours."""
import json
import subprocess

import measure
from bench import Database
from table import Row, at_least, at_most

FLUSH_CLIENTS = 50_000   # flush.clients at its default: half of buffer.clients_max
CLIENTS = 10_000
ROUND_ROWS = 1_000_000   # of one measured turn


def rows(bench):
    with Database(bench) as database:
        for clients in (10_000, 1_000_000):
            yield from _beside_libpq(bench, database, clients)
        yield from _hours(bench, database)


def _upsert(bench, database, way, clients, batch, batches, from_batch):
    """A Sample whose wall and CPU time are those of the commits alone."""
    run = subprocess.run(
        [f"{bench.build}/tests/bench/upsert_speed", "--way", way, "--conninfo",
         database.conninfo(), "--clients", str(clients), "--batch", str(batch), "--batches",
         str(batches), "--from-batch", str(from_batch)],
        check=True, stdout=subprocess.PIPE)
    spent = json.loads(run.stdout)
    return measure.Sample(spent["wall"], spent["cpu"], more={"rows": spent["rows"]})


def _beside_libpq(bench, database, clients):
    """Both ways write the same table in turns, each time with later times."""
    database.fresh()
    batch = min(clients, FLUSH_CLIENTS)
    batches = max(1, (ROUND_ROWS // 10 if bench.quick else ROUND_ROWS) // batch)
    at = 0

    def turn(way):
        nonlocal at
        at += batches
        return database.costing(
            lambda: _upsert(bench, database, way, clients, batch, batches, at))

    _upsert(bench, database, "libpq", clients, clients, 1, 0)  # all rows are there
    samples = measure.interleaved({way: lambda way=way: turn(way)
                                   for way in ("libpq", "lastseen")}, bench.rounds)
    what = f"upserts, {clients:,} clients, batches of {batch:,}"
    rates = {}
    for way, runs in samples.items():
        walls = [sample.wall / sample.more["rows"] for sample in runs]
        rates[way] = 1 / measure.median(walls)
        row = Row(what, "bare libpq" if way == "libpq" else "lastseen", rates[way], "rows/s",
                  measure.spread(walls))
        if way == "lastseen":
            row.ratio = rates[way] / rates["libpq"]
            row.target, row.met = at_least(row.ratio, 0.9, "≥ 0.9 of libpq").values()
        yield row
    spent = {way: [(sample.cpu + sample.more["database_cpu"]) / sample.more["rows"]
                   for sample in runs] for way, runs in samples.items()}
    least = measure.median(spent["libpq"])
    for way, costs in spent.items():
        cost = measure.median(costs)
        row = Row("… CPU with the database's", "bare libpq" if way == "libpq" else way,
                  cost * 1e6, "µs/row", measure.spread(costs))
        if way == "lastseen":
            row.ratio = cost / least
            row.target, row.met = at_most(row.ratio, 1 / 0.9, "≤ 1.11 × libpq").values()
        yield row


def _hours(bench, database):
    """An hour of flushes, one a second and each with every client, back to back."""
    flushes = 120 if bench.quick else 3600
    what = f"{CLIENTS:,} active clients, {flushes:,} flushes back to back"
    database.fresh()
    _upsert(bench, database, "lastseen", CLIENTS, CLIENTS, 5, 0)
    # As any table in use, it has been read during a flush: then what was updated cannot be
    # pruned, and the table gains the room of one more version of each row, once. Back to back
    # autovacuum's ANALYZE of 8 ms does that in one minute of four; a second apart it cannot.
    with database.snapshot():
        _upsert(bench, database, "lastseen", CLIENTS, CLIENTS, 2, 5)
    before = _table(database)
    _upsert(bench, database, "lastseen", CLIENTS, CLIENTS, flushes, 10)
    database.query("SELECT pg_stat_clear_snapshot()")
    after = _table(database)
    changed = {name: after[name] - before[name] for name in before}
    hot = changed["hot"] / changed["updates"] * 100
    wal = changed["wal"] / changed["updates"]
    grown = after["bytes"] / before["bytes"]
    yield Row(what, "HOT updates", hot, "%", **at_least(hot, 99, "≥ 99 %"))
    yield Row(what, "WAL", wal, "B/row", **at_most(wal, 160, "≤ 160 B a row"))
    yield Row(what, "table and index", after["bytes"] / 1e6, "MB", None, grown,
              **at_most(grown, 1.05, "constant"))


def _table(database):
    database.query("SELECT pg_stat_force_next_flush()")
    measure.settle(0.5)  # the backend that wrote reports its counts as it ends
    [(updates, hot, size, wal)] = database.query(
        "SELECT n_tup_upd, n_tup_hot_upd, pg_total_relation_size(relid),"
        " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
        " FROM pg_stat_user_tables WHERE relname = 'client_activity'")
    return {"updates": int(updates), "hot": int(hot), "bytes": int(size), "wal": float(wal)}
