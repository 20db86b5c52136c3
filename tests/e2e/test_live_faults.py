"""A proxy writes without a pause while the agent, the database and the log suffer. Afterwards every
client is there with its newest time, and every line is counted once."""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from agent import LASTSEEN
from conftest import migrated
from logs import Truth, Writer, json_line
from servers import is_root, wait_until

# How many seconds each takes; `make test-long` takes more.
SECONDS = float(os.environ.get("LASTSEEN_E2E_FAULT_SECONDS", "3"))


def assert_exact(agent, store, truth, timeout=40):
    entry = agent.settled(truth.lines, timeout)
    assert entry["committed"] == truth.sightings
    assert entry["lost"] == {} and entry["lost_bytes"] == {}
    assert store.rows() == truth.clients


@pytest.mark.parametrize("rate", [1_000, 20_000])
def test_kill_9_live(store, agents, tmp_log, rate):
    chance = random.Random(rate)
    agent = agents(tmp_log, store.store(), flush={"interval": "50ms"}).start()
    with Writer(tmp_log, rate=rate, clients=5_000) as writer:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            time.sleep(chance.uniform(0.05, 0.6))
            agent.kill()
            agent.start(wait=False)
        truth = writer.stop()
    wait_until(agent.is_ready, 20)
    assert_exact(agent, store, truth)


def test_rotation_live_while_behind_and_while_the_agent_is_down(store, agents, tmp_log):
    agent = agents(tmp_log, store.store()).start()
    rotations = 0

    def rotate(writer):
        nonlocal rotations
        rotations += 1
        for number in range(rotations - 1, 0, -1):
            os.rename(f"{tmp_log}.{number}", f"{tmp_log}.{number + 1}")
        writer.rotate()

    with Writer(tmp_log, rate=5_000, clients=2_000) as writer:
        for _ in range(3):  # live
            time.sleep(0.3)
            rotate(writer)
        os.kill(agent.process.pid, signal.SIGSTOP)  # behind
        for _ in range(2):
            time.sleep(0.3)
            rotate(writer)
        os.kill(agent.process.pid, signal.SIGCONT)
        time.sleep(0.3)
        agent.kill()  # down
        for _ in range(3):
            time.sleep(0.2)
            rotate(writer)
        agent.start()
        time.sleep(0.3)
        truth = writer.stop()
    assert_exact(agent, store, truth)


def test_copytruncate_live_loses_only_what_nobody_could_read(database, agents, tmp_log):
    """Every line is a client of its own, so what is missing has a name."""
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


def test_postgres_restarted_again_and_again(own_cluster, agents, tmp_log):
    own_cluster.start(durable=True)
    database = migrated(own_cluster.create_database(), agents)
    with Writer(tmp_log, rate=2_000, clients=1_000) as writer:
        agent = agents(tmp_log, database.store()).start()
        for turn in range(6):
            own_cluster.stop("immediate" if turn % 2 else "fast")
            own_cluster.start(durable=True)
            time.sleep(0.3)
        own_cluster.freeze()  # every process stands still, connections stay open
        time.sleep(SECONDS)
        own_cluster.resume()
        truth = writer.stop()
    wait_until(agent.is_ready, 20)
    assert_exact(agent, database, truth)


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
def test_agent_that_the_kernel_kills_for_its_memory_goes_on(database, agents, tmp_log):
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
    assert_exact(agent, database, truth)
