"""kill -9 in the midst of a backlog: nothing lost, nothing doubled."""
import os
import random
import time

import pytest

from logs import backlog
from servers import PATIENCE, wait_until

LINES, CLIENTS = 200_000, 20_000
KILLS = int(os.environ.get("LASTSEEN_E2E_KILLS", 10))
# A small buffer makes many small commits out of one backlog: some hundred.
SMALL = {"flush": {"interval": "1ms"}, "buffer": {"clients_max": 1000}}


@pytest.fixture(scope="module")
def big_log(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("backlog") / "access.log")
    return path, backlog(path, LINES, CLIENTS, seed=20261122)


def kill_after(agent, store, batches):
    """Kills the agent right after it committed that many batches, in the midst of the backlog."""
    agent.start(wait=False)
    deadline = time.monotonic() + 30 * PATIENCE
    while store.batch() < batches:
        assert agent.process.poll() is None, agent.log()
        assert time.monotonic() < deadline, f"no {batches} commits: {agent.log()}"
    agent.kill()


def finish(agent, store, truth):
    agent.start()
    entry = agent.settled(truth.lines)
    assert entry["committed"] == truth.sightings
    assert entry["skipped"] == {"no_client_id": truth.lines - truth.sightings}
    assert store.rows() == truth.clients
    assert agent.stop() == 0


@pytest.mark.parametrize("kill", range(KILLS))
def test_kill_9_right_after_a_commit(big_log, store, agents, kill):
    path, truth = big_log
    seed = int(os.environ.get("LASTSEEN_E2E_SEED", random.randrange(1 << 30)))
    k = random.Random(seed + kill).randint(1, 60)
    print(f"killed after commit {k}; again: LASTSEEN_E2E_SEED={seed}")
    # Each second time more threads parse.
    agent = agents(path, store.store(), ingest={"threads": 1 + kill % 2 * 2}, **SMALL)
    kill_after(agent, store, k)
    assert len(store.rows()) < len(truth.clients)  # the first commit may be the start alone
    finish(agent, store, truth)


def test_kill_9_again_and_again_on_one_table(big_log, store, agents):
    path, truth = big_log
    chance = random.Random(1)
    agent = agents(path, store.store(), **SMALL)
    at = 0
    for _ in range(8):
        at = max(at, store.batch()) + chance.randint(1, 8)
        kill_after(agent, store, at)
    finish(agent, store, truth)


def test_kill_9_before_the_first_commit(big_log, store, agents):
    path, truth = big_log
    agent = agents(path, store.store(), flush={"interval": "1h"}, buffer={"clients_max": 1000000})
    agent.start(wait=False)
    wait_until(lambda: os.path.exists(agent.socket))
    agent.kill()
    agent.write(flush={"interval": "100ms"})
    finish(agent, store, truth)


def test_run_once_again_adds_nothing(big_log, store, agents):
    path, truth = big_log
    agent = agents(path, store.store())
    assert agent.once().returncode == 0
    assert store.rows() == truth.clients
    batch = store.batch()
    assert agent.once().returncode == 0
    assert store.rows() == truth.clients
    assert store.batch() - batch <= 1  # at most an empty one: nothing was there to commit
