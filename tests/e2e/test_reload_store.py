"""The store changes under a running agent: another one takes over, hangs, or is refused."""
import os
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from agent import LASTSEEN, command, sqlite_query
from conftest import migrated
from feeds import datagram_socket, feed, ndjson
from reloads import START_MS, Lines, entries, file_input, reload, rows_of, under_load
from servers import free_port, wait_until
from trouble import ForgetfulProxy, HangingProxy


def test_another_store_takes_over_positions_and_totals(database, agents, logs):
    agent, _, writer, sender = under_load(agents, logs[0], "a", None, 5000)
    assert "another store" in reload(agent, store=database.store())
    time.sleep(0.3)
    assert agent.status()["store"]["type"] == "postgres"
    reload(agent, store={"type": "sqlite", "path": agent.database})  # which knows an older state
    time.sleep(0.2)
    reload(agent, store=database.store())
    writer.rotate()
    lines, sent = writer.stop(), sender.stop()
    wait_until(lambda: entries(agent)["a"]["lines_read"] == lines
               and entries(agent)["fed"]["lines_read"] == sent, 20)
    assert agent.get("/flush", "POST")[0] == 200
    agent.kill()
    agent.start()
    assert entries(agent)["a"]["committed"] == lines
    assert entries(agent)["fed"]["committed"] == sent
    here, there = rows_of(database), {c: last for c, (last, _) in agent.rows().items()}
    assert {c: max(here.get(c, 0), there.get(c, 0)) for c in writer.rows()} == writer.rows()


def test_a_store_that_was_taken_though_the_reload_was_refused_goes_on(database, agents, logs):
    proxy = ForgetfulProxy(database.server.port)
    agent, _, writer, sender = under_load(agents, logs[0], "a", database.store(), 500)
    agent.write(store=proxy.store_of(database))
    refused = command("reload", "-s", agent.socket)
    assert refused.returncode == 2 and "cannot be used" in refused.err
    assert proxy.lost
    time.sleep(0.5)
    lines, sent = writer.stop(), sender.stop()
    wait_until(lambda: entries(agent)["a"]["committed"] == lines
               and entries(agent)["fed"]["committed"] == sent, 20)
    rows = rows_of(database)
    assert {client: rows.get(client) for client in writer.rows()} == writer.rows()
    assert agent.stop() == 0
    proxy.close()


@pytest.mark.parametrize("other", [True, False], ids=["another store", "the same anew"])
def test_a_store_that_hangs_after_it_connected_is_refused(database, agents, logs, other):
    short = {"connect": "1s", "statement": "1s", "lock": "1s"}
    proxy = HangingProxy(database.server.port)
    here = database.store(timeout=short) if other else proxy.store_of(database, timeout=short)
    there = proxy.store_of(database, timeout={**short, "lock": "2s"})
    agent = agents(logs[0], here).start()
    proxy.hang()
    agent.write(store=there)
    refused = command("reload", "-s", agent.socket, timeout=40)
    assert refused.returncode == 2 and "not answered for longer" in refused.err, refused.err
    assert proxy.hangs.is_set()
    assert agent.status()["reload"]["failed"] == 1
    agent.write(store=here, flush={"interval": "70ms"})
    assert command("reload", "-s", agent.socket).returncode == 0
    with open(logs[0], "w", encoding="utf-8") as file:
        file.write('{"client_id":"late","ts":1795305600}\n')
    wait_until(lambda: "late" in rows_of(database))
    assert agent.stop() == 0
    proxy.close()


def test_a_stop_does_not_wait_for_a_store_that_a_reload_opens(agents, logs):
    agent = agents(logs[0], shutdown={"timeout": "2s"}).start()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never answers
        agent.write(store={"type": "postgres", "timeout": {"connect": "60s"},
                           "url": f"postgresql://x@127.0.0.1:{silent.getsockname()[1]}/x"})
        with subprocess.Popen([LASTSEEN, "reload", "-s", agent.socket], text=True,
                              stderr=subprocess.PIPE) as asked:
            connection = silent.accept()[0]
            assert agent.stop(timeout=10) == 0
            assert "ended without effect" in asked.communicate()[1]
            connection.close()
    log = agent.log().splitlines()
    assert "the reload was not done" in log[-2] and "ended without effect" in log[-2]
    assert "stopped: everything that was read is committed" in log[-1]


def test_a_store_that_answers_during_a_stop_is_not_gone_over_to(agents, logs):
    agent = agents(logs[0], shutdown={"timeout": "10s"})
    here, there = agent.database, agent.database + "2"
    inputs = [file_input("a", logs[0]), feed("old", "unix_datagram", agent.directory)]
    for path in (there, here):  # makes them
        agent.write(inputs=inputs, store={"type": "sqlite", "path": path})
        agent.start()
        if path == there:
            assert agent.stop() == 0
    locks = [sqlite3.connect(path, isolation_level=None) for path in (there, here)]
    for lock in locks:
        lock.execute("BEGIN EXCLUSIVE")
    datagram_socket(inputs[1]["path"]).send(ndjson("waits", START_MS))
    wait_until(lambda: entries(agent)["old"]["lines_read"] == 1)
    agent.write(inputs=[*inputs, feed("new", "unix_datagram", agent.directory)],
                store={"type": "sqlite", "path": there})
    agent.process.send_signal(signal.SIGHUP)
    agent.says("reloading the configuration")
    agent.process.send_signal(signal.SIGTERM)
    agent.says("stopping: ")
    locks[0].close()
    agent.says("ended without effect")
    locks[1].close()
    assert agent.wait(9) == 0
    assert "waits" in agent.rows()


def test_positions_of_a_store_that_was_never_reached_are_said_not_to_go_along(agents, logs):
    away = {"type": "postgres", "url": f"postgresql://x@127.0.0.1:{free_port()}/x"}
    agent = agents(logs[0], away).start(wait=False)
    agent.says("the store does not answer")
    reload(agent, store={"type": "sqlite", "path": agent.database})
    assert agent.log().count("was never reached, so positions that it has are not taken over") == 1
    reload(agent, store={"type": "sqlite", "path": agent.database + "2"})
    assert agent.log().count("was never reached, so positions that it has are not taken over") == 1
    assert agent.stop() == 0


@pytest.mark.parametrize("reached", [True, False])
def test_after_a_refused_store_it_is_still_the_older_instance_that_stops(
        database, agents, logs, reached):
    other = migrated(database.server.create_database(), agents)
    proxy = ForgetfulProxy(database.server.port)
    older, newer = agents(logs[0], database.store()), agents(logs[0], database.store())
    older.start()
    port = str(proxy.port if reached else free_port())
    older.write(store=other.store(url=other.url().replace(str(other.server.port), port)))
    refused = command("reload", "-s", older.socket)
    assert refused.returncode == 2 and "cannot be used" in refused.err
    assert proxy.lost == reached
    batches = older.status()["store"]["batches"]
    with open(logs[0], "w", encoding="utf-8") as file:
        file.write('{"client_id":"a","ts":1795305600}\n')
    wait_until(lambda: older.status()["store"]["batches"] > batches)
    newer.start()
    with open(logs[0], "a", encoding="utf-8") as file:
        file.write('{"client_id":"b","ts":1795305600}\n')
    assert older.wait(20) == 2
    assert newer.is_ready() and newer.stop() == 0
    proxy.close()


def test_a_store_that_is_away_hands_over_what_it_did_not_take(own_cluster, agents, logs):
    own_cluster.start()
    lost = migrated(own_cluster.create_database(), agents)
    agent, fed, writer, sender = under_load(
        agents, logs[0], "a", lost.store(timeout={"connect": "1s"}), 2000)
    own_cluster.stop()
    time.sleep(0.3)
    # What concerns inputs works while the database is away.
    reload(agent, inputs=[{**fed, "name": "sent"}, file_input("a", logs[0]),
                          file_input("b", logs[1], start="begin")])
    with open(logs[1], "w", encoding="utf-8") as file:
        file.write('{"client_id":"late","ts":1795305600}\n')
    reload(agent, store={"type": "sqlite", "path": f"{agent.directory}/first.db"})
    reload(agent, store={"type": "sqlite", "path": agent.database})
    lines, sent = writer.stop(), sender.stop()
    wait_until(lambda: entries(agent)["a"]["committed"] == lines, 20)
    assert agent.get("/flush", "POST")[0] == 200
    sql = ("SELECT input, json_extract(ledger, '$.committed') FROM lastseen_position "
           "WHERE stream = ''")
    first, last = dict(sqlite_query(f"{agent.directory}/first.db", sql)), dict(
        sqlite_query(agent.database, sql))
    assert last["a"] == lines and last["b"] == 1
    assert first["fed"] + last["sent"] == sent  # the old name left with the first store
    assert not os.path.exists(f"{agent.directory}/e2e.spill")


def test_a_stop_before_the_store_answered_says_that_it_has_not_taken_the_names(
        own_database, agents, logs):
    a, b = (file_input("a", logs[0]), file_input("b", logs[1]))
    agent = agents("/nowhere", own_database.store())
    agent.write(inputs=[a, b])
    agent.start()
    assert agent.stop() == 0
    own_database.server.stop()
    agent.start(wait=False)
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    reload(agent, inputs=[{**a, "name": "b"}, {**b, "name": "a"}])
    assert agent.stop() == 3
    assert "or go on under another name" in agent.log()


def test_kills_in_the_middle_of_moves_to_another_store_lose_nothing(database, agents, logs):
    """Of two stores that take turns the last one may not know how far reading was: `start` decides
    then. Clients that an earlier one has are there, or here."""
    agent = agents("/nowhere")
    here, there = {"type": "sqlite", "path": agent.database}, database.store()
    agent.write(inputs=[file_input("a", logs[0], start="begin")])
    writer = Lines(logs[0], 3000)
    writer.start()
    for round_ in range(6):
        agent.start(wait=round_ == 0)
        time.sleep(0.1 + 0.05 * round_)
        agent.write(store=there if round_ % 2 == 0 else here)
        agent.process.send_signal(signal.SIGHUP)
        time.sleep(0.02 * round_)
        if round_ % 3 == 1:  # and away again, before it has arrived
            agent.write(store=here if round_ % 2 == 0 else there)
            agent.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        agent.kill()
    agent.start()
    lines = writer.stop()
    wait_until(lambda: entries(agent)["a"]["files"][0]["position"] == os.path.getsize(logs[0]), 20)
    assert agent.get("/flush", "POST")[0] == 200
    assert entries(agent)["a"]["lines_read"] <= lines
    first, last = rows_of(database), {c: seen for c, (seen, _) in agent.rows().items()}
    assert {c: max(first.get(c, 0), last.get(c, 0)) for c in writer.rows()} == writer.rows()
