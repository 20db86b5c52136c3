"""A log into PostgreSQL: from the first byte to the last client in the table, with the CPU time of
the database. The peers are slower by a factor, so they read less of the same kind of log."""
import measure
import peers
from bench import Database
from table import Row, at_least

WHAT = "end to end into PostgreSQL, agent's and database's CPU"
LINES_PER_CPU_SECOND = 2_000_000


def rows(bench):
    """The peers' rows come after lastseen's; the ratio is lastseen's figure over theirs."""
    log = bench.json_log(bench.lines * 2)
    few = bench.json_log(max(bench.lines // 10, 10_000))
    fewest = bench.json_log(max(bench.lines // 50, 10_000))
    left_out = peers.missing(bench)
    with Database(bench) as database:
        sides = {
            "lastseen": (log, lambda: bench.once(log, database.store())),
            "Python script": (few, lambda: peers.python_script(database, few)),
            "Express buffer": (few, lambda: peers.express_buffer(bench, database, few)),
            "rsyslog": (fewest, lambda: peers.rsyslog(bench, database, fewest)),
        }
        sides = {who: side for who, side in sides.items() if who not in left_out}
        samples = measure.interleaved(
            {who: lambda run=run: database.fresh().costing(run)
             for who, (_, run) in sides.items()}, bench.rounds)
    yield from _rows({who: log for who, (log, _) in sides.items()}, samples)
    for who, why in left_out.items():
        yield Row(WHAT, f"{who}: left out ({why})", 0, "")


def _rows(logs, samples):
    costs_rows, wall_rows, memory_rows, own = [], [], [], {}
    for who, runs in samples.items():
        lines = logs[who].lines
        costs = [sample.cpu + sample.more["database_cpu"] for sample in runs]
        walls = [sample.wall for sample in runs]
        rate, speed = lines / measure.median(costs), lines / measure.median(walls)
        own = own or {"rate": rate, "speed": speed}
        row = Row(WHAT, who, rate, "lines/CPU-s", measure.spread(costs), own["rate"] / rate,
                  chart=True)
        if who == "lastseen":
            row.ratio = None
            row.target, row.met = at_least(rate, LINES_PER_CPU_SECOND,
                                           f"≥ {LINES_PER_CPU_SECOND:,}").values()
        costs_rows.append(row)
        wall_rows.append(Row("… by the wall", who, speed, "lines/s", measure.spread(walls),
                             None if who == "lastseen" else own["speed"] / speed))
        memory_rows.append(Row("… peak RSS of the process", who,
                               measure.median([sample.rss_bytes for sample in runs]) / 1e6, "MB"))
    return costs_rows + wall_rows + memory_rows
