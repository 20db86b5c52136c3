"""Load, rotations and faults for as long as asked: memory, descriptors and threads stay what they
were, and the ledger balances. Ten seconds here, an hour in `make test-long`."""
import contextlib
import math
import os
import signal
import time

import psycopg2
import pytest

from conftest import migrated
from servers import PASSWORD, wait_until
from soak import Series, SoakWriter, first_and_last

SECONDS = float(os.environ.get("LASTSEEN_E2E_SOAK_SECONDS", "10"))
RATE = 20_000
CLIENTS = 8_000
CLIENTS_MAX = 40_000  # so small that what is remembered is full within minutes
ROTATION_SECONDS = min(60, SECONDS / 5)
FAULT_SECONDS = min(300, SECONDS / 5)
TROUBLE_SECONDS = min(20, SECONDS / 15)  # how long a fault lasts
# What is remembered fills in CLIENTS_MAX / 2 one-offs, 100 a second.
WARM_UP_SECONDS = min(240, SECONDS / 10)
# Tolerances, of the last fifth against the first. glibc keeps what an outage needed once. A rotated
# file stays open until it has been idle for a minute.
MEMORY_SHARE, MEMORY_KIB = 0.10, 2048
DESCRIPTORS = min(5, math.ceil(60 / ROTATION_SECONDS))


class Soak:
    """What the faults act on."""

    def __init__(self, server, database, agent, writer):
        self.server, self.database, self.agent, self.writer = server, database, agent, writer

    def backend(self):
        """The agent's connection, once it has one."""
        def pids():
            return self.database.query("SELECT pid FROM pg_stat_activity WHERE usename ="
                                       " 'ordinary' AND application_name = 'lastseen'")
        return wait_until(pids, 20)[0][0]


def postgres_stopped(soak):
    soak.server.stop()
    time.sleep(TROUBLE_SECONDS)
    soak.server.start(durable=True)


def kill_9(soak):
    soak.agent.kill()
    soak.agent.start(wait=False)


def backend_stopped(soak):
    pid = soak.backend()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(TROUBLE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def sigterm(soak):
    assert soak.agent.stop() == 0
    soak.agent.start(wait=False)


def table_locked(soak):
    with contextlib.closing(soak.server.connect(soak.database.name)) as connection:
        connection.autocommit = False
        connection.cursor().execute("LOCK TABLE client_activity IN ACCESS EXCLUSIVE MODE")
        time.sleep(TROUBLE_SECONDS)


def rotated_while_down(soak):
    soak.agent.kill()
    soak.writer.rotate()
    time.sleep(TROUBLE_SECONDS / 4)
    soak.agent.start(wait=False)


def postgres_killed(soak):
    soak.server.kill()
    time.sleep(TROUBLE_SECONDS / 4)
    soak.server.start(durable=True)


def connections_exhausted(soak):
    held = []

    def all_taken():
        """Until none is left, and the agent's own is gone too."""
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                held.append(soak.server.connect(soak.database.name, "ordinary"))
        soak.database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename"
                            " = 'ordinary' AND application_name = 'lastseen'")
        with contextlib.suppress(psycopg2.OperationalError):
            held.append(soak.server.connect(soak.database.name, "ordinary"))
        return "slots" in soak.agent.get("/readyz")[1]

    wait_until(all_taken, 30)
    time.sleep(TROUBLE_SECONDS)
    for connection in held:
        connection.close()


def rotated_thrice(soak):
    for _ in range(3):
        soak.writer.rotate()


def server_frozen(soak):
    soak.server.freeze()
    time.sleep(TROUBLE_SECONDS)
    soak.server.resume()


def started_without_postgres(soak):
    soak.server.stop("immediate")
    soak.agent.kill()
    soak.agent.start(wait=False)
    soak.writer.rotate()
    time.sleep(TROUBLE_SECONDS)
    soak.server.start(durable=True)


def agent_stopped(soak):
    os.kill(soak.agent.process.pid, signal.SIGSTOP)
    time.sleep(TROUBLE_SECONDS)
    os.kill(soak.agent.process.pid, signal.SIGCONT)


# Those that leave the agent alive come in a row, so that one process lives for long.
FAULTS = [kill_9, postgres_stopped, backend_stopped, table_locked, rotated_thrice, postgres_killed,
          connections_exhausted, agent_stopped, server_frozen, sigterm, rotated_while_down,
          started_without_postgres]


def faults_to_do():
    """All, or in a short run as many as fit, from everywhere in the list."""
    count = max(1, round(SECONDS / FAULT_SECONDS) - 1)
    return [FAULTS[number * len(FAULTS) // count % len(FAULTS)] for number in range(count)]


@pytest.fixture
def soak(own_cluster, agents, tmp_log):
    own_cluster.start(durable=True)
    database = migrated(own_cluster.create_database(), agents)
    database.query(f"CREATE ROLE ordinary LOGIN PASSWORD '{PASSWORD}'")
    database.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO ordinary")
    agent = agents(tmp_log, database.store(url=database.url(user="ordinary")),
                   flush={"interval": "1s"}, buffer={"clients_max": CLIENTS_MAX})
    writer = SoakWriter(tmp_log, RATE, CLIENTS, ROTATION_SECONDS)
    with writer:
        yield Soak(own_cluster, database, agent, writer)


def caught_up(soak):
    """Reads no more than a second behind the writer. status() checks the ledger's equation."""
    entry = soak.agent.input()
    assert entry["lost"] == {} and entry["lost_bytes"] == {}, entry
    return soak.writer.truth.lines - entry["lines_read"] <= RATE


def report(number, what, back, series, soak):
    usage = series.lives[-1][-1][1]
    cells = [f"{number:>4}", f"{what:<24}", f"{back:>6.1f} s", f"{usage.rss_kib:>6} KiB",
             f"{usage.anon_kib:>6} KiB", f"{usage.peak_kib:>6} KiB", f"{usage.descriptors:>3}",
             f"{usage.threads:>2}", f"{series.cpu_seconds():>7.1f} s",
             f"{soak.writer.truth.lines:>11,}", f"{soak.writer.rotations:>3}"]
    print(" | ".join(cells), flush=True)


def live_through(soak):
    """SECONDS of load with all faults; the Series of what the agent took meanwhile."""
    series, started = Series(), time.monotonic()
    print("fault | | back after | resident | anonymous | peak | descriptors | threads | CPU | lines"
          " | rotations", flush=True)
    soak.agent.start()
    faults = [None, *faults_to_do()]
    for number, fault in enumerate(faults):
        begun = time.monotonic()
        if fault:
            fault(soak)
            wait_until(lambda: caught_up(soak), 120, what=f"caught up after {fault.__name__}")
        back = time.monotonic() - begun
        share = (number + 1) / len(faults)
        while time.monotonic() < started + share * SECONDS:
            series.sample(soak.agent.process.pid)
            soak.agent.status()
            time.sleep(min(1, SECONDS / 100))
        series.sample(soak.agent.process.pid)
        report(number, fault.__name__ if fault else "start", back, series, soak)
    return series


def assert_flat(series):
    warm = series.warm(WARM_UP_SECONDS)
    for what in ("rss_kib", "anon_kib"):
        first, last = first_and_last(warm, what)
        print(f"{what}: {first:.0f} at first, {last:.0f} at last", flush=True)
        assert last <= first * (1 + MEMORY_SHARE) + MEMORY_KIB, what
    first, last = first_and_last(warm, "descriptors")
    print(f"descriptors: {first:.0f} at first, {last:.0f} at last", flush=True)
    assert last <= first + DESCRIPTORS
    assert len({usage.threads for usage in warm}) == 1


def test_soak(soak):
    series = live_through(soak)
    truth = soak.writer.stop()
    entry = soak.agent.settled(truth.lines, 120)
    rows = soak.database.rows()
    missing = len(truth.clients.keys() - rows.keys())
    older = sum(rows[c][0] < last for c, (last, _) in truth.clients.items() if c in rows)
    print(f"lines {truth.lines:,}, clients {len(truth.clients):,}, rotations "
          f"{soak.writer.rotations}, missing {missing}, older {older}, counted twice "
          f"{entry['lines_read'] - truth.lines}; CPU {series.cpu_seconds():.1f} s", flush=True)
    assert missing == 0 and older == 0
    assert entry["committed"] == truth.sightings
    assert entry["lost"] == {} and entry["lost_bytes"] == {}
    assert rows == truth.clients
    assert_flat(series)
