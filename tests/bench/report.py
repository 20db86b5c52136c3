#!/usr/bin/python3
"""Measures and writes build/bench/report.md: whole-process runs beside `wc -l`, interleaved, and
the Google Benchmarks found in the build directory. Ratios of one run are what to compare between
machines; a difference under 15 % is noise."""
import argparse
import glob
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

CONFIG = """\
agent_id: bench
inputs:
  - {{name: log, path: "{log}", start: begin, parser: {parser}}}
store: {store}
state_dir: "{directory}"
control: {{socket: "{directory}/control.sock"}}
log: {{level: warn}}
"""


def timed(command, **options):
    """Runs a command; returns wall seconds and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


class Log:
    def __init__(self, build, name, parser, lines, *options):
        self.name, self.parser, self.lines = name, parser, lines
        self.path = os.path.join(build, f"{name}-{lines}.log")
        if not os.path.exists(self.path):
            partial = self.path + ".partial"
            subprocess.run([f"{build}/tests/bench/generate_log", "--lines", str(lines), *options],
                           check=True, stdout=open(partial, "wb"))
            os.rename(partial, self.path)
        self.bytes = os.path.getsize(self.path)


def measure(lastseen, log, store, rounds, directory):
    """Rows of (name, median wall, spread, median CPU), the sides taking turns."""
    config = os.path.join(directory, f"{log.name}.yaml")
    sides = {"wc -l": [], f"lastseen, {store}": []}
    for _ in range(rounds + 1):  # the first round warms the page cache and is not counted
        sides["wc -l"].append(timed(["wc", "-l", log.path]))
        # A directory of its own: no position of the round before.
        with tempfile.TemporaryDirectory(dir=directory) as own:
            with open(config, "w", encoding="utf-8") as file:
                settings = "{type: discard}"
                if store == "sqlite":
                    settings = f'{{type: sqlite, path: "{own}/lastseen.db"}}'
                file.write(CONFIG.format(log=log.path, parser=log.parser, store=settings,
                                         directory=own))
            sides[f"lastseen, {store}"].append(timed([lastseen, "run", "--once", "-c", config],
                                                     stderr=subprocess.DEVNULL))
    for name, runs in sides.items():
        walls = [wall for wall, _ in runs[1:]]
        yield (name, statistics.median(walls), max(walls) / min(walls) - 1,
               statistics.median([cpu for _, cpu in runs[1:]]))


def whole_process(args, directory):
    lines = ["| log | who | seconds | spread | lines/s | lines per CPU-s | × wc -l |",
             "|---|---|---|---|---|---|---|"]
    for log, store in ((Log(args.build, "json", "json", args.lines), "discard"),
                       (Log(args.build, "json", "json", args.lines), "sqlite"),
                       (Log(args.build, "json-last", "json", args.lines, "--body", "last"),
                        "discard"),
                       (Log(args.build, "combined", "combined", args.lines, "--format",
                            "combined"), "discard")):
        yardstick = None
        for name, wall, spread, cpu in measure(args.lastseen, log, store, args.rounds, directory):
            yardstick = yardstick or wall
            lines.append(f"| {log.name}, {log.bytes / log.lines:.0f} B a line | {name} | "
                         f"{wall:.3f} | {spread:.0%} | {log.lines / wall:,.0f} | "
                         f"{log.lines / max(cpu, 1e-9):,.0f} | {wall / yardstick:.1f} |")
    return lines


def micro(build, rounds):
    """Every Google Benchmark there is, as medians."""
    lines = ["| benchmark | ns | per second | other counters |", "|---|---|---|---|"]
    for binary in sorted(glob.glob(f"{build}/tests/bench/*_bench")):
        run = subprocess.run([binary, f"--benchmark_repetitions={rounds}",
                              "--benchmark_report_aggregates_only=true",
                              "--benchmark_format=json"], check=True, capture_output=True)
        for bench in json.loads(run.stdout)["benchmarks"]:
            if bench.get("aggregate_name") != "median":
                continue
            known = {"items_per_second", "bytes_per_second"}
            rates = [f"{bench[k]:,.0f} {k.split('_')[0]}" for k in sorted(known) if k in bench]
            others = [f"{k} {v:g}" for k, v in bench.items()
                      if isinstance(v, float) and k not in known | {"real_time", "cpu_time"}]
            unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[bench["time_unit"]]
            lines.append(f"| {bench['run_name']} | {bench['real_time'] * unit:,.1f} | "
                         f"{', '.join(rates)} | {', '.join(others)} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--lastseen", default="build/bench/lastseen")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        report = [f"# Measured on {platform.platform()}, {os.cpu_count()} CPUs", "",
                  f"Medians of {args.rounds}, the sides of a pair taking turns; spread is the "
                  "slowest run over the fastest. Whole process: start, reading, commit, end.", "",
                  *whole_process(args, directory), "", "## Parts", "",
                  *micro(args.build, args.rounds), ""]
    text = "\n".join(report)
    with open(f"{args.build}/report.md", "w", encoding="utf-8") as file:
        file.write(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
