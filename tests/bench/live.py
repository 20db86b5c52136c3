"""The agent as it runs for months: how soon a line is a row, and what it costs meanwhile."""
import os
import tempfile
import threading
import time

import measure
from bench import Database
from table import Row, at_most

FILES = 1_000
RATE = 10_000  # lines a second of a steady load
MB = 1e6


def rows(bench):
    with Database(bench) as database, tempfile.TemporaryDirectory(prefix="ls-bench-") as directory:
        for interval_ms in (1000, 0):
            yield _visible(bench, database, directory, interval_ms)
        yield _start(bench, database, directory)
        yield from _steady_and_idle(bench, database, directory)
        for clients, bounds in ((10_000, {"Anonymous": 8, "Rss": 24}), (1_000_000, {"Rss": 150})):
            yield from _memory(bench, database, clients, bounds)


class Running:
    """An agent on a log, ended with the block."""

    def __init__(self, bench, log, database, **changes):
        self.agent = bench.agent(log, database.store(), **changes)

    def __enter__(self):
        self.agent.start()
        return self.agent

    def __exit__(self, *_):
        self.agent.destroy()


def _visible(bench, database, directory, interval_ms):
    """A line each 5 ms, its client numbered; one query tells the highest number in the table."""
    database.fresh()
    path = os.path.join(directory, f"visible-{interval_ms}.log")
    seconds = 5 if bench.quick else 20
    written, delays = [], []
    done = threading.Event()

    def write():
        with open(path, "ab", buffering=0) as file:
            for number in range(seconds * 200):
                now = time.time()
                written.append(time.monotonic())
                file.write(b'{"msec":%.3f,"request_uri":"/?client_id=C%07d"}\n' % (now, number))
                time.sleep(0.005)
        done.set()

    open(path, "wb").close()
    with Running(bench, path, database, flush={"interval": f"{interval_ms}ms"}) as agent:
        connection = database.server.connect(database.database.name)
        cursor = connection.cursor()
        writer = threading.Thread(target=write)
        writer.start()
        while not done.is_set() or len(delays) < len(written):
            cursor.execute("SELECT max(client_id) FROM client_activity")
            [newest] = cursor.fetchone()
            now = time.monotonic()
            for number in range(len(delays), int(newest[1:]) + 1 if newest else 0):
                delays.append(now - written[number])
            time.sleep(0.001)
            agent.process.poll()
        writer.join()
        connection.close()
    p99 = measure.percentile(delays, 0.99) * 1000
    bound = interval_ms + 40 if interval_ms else 10
    return Row(f"line written → row visible, flush.interval {interval_ms} ms",
               f"p99 (p50 {measure.median(delays) * 1000:.1f} ms)", p99, "ms",
               **at_most(p99, bound, f"≤ {bound} ms"))


def _start(bench, database, directory):
    """From exec to the row of a line that was waiting, with known positions: more than the first
    line read, and what can be seen from outside."""
    database.fresh()
    path = os.path.join(directory, "start.log")
    samples = []
    for number in range(bench.rounds + 1):
        with open(path, "ab", buffering=0) as file:
            file.write(b'{"msec":%.3f,"request_uri":"/?client_id=S%d"}\n' % (time.time(), number))
        start = time.monotonic()
        running = Running(bench, path, database, flush={"interval": "0ms"})
        running.agent.start(wait=False)
        connection = database.server.connect(database.database.name)
        cursor = connection.cursor()
        while True:
            cursor.execute("SELECT FROM client_activity WHERE client_id = %s", (f"S{number}",))
            if cursor.fetchone() is not None:
                break
            time.sleep(0.001)
        samples.append((time.monotonic() - start) * 1000)
        connection.close()
        running.agent.stop()
        running.__exit__()
    known = samples[1:]  # the first start has no positions
    return Row("start → the first line's row visible, positions known", "lastseen",
               measure.median(known), "ms", measure.spread(known),
               **at_most(measure.median(known), 50, "first line read ≤ 50 ms"))


def _steady_and_idle(bench, database, directory):
    database.fresh()
    path = os.path.join(directory, "steady.log")
    seconds = 5 if bench.quick else 30
    open(path, "wb").close()
    with Running(bench, path, database, flush={"interval": "1s"}) as agent:
        pid = agent.process.pid
        with measure.background([f"{bench.build}/tests/bench/generate_log", "--rate", str(RATE),
                                 "--lines", str(RATE * (seconds + 3)), "--output", path]):
            measure.settle(2)
            shares = []
            for _ in range(seconds):
                before, start = measure.cpu_seconds(pid), time.monotonic()
                measure.settle(1)
                shares.append((measure.cpu_seconds(pid) - before) / (time.monotonic() - start)
                              * 100)
        share = sum(shares) / len(shares)
        yield Row(f"steady load of {RATE:,} lines/s", "lastseen", share, "% of a core",
                  measure.spread(shares), **at_most(share, 1, "≤ 1 % of a core"))
        yield from _idle(pid, seconds, "idle")
    database.fresh()
    many = os.path.join(directory, "many")
    os.mkdir(many)
    for number in range(FILES):
        with open(os.path.join(many, f"{number}.log"), "w", encoding="ascii") as file:
            file.write('{"msec":1795305600.0,"request_uri":"/?client_id=A"}\n')
    with Running(bench, os.path.join(many, "*.log"), database, flush={"interval": "1s"}) as agent:
        agent.settled(FILES)
        yield from _idle(agent.process.pid, seconds, f"idle, {FILES:,} files followed")


def _idle(pid, seconds, what):
    measure.settle(3)
    before = measure.wake_ups(pid), measure.cpu_seconds(pid)
    measure.settle(seconds)
    wake_ups = (measure.wake_ups(pid) - before[0]) / seconds
    yield Row(what, "lastseen", wake_ups, "wake-ups/s", **at_most(wake_ups, 2))
    share = (measure.cpu_seconds(pid) - before[1]) / seconds * 100
    yield Row(what, "lastseen", share, "% of a core", **at_most(share, 0.1, "none: ≤ 0.1 %"))


def _memory(bench, database, clients, bounds):
    """After each of the clients was seen three times on average, and written."""
    if bench.quick and clients > 100_000:
        clients //= 10
    database.fresh()
    log = bench.log(f"memory-{clients}", "json", clients * 3, "--clients", str(clients),
                    "--zipf", "0")
    with Running(bench, log.path, database, flush={"interval": "1s"},
                  buffer={"clients_max": max(100_000, clients)}) as agent:
        agent.settled(log.lines, timeout=300)
        measure.settle(1.5)
        found = measure.memory(agent.process.pid)
    for name, bound in bounds.items():
        value = found[name] / MB
        yield Row(f"memory with {clients:,} clients", name, value, "MB",
                  **at_most(value, bound, f"≤ {bound} MB"))
