"""The Google Benchmarks that the build made, as a table of their own."""
import glob
import json
import subprocess

NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
RATES = ("items_per_second", "bytes_per_second")
NO_COUNTER = {*RATES, "real_time", "cpu_time"}


def table(bench):
    lines = ["| benchmark | ns | per second | other counters |", "|---|---:|---|---|"]
    for binary in sorted(glob.glob(f"{bench.build}/tests/bench/*_bench")):
        lines += [_line(found) for found in _medians(binary, bench)]
    return lines


def _medians(binary, bench):
    options = [f"--benchmark_repetitions={bench.rounds}",
               "--benchmark_report_aggregates_only=true", "--benchmark_format=json"]
    if bench.quick:
        options.append("--benchmark_min_time=0.05")
    run = subprocess.run([binary, *options], check=True, capture_output=True)
    return [found for found in json.loads(run.stdout)["benchmarks"]
            if found.get("aggregate_name") == "median"]


def _line(found):
    nanoseconds = found["real_time"] * NANOSECONDS[found["time_unit"]]
    rates = [f"{found[name]:,.0f} {name.split('_')[0]}" for name in RATES if name in found]
    others = [f"{name} {value:g}" for name, value in found.items()
              if isinstance(value, float) and name not in NO_COUNTER]
    return (f"| {found['run_name']} | {nanoseconds:,.1f} | {', '.join(rates)} | "
            f"{', '.join(others)} |")
