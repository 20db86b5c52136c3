"""The database goes, comes late, hangs or never comes."""
import os
import signal
import threading
import time

import pytest

from load import Load
from logs import Writer, backlog, json_line, truth_of_nginx
from servers import wait_until

NOW_MS = int(time.time() * 1000)


def test_postgres_stopped_for_ten_seconds_under_load(nginx, own_database, agents):
    server = own_database.server
    agent = agents(nginx.json_log, own_database.store()).start()
    with Load(nginx.port, threads=1):
        time.sleep(1)
        server.stop("fast")
        wait_until(lambda: agent.get("/readyz")[0] == 503, 10)
        assert agent.get("/healthz")[0] == 200
        time.sleep(10)
        assert agent.status()["store"]["state"] == "retrying"
        server.start(durable=True)
        wait_until(agent.is_ready, 20)
        time.sleep(0.5)
    agent.assert_exact(own_database, truth_of_nginx([nginx.json_log]))
    assert agent.stop() == 0


def test_postgres_killed_under_load(own_database, agents, tmp_log):
    server = own_database.server
    with Writer(tmp_log, rate=2000, clients=400) as writer:
        agent = agents(tmp_log, own_database.store()).start()
        for _ in range(3):
            time.sleep(0.7)
            server.stop("immediate")
            server.start(durable=True)
            wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(own_database, truth)


def test_agent_started_before_postgres(nginx, own_database, agents):
    own_database.server.stop()
    agent = agents(nginx.json_log, own_database.store()).start(wait=False)
    with Load(nginx.port, threads=1):
        wait_until(lambda: agent.get("/readyz")[0] == 503, what="control socket answers 503")
        time.sleep(1)
        # Nothing is read before it is known where to begin.
        assert agent.input()["lines_read"] == 0
        own_database.server.start(durable=True)
        wait_until(agent.is_ready, 20)
    agent.assert_exact(own_database, truth_of_nginx([nginx.json_log]))
    assert agent.stop() == 0


def test_rotation_while_positions_are_not_known(nginx, own_database, agents):
    own_database.server.stop()
    agent = agents(nginx.json_log, own_database.store()).start(wait=False)
    with Load(nginx.port, threads=1):
        wait_until(lambda: agent.get("/readyz")[0] == 503)
        time.sleep(0.5)
        os.rename(nginx.json_log, nginx.json_log + ".1")
        nginx.reopen()
        wait_until(lambda: os.path.exists(nginx.json_log))
        time.sleep(0.5)
        own_database.server.start(durable=True)
        wait_until(agent.is_ready, 20)
    truth = truth_of_nginx([nginx.json_log + ".1", nginx.json_log])
    agent.assert_exact(own_database, truth)


def test_sigterm_while_postgres_hangs_keeps_to_the_timeout(own_database, agents, tmp_log):
    server = own_database.server
    agent = agents(tmp_log, own_database.store(), shutdown={"timeout": "2s"})
    with Writer(tmp_log, rate=500, clients=50) as writer:
        agent.start()
        time.sleep(0.5)
        server.freeze()
        time.sleep(1)
        writer.stop()
        started = time.monotonic()
        assert agent.stop() == 3
        assert time.monotonic() - started < 2 + 1
    assert "not committed" in agent.log()
    server.resume()
    agent.start()
    agent.assert_exact(own_database, writer.truth)
    assert agent.stop() == 0


def test_a_stop_before_positions_are_known_tells_what_the_next_start_skips(
        own_database, agents, tmp_log):
    own_database.server.stop()
    backlog(tmp_log, 10, 10, seed=1)
    agent = agents(tmp_log, own_database.store())
    agent.write(inputs=[{**agent.settings["inputs"][0], "start": "end"}])
    for came, status in (False, 0), (True, 3):
        agent.start(wait=False)
        wait_until(lambda: os.path.exists(agent.socket) and agent.get("/healthz")[0] == 200)
        wait_until(lambda: agent.input()["files"])
        if came:
            with open(tmp_log, "a", encoding="utf-8") as file:
                file.write(json_line(NOW_MS, "new"))
        assert agent.stop() == status
        assert ("skips what came since" in agent.log()) == came
    assert "everything waits in the log files" in agent.log()
    assert "everything that was read is committed" not in agent.log()


def test_second_signal_ends_at_once(own_database, agents, tmp_log):
    agent = agents(tmp_log, own_database.store(), shutdown={"timeout": "60s"})
    truth = backlog(tmp_log, 100, 10, seed=1)
    agent.start()
    agent.settled(100)
    own_database.server.freeze()
    with open(tmp_log, "ab") as file, open(tmp_log, "rb") as again:
        file.write(again.readline())
    time.sleep(0.5)
    agent.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert agent.process.poll() is None
    started = time.monotonic()
    agent.process.send_signal(signal.SIGTERM)
    assert agent.wait(5) == 3
    assert time.monotonic() - started < 1
    own_database.server.resume()
    assert own_database.rows() == truth.clients


def test_sigterm_with_postgres_down_from_the_start(own_database, agents, tmp_log):
    """Nothing was read, so nothing waits that the log does not hold."""
    own_database.server.stop()
    backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, own_database.store(), shutdown={"timeout": "1s"})
    agent.start(wait=False)
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    assert agent.stop() in (0, 3)


def test_run_once_gives_up_with_3_when_the_database_is_down(own_database, agents, tmp_log):
    own_database.server.stop()
    truth = backlog(tmp_log, 1000, 10, seed=1)
    agent = agents(tmp_log, own_database.store(), shutdown={"timeout": "1s"})
    started = time.monotonic()
    done = agent.once()
    assert done.returncode == 3, done.err
    assert 1 <= time.monotonic() - started < 6
    own_database.server.start(durable=True)
    done = agent.once()
    assert done.returncode == 0, done.err
    assert own_database.rows() == truth.clients


def test_a_frozen_backend_is_left_and_the_next_connection_used(own_database, agents, tmp_log):
    """One hung connection, a living server: statement timeout, then the fence tells."""
    store = own_database.store(timeout={"statement": "1s", "connect": "1s", "lock": "1s"})
    with Writer(tmp_log, rate=500, clients=50) as writer:
        agent = agents(tmp_log, store).start()
        time.sleep(0.3)
        pid = own_database.freeze_backend()
        try:
            wait_until(lambda: agent.get("/readyz")[0] == 503, 20)
            wait_until(agent.is_ready, 20)
        finally:
            os.kill(pid, signal.SIGCONT)
        truth = writer.stop()
    agent.assert_exact(own_database, truth)


def test_flush_waits_for_the_database_and_is_answered_at_the_stop(own_database, agents, tmp_log):
    backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, own_database.store(), shutdown={"timeout": "1s"}).start()
    agent.settled(100)
    own_database.server.stop()
    with open(tmp_log, "ab") as file, open(tmp_log, "rb") as again:
        file.write(again.readline())
    codes = []
    flush = threading.Thread(target=lambda: codes.append(agent.get("/flush", "POST")[0]))
    flush.start()
    wait_until(lambda: agent.get("/readyz")[0] == 503)
    assert agent.get("/status")[0] == 200 and not codes
    assert agent.stop() == 3
    flush.join(10)
    assert codes == [503]


@pytest.mark.parametrize("away", [False, True])
def test_what_a_resolution_withheld_is_committed_at_the_stop_or_said(
        own_database, agents, tmp_log, away):
    agent = agents(tmp_log, own_database.store())
    agent.write(last_seen={"resolution": "1h"}, shutdown={"timeout": "1s"})
    agent.start()
    older_ms, newer_ms = NOW_MS - 5000, NOW_MS - 4000
    for lines, seen_ms in enumerate((older_ms, newer_ms), 1):
        with open(tmp_log, "a", encoding="utf-8") as file:
            file.write(json_line(seen_ms, "A"))
        agent.settled(lines)
    assert agent.status()["store"]["withheld"] == 1
    assert own_database.rows() == {"A": (older_ms, older_ms)}
    if away:
        own_database.server.stop("immediate")
    assert agent.stop() == (3 if away else 0)
    assert ("that last_seen.resolution withheld are not committed" in agent.log()) == away
    if away:
        own_database.server.start(durable=True)
    assert own_database.rows() == {"A": (older_ms if away else newer_ms, older_ms)}
