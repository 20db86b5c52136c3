#!/usr/bin/python3
"""Measures and writes build/bench/report.md and chart.svg: lastseen beside the yardsticks and the
other ways of doing the same, all sides of a comparison taking turns in one run. Ratios are what to
compare between machines; a difference under 15 % is noise. `--quick` shows in three minutes that
all of it works; its figures are rough."""
import argparse
import os
import platform
import signal
import subprocess
import sys
import time

import end_to_end
import feed_rates
import live
import micro
import profile_stages
import proxy
import reading
import upserts
from bench import Bench
from table import markdown, svg

PARTS = {"reading": reading, "end_to_end": end_to_end, "feeds": feed_rates, "upserts": upserts,
         "live": live, "proxy": proxy}


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    return f"{platform.platform()}, {os.cpu_count()} × {model}"


def measured(bench, names, broken):
    rows = []
    for name in names:
        start = time.monotonic()
        try:
            for row in PARTS[name].rows(bench):
                rows.append(row)
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            # Hours of others' figures are not lost with it.
            print(f"{name} broke off: {error}", file=sys.stderr)
            broken.append(name)
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--lastseen", help="the binary to measure; default: BUILD/lastseen")
    parser.add_argument("--lines", type=int, help="of a large log; default: a million")
    parser.add_argument("--rounds", type=int, help="default: 5, with --quick 3")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join([*PARTS, "parts", "profile"]),
                        help="comma-separated, of: " + " ".join([*PARTS, "parts", "profile"]))
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped then too
    build = os.path.abspath(args.build)
    bench = Bench(build, os.path.abspath(args.lastseen or f"{build}/lastseen"),
                  args.rounds or (3 if args.quick else 5),
                  args.lines or (100_000 if args.quick else 1_000_000), args.quick)
    only = args.only.split(",")
    broken = []
    rows = measured(bench, [name for name in PARTS if name in only], broken)
    report = [f"# Measured {time.strftime('%Y-%m-%d')} on {machine()}", "",
              f"Medians of {bench.rounds}, the sides of a comparison taking turns; spread is the "
              "slowest run over the fastest. The yardstick's own row has no ratio; beside peers "
              "the ratio says how many times cheaper lastseen is." +
              (" A quick run: rough figures." if args.quick else ""), "", *markdown(rows), ""]
    if "parts" in only:
        report += ["## Parts", "", *micro.table(bench), ""]
    if "profile" in only:
        report += ["## Instructions a line", "", *profile_stages.table(bench), ""]
    with open(f"{build}/report.md", "w", encoding="utf-8") as file:
        file.write("\n".join(report))
    if any(row.chart for row in rows):
        with open(f"{build}/chart.svg", "w", encoding="utf-8") as file:
            file.write(svg(rows, "Lines a CPU-second into PostgreSQL, its own CPU included"))
    print("\n".join(report))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
