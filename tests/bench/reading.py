"""Reading alone: file → parse → dedup into `store: {type: discard}`, beside wc -l and grep -c. By
CPU time: one thread reads, and whoever else is on the machine does not count."""
import measure
from formats import FORMATS
from table import Row, at_least, at_most

def rows(bench):
    for wanted in FORMATS:
        yield from _beside_wc(bench, wanted)
    yield from _growth(bench)


def _beside_wc(bench, wanted):
    log = bench.log(wanted.name.replace(" ", "-").replace(",", ""), wanted.parser, bench.lines,
                    *wanted.options)
    sides = {
        "wc -l": lambda: measure.run(["wc", "-l", log.path]),
        "grep -c": lambda: measure.run(["grep", "-c", "client_id", log.path]),
        "lastseen": lambda: bench.once(log, {"type": "discard"}),
    }
    what = f"read {wanted.name}, {log.bytes / log.lines:.0f} B a line"
    samples = measure.interleaved(sides, bench.rounds)
    yardstick = measure.median([sample.cpu for sample in samples["wc -l"]])
    for who, runs in samples.items():
        costs = [sample.cpu for sample in runs]
        rate = log.lines / measure.median(costs)
        row = Row(what, who, rate, "lines/CPU-s", measure.spread(costs),
                  measure.median(costs) / yardstick if who != "wc -l" else None)
        if who == "lastseen":
            row.target, row.met = at_least(
                rate, wanted.target, f"≥ {wanted.target:,} a core").values()
        yield row


def _growth(bench):
    """CPU time a line with ten times as much of something. Start and end do not count: each is
    the difference to a run on an empty log."""
    lines = bench.lines // 10
    base = bench.log("grow-base", "json", lines, "--clients", "1000")
    empty = bench.log("grow-empty", "json", 0)
    tenth = [bench.log(f"grow-part{at}", "json", lines // 10, "--clients", "1000", "--seed",
                       str(at + 2)) for at in range(10)]
    cases = {
        "lines": (base, bench.log("grow-lines", "json", lines * 10, "--clients", "1000")),
        "clients": (base, bench.log("grow-clients", "json", lines, "--clients", "10000")),
        "files": (base, tenth),
    }
    for name, (one, ten) in cases.items():
        sides = {"empty": empty, "one": one, "ten": ten}
        samples = measure.interleaved(
            {side: lambda log=log: bench.once(log, {"type": "discard"})
             for side, log in sides.items()}, bench.rounds)
        start = measure.median([sample.cpu for sample in samples["empty"]])
        grown = one.lines * 10 if name == "lines" else one.lines
        before = (measure.median([sample.cpu for sample in samples["one"]]) - start) / one.lines
        walls = [sample.cpu for sample in samples["ten"]]
        after = (measure.median(walls) - start) / grown
        yield Row(f"growth: 10 × the {name}", "lastseen", after * 1e9, "ns CPU a line",
                  measure.spread(walls), after / before,
                  **at_most(after / before, 1.15, "≤ 1.15 × a line"))
