"""How a thing is measured: child processes with their own CPU time, sides that take turns, medians
with their spread, and what /proc says of a process that runs."""
import contextlib
import glob
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from servers import children_of  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Sample:
    """One run. Seconds; `more`: what a side counted besides."""
    wall: float
    cpu: float
    rss_bytes: int = 0
    more: dict = field(default_factory=dict)


def run(command, **options):
    """Runs a command to its end, which must be a good one."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
    start = time.monotonic()
    with subprocess.Popen(command, **options) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {process.returncode}: {said.decode()[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def interleaved(sides, rounds):
    """{name: [Sample]} of {name: callable}. The sides take turns, so that a slow minute of the
    machine hits all of them; the first turn warms caches and is not counted."""
    samples = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            sample = side()
            if turn > 0:
                samples[name].append(sample)
    return samples


def median(values):
    return statistics.median(values)


def spread(values):
    """How far the slowest is above the fastest: 0.1 is 10 %."""
    return max(values) / min(values) - 1 if min(values) > 0 else 0.0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def threads_of(pid):
    return glob.glob(f"/proc/{pid}/task/*")


def cpu_seconds(pid):
    """Of all threads that live, to the nanosecond."""
    total = 0
    for thread in threads_of(pid):
        with contextlib.suppress(OSError):
            with open(f"{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9


def wake_ups(pid):
    """How often its threads went to sleep of their own, and so were woken."""
    total = 0
    for thread in threads_of(pid):
        with open(f"{thread}/status", encoding="ascii", errors="replace") as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def memory(pid):
    """{name: bytes} of smaps_rollup: Rss, Anonymous, ..."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                found[words[0].rstrip(":")] = int(words[1]) * 1024
    return found


def cpu_of_family(pid):
    """CPU seconds of a process, its children, and those that it has buried; to a clock tick."""
    fields = _stat(pid)
    total = sum(int(fields[at]) for at in (11, 12, 13, 14))  # utime stime cutime cstime
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            fields = _stat(child)
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def commands_of_children(pid):
    found = []
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{child}/cmdline", encoding="utf-8", errors="replace") as file:
                found.append(file.read().replace("\0", " "))
    return found


def _stat(pid):
    """The fields of proc(5) stat from the third on, which follows the name in brackets."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def settle(seconds):
    """Lets what was started come to rest."""
    time.sleep(seconds)


@contextlib.contextmanager
def background(command):
    """A process that runs beside the block and is ended with it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
