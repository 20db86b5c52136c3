"""A proxy writes without a pause while the agent, the database and the log suffer. Afterwards every
client is there with its newest time, and every line is counted once."""
import contextlib
import os
import random
import shutil
import signal
import time

import pytest

from agent import LASTSEEN
from conftest import migrated
from logs import Truth, Writer, backlog, json_line
from servers import is_root, wait_until

# How many seconds each takes; `make test-long` takes more.
SECONDS = float(os.environ.get("LASTSEEN_E2E_FAULT_SECONDS", "3"))


@pytest.fixture
def exact(request):
    """exact(agent, store, truth): the table and the counts are those of the truth, to the line. The
    outcome goes into the table of faults that is printed after the last test."""
    def check(agent, store, truth, timeout=40):
        wait_until(agent.is_ready, 20)
        wait_until(lambda: agent.input()["lines_read"] >= truth.lines
                   and agent.input()["pending"] == 0, timeout, what="all lines read")
        entry, rows = agent.input(), store.rows()
        outcome = {
            "lines": truth.lines,
            "clients": len(truth.clients),
            "missing": len(truth.clients.keys() - rows.keys()),
            "older": sum(rows[c][0] < last for c, (last, _) in truth.clients.items() if c in rows),
            "counted twice": entry["lines_read"] - truth.lines,
        }
        request.config.fault_outcomes.append((request.node.name, outcome))
        assert entry["lines_read"] == truth.lines
        assert entry["committed"] == truth.sightings
        assert entry["lost"] == {} and entry["lost_bytes"] == {}
        assert rows == truth.clients
    return check


@pytest.mark.parametrize("rate", [1_000, 20_000])
def test_kill_9_live(store, agents, tmp_log, exact, rate):
    chance = random.Random(rate)
    agent = agents(tmp_log, store.store(), flush={"interval": "50ms"}).start()
    with Writer(tmp_log, rate=rate, clients=5_000) as writer:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            time.sleep(chance.uniform(0.05, 0.6))
            agent.kill()
            agent.start(wait=False)
        truth = writer.stop()
    exact(agent, store, truth)


@pytest.mark.parametrize("how", ["live", "while behind", "while the agent is down"])
def test_rename_rotation(database, agents, tmp_log, exact, how):
    agent = agents(tmp_log, database.store()).start()
    with Writer(tmp_log, rate=5_000, clients=2_000) as writer:
        time.sleep(0.3)
        if how == "while behind":
            os.kill(agent.process.pid, signal.SIGSTOP)
        elif how != "live":
            agent.kill()
        for rotation in range(1, 5):
            time.sleep(SECONDS / 12)
            for number in range(rotation - 1, 0, -1):
                os.rename(f"{tmp_log}.{number}", f"{tmp_log}.{number + 1}")
            writer.rotate()
        if how == "while behind":
            os.kill(agent.process.pid, signal.SIGCONT)
        elif how != "live":
            agent.start()
        time.sleep(0.3)
        truth = writer.stop()
    exact(agent, database, truth)


def test_kill_9_while_behind(database, agents, tmp_log, exact):
    truth = backlog(tmp_log, 300_000, 200_000, seed=3)
    agent = agents(tmp_log, database.store(), flush={"interval": "20ms"},
                   buffer={"clients_max": 5_000})
    for _ in range(4):
        agent.start(wait=False)
        time.sleep(0.25)
        agent.kill()
    agent.start()
    exact(agent, database, truth)


def test_sigterm_live(database, agents, tmp_log, exact):
    agent = agents(tmp_log, database.store()).start()
    with Writer(tmp_log, rate=5_000, clients=2_000) as writer:
        for _ in range(5):
            time.sleep(SECONDS / 15)
            assert agent.stop() == 0
            agent.start()
        truth = writer.stop()
    exact(agent, database, truth)


def test_copytruncate_live_and_while_behind(database, agents, tmp_log):
    """Lost is only what nobody could read. Each line is a client, so what is missing has a name."""
    agent = agents(tmp_log, database.store()).start()
    written, gone = 0, set()
    log = os.open(tmp_log, os.O_WRONLY | os.O_APPEND)

    def append(count):
        nonlocal written
        for _ in range(count):
            os.write(log, json_line(1795305600000 + written, f"{written}-c").encode())
            written += 1
        return written

    def all_read():
        wait_until(lambda: agent.input()["lines_read"] == written - len(gone), 20,
                   what="everything that can be read")

    for turn in range(4):
        append(500)
        all_read()
        if turn % 2:
            os.kill(agent.process.pid, signal.SIGSTOP)  # it is behind when the log is truncated
        append(500)
        copied = written
        shutil.copyfile(tmp_log, f"{tmp_log}.{turn + 1}")
        if turn % 2:
            # Between copy and truncation: in neither file, and the agent cannot have read it.
            gone.update(range(copied, append(20)))
        os.truncate(tmp_log, 0)
        if turn % 2:
            os.kill(agent.process.pid, signal.SIGCONT)
        append(300)
        all_read()
    os.close(log)
    entry = agent.settled(written - len(gone))
    assert entry["lost"] == {}
    rows = database.rows()
    missing = {n for n in range(written) if f"{n}-c" not in rows}
    assert missing == gone, agent.log()


def fast_restarts(server):
    for turn in range(6):
        server.stop("immediate" if turn % 2 else "fast")
        server.start(durable=True)
        time.sleep(0.3)


def away(server):
    server.stop()
    time.sleep(SECONDS)
    server.start(durable=True)


def frozen(server):
    """Every process stands still, and connections stay open."""
    server.freeze()
    time.sleep(SECONDS)
    server.resume()


@pytest.mark.parametrize("trouble", [fast_restarts, away, frozen])
def test_postgres(own_cluster, agents, tmp_log, exact, trouble):
    own_cluster.start(durable=True)
    database = migrated(own_cluster.create_database(), agents)
    with Writer(tmp_log, rate=2_000, clients=1_000) as writer:
        agent = agents(tmp_log, database.store()).start()
        time.sleep(0.3)
        trouble(own_cluster)
        time.sleep(0.3)
        truth = writer.stop()
    exact(agent, database, truth)


@contextlib.contextmanager
def memory_limit(bytes_max):
    """A control group whose members are killed when they take more, or None."""
    group = f"/sys/fs/cgroup/memory/lastseen-{os.getpid()}"
    limit = "memory.limit_in_bytes"
    if not os.path.isdir("/sys/fs/cgroup/memory"):
        group, limit = f"/sys/fs/cgroup/lastseen-{os.getpid()}", "memory.max"
    try:
        os.mkdir(group)
        with open(os.path.join(group, limit), "w", encoding="ascii") as file:
            file.write(str(bytes_max))
    except OSError:
        with contextlib.suppress(OSError):
            os.rmdir(group)
        yield None
        return
    yield os.path.join(group, "cgroup.procs")
    wait_until(lambda: not open(os.path.join(group, "cgroup.procs"), encoding="ascii").read())
    os.rmdir(group)


@pytest.mark.skipif(not is_root(), reason="needs a control group")
def test_killed_by_the_kernel_for_its_memory(database, agents, tmp_log, exact):
    truth = Truth()
    with open(tmp_log, "w", encoding="utf-8") as file:
        for number in range(300_000):
            file.write('{"msec":%d.000,"client_id":"%040d"}\n' % (1795305600 + number, number))
            truth.see(f"{number:040d}", (1795305600 + number) * 1000)
    agent = agents(tmp_log, database.store(), flush={"interval": "10s", "clients": 300_000},
                   buffer={"clients_max": 1_000_000}, last_seen={"future_max": "365d"})
    with memory_limit(24 << 20) as members:
        if members is None:
            pytest.skip("no control group of our own here")
        shell = f"echo $$ > {members}; exec \"$@\""
        agent.start(wait=False, program=["/bin/sh", "-c", shell, "sh", LASTSEEN])
        assert agent.wait(30) == -signal.SIGKILL
    agent.write(flush={"interval": "100ms", "clients": 0}, buffer={"clients_max": 100_000})
    agent.start()
    exact(agent, database, truth)
