"""Reading alone: file → parse → dedup into `store: {type: discard}`, beside wc -l and grep -c. By
CPU time: one thread reads, and whoever else is on the machine does not count. Nor does the start
of lastseen, which a run on an empty log tells: loading its libraries takes as long as 100,000
lines."""
import concurrent.futures
import time
from dataclasses import replace

import measure
from formats import FORMATS, GIGABYTES
from table import Row, at_least, at_most

def rows(bench):
    for wanted in FORMATS:
        yield from _beside_wc(bench, wanted)
    yield _start(bench)
    yield from _growth(bench)
    yield from _two_threads(bench)


def _run_on_nothing(bench):
    """What a run costs besides its lines."""
    return bench.once(bench.log("grow-empty", "json", 0), {"type": "discard"})


def _start(bench):
    costs = [_run_on_nothing(bench).cpu for _ in range(bench.rounds)]
    return Row("start and end on an empty log", "lastseen", measure.median(costs) * 1e3, "ms CPU",
               measure.spread(costs))


def _two_threads(bench):
    """By wall time: one file with two threads, and two processes with half of the lines each."""
    whole = bench.json_log(bench.lines * 2)
    half = bench.json_log()
    discard = {"type": "discard"}

    def two_processes():
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(bench.once, half, discard) for _ in range(2)]:
                done.result()
        return measure.Sample(time.monotonic() - start, 0)

    samples = measure.interleaved({
        "two processes, a file each": two_processes,
        "ingest.threads: 2": lambda: bench.once(whole, discard, ingest={"threads": 2}),
    }, bench.rounds)
    rates = {}
    for who, runs in samples.items():
        walls = [sample.wall for sample in runs]
        rates[who] = whole.lines / measure.median(walls)
        row = Row("read nginx json on two cores", who, rates[who], "lines/s", measure.spread(walls))
        if len(rates) == 2:
            row.ratio = rates[who] / rates["two processes, a file each"]
            row.target, row.met = at_least(row.ratio, 0.9, "≥ 0.9 of two processes").values()
        yield row


def _beside_wc(bench, wanted):
    log = bench.log(wanted.name.replace(" ", "-").replace(",", ""), wanted.parser, bench.lines,
                    *wanted.options)
    sides = {
        "wc -l": lambda: measure.run(["wc", "-l", log.path]),
        "grep -c": lambda: measure.run(["grep", "-c", "client_id", log.path]),
        "lastseen": lambda: bench.once(log, {"type": "discard"}),
        "start": lambda: _run_on_nothing(bench),
    }
    what = f"read {wanted.name}, {log.bytes / log.lines:.0f} B a line"
    samples = measure.interleaved(sides, bench.rounds)
    start = measure.median([sample.cpu for sample in samples.pop("start")])
    yardstick = measure.median([sample.cpu for sample in samples["wc -l"]])
    for who, runs in samples.items():
        costs = [sample.cpu - (start if who == "lastseen" else 0) for sample in runs]
        rate = log.lines / measure.median(costs)
        row = Row(what, who, rate, "lines/CPU-s", measure.spread(costs),
                  measure.median(costs) / yardstick if who != "wc -l" else None)
        if who == "lastseen" and wanted.target:
            row.target, row.met = at_least(
                rate, wanted.target, f"≥ {wanted.target:,} a core").values()
        elif who == "lastseen":
            row.target, row.met = at_least(rate * log.bytes / log.lines, GIGABYTES * 1e9,
                                           f"≥ {GIGABYTES} GB/s a core").values()
        yield row


def _growth(bench):
    """CPU time a line with ten times as much of something. Start and end do not count: each is
    the difference to a run on an empty log."""
    lines = bench.lines
    base = bench.log("grow-base", "json", lines, "--clients", "1000")
    empty = bench.log("grow-empty", "json", 0)
    tenth = [bench.log(f"grow-part{at}", "json", lines // 10, "--clients", "1000", "--seed",
                       str(at + 2)) for at in range(10)]
    parts = replace(base, path=tenth[0].path.replace("grow-part0", "grow-part*"))
    cases = {
        "lines": (bench.log("grow-tenth", "json", lines // 10, "--clients", "1000"), base),
        "clients": (base, bench.log("grow-clients", "json", lines, "--clients", "10000")),
        "files": (base, parts),
    }
    for name, (one, ten) in cases.items():
        sides = {"empty": empty, "one": one, "ten": ten}
        samples = measure.interleaved(
            {side: lambda log=log: bench.once(log, {"type": "discard"})
             for side, log in sides.items()}, bench.rounds)
        start = measure.median([sample.cpu for sample in samples["empty"]])
        before = (measure.median([sample.cpu for sample in samples["one"]]) - start) / one.lines
        walls = [sample.cpu for sample in samples["ten"]]
        after = (measure.median(walls) - start) / ten.lines
        yield Row(f"growth: 10 × the {name}", "lastseen", after * 1e9, "ns CPU a line",
                  measure.spread(walls), after / before,
                  **at_most(after / before, 1.15, "≤ 1.15 × a line"))
