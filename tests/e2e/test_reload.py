"""The configuration changes under a running agent: nothing is lost, nothing is counted twice."""
import json
import os
import signal
import socket
import threading
import time
import urllib.request

import pytest

from agent import command, environment
from conftest import migrated
from feeds import datagram_socket, feed, ndjson, stream_socket
from reloads import (START_MS, Datagrams, Lines, entries, file_input, reload, rows_of, store_lines,
                     under_load)
from servers import free_port, wait_until


def test_reloads_in_a_loop_under_load_lose_and_double_nothing(store, agents, logs):
    agent = agents("/nowhere", store.store())
    fed = feed("fed", "unix_datagram", agent.directory)
    a, b = Lines(logs[0], 20_000), Lines(logs[1], 500, name="b")
    always = [file_input("a", logs[0]), fed]
    agent.write(inputs=always)
    agent.start()
    sender = Datagrams(fed["path"], 1000)
    for writer in (a, b, sender):
        writer.start()
    for round_ in range(6):
        agent.write(inputs=[*always, file_input("b", logs[1], start="begin")] if round_ % 2 == 0
                    else [{**fed, "line_bytes_max": 1024 + round_}, file_input("a", logs[0])],
                    flush={"interval": f"{50 + 20 * round_}ms"},
                    buffer={"clients_max": 1000 + round_})
        for _ in range(3):  # the second and third while the first is under way
            agent.process.send_signal(signal.SIGHUP)
        a.rotate(keep=round_ % 2 == 0)
        done = agent.get("/reload", "POST")
        assert done[0] == 200, done
        time.sleep(0.15)
    reload(agent, inputs=[*always, file_input("b", logs[1])])
    lines = {"a": a.stop(), "b": b.stop(), "fed": sender.stop()}

    def all_there():
        found = entries(agent)
        assert all(found[n]["lines_read"] <= lines[n] for n in lines), (found, lines)
        return all(found[n]["lines_read"] == lines[n] == found[n]["committed"] for n in lines)
    wait_until(all_there, 30, what=f"{lines} committed")
    wanted = {**a.rows(), **b.rows()}
    assert {c: t for c, t in rows_of(store).items() if c[0] != "d"} == wanted
    assert not any(sum(e["lost"].values()) + sum(e["lost_bytes"].values())
                   for e in entries(agent).values())
    reloads = agent.status()["reload"]
    assert reloads["failed"] == 0 and reloads["done"] >= 7
    agent.kill()
    agent.start()  # what the store has is the same
    assert {n: entries(agent)[n]["lines_read"] for n in lines} == lines


def test_an_input_renamed_reads_on_where_it_stood(store, agents, logs):
    agent, fed, writer, sender = under_load(agents, logs[0], "old", store.store(), 3000)
    writer.rotate(keep=False)
    assert "2 inputs renamed" in reload(
        agent, inputs=[{**fed, "name": "sent"}, file_input("new", logs[0])])
    time.sleep(0.2)
    lines, sent = writer.stop(), sender.stop()
    assert agent.get("/flush", "POST")[0] == 200
    before = store_lines(store, "old"), store_lines(store, "fed")
    found = entries(agent)
    assert set(found) == {"sent", "new"}
    assert before[0] > 0 and before[0] + found["new"]["lines_read"] == lines
    assert before[1] + found["sent"]["lines_read"] == sent
    assert {c: t for c, t in rows_of(store).items() if c[0] == "c"} == writer.rows()
    agent.kill()
    agent.start()
    assert entries(agent)["new"]["lines_read"] + before[0] == lines
    # Back under the old name in a new process: nothing is known there that would be read again.
    reload(agent, inputs=[file_input("old", logs[0])])
    assert agent.get("/flush", "POST")[0] == 200
    assert entries(agent)["old"]["lines_read"] == before[0]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_feed_that_moves_while_the_store_is_away_keeps_what_it_brought(
        own_cluster, agents, logs, end):
    own_cluster.start(durable=True)
    database = migrated(own_cluster.create_database(), agents)
    agent = agents("/nowhere", database.store(), shutdown={"timeout": "500ms"})
    old = feed("in", "unix_stream", agent.directory)
    new = dict(old, path=old["path"] + "2")
    sent = 0

    def send(to, lines):
        nonlocal sent
        with stream_socket(to["path"]) as sender:
            sender.sendall(b"".join(ndjson(f"c{sent + i}", START_MS) + b"\n"
                                    for i in range(lines)))
        sent += lines

    inputs = [file_input("keep", logs[0])]
    agent.write(inputs=[*inputs, old])
    agent.start()
    own_cluster.stop("immediate")
    send(old, 5)
    wait_until(lambda: agent.input(1)["pending"] == 5)
    reload(agent, inputs=[*inputs, new])
    wait_until(lambda: os.path.exists(new["path"]))
    send(new, 20)
    wait_until(lambda: agent.input(1)["pending"] == 25, what="the new one is read")
    if end == "stop":
        assert agent.stop() == 3
    else:
        time.sleep(2.5)  # the spill is written once a second
        agent.kill()
    own_cluster.start(durable=True)
    agent.start()
    wait_until(lambda: agent.input(1)["committed"] == sent)
    assert len(database.rows()) == sent


def test_inputs_that_swap_names_with_lines_pending_go_on(store, agents, logs):
    agent = agents("/nowhere", store.store(), flush={"interval": "1s"})
    agent.write(inputs=[file_input("a", logs[0]), file_input("b", logs[1])])
    agent.start()

    def append(text):
        for path in logs:
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)

    append(f'{{"client_id":"X","ts":{START_MS / 1000}}}\n')
    wait_until(lambda: all(agent.input(i)["lines_read"] == 1 for i in range(2)))
    reload(agent, inputs=[file_input("b", logs[0]), file_input("a", logs[1])])
    append(f'{{"client_id":"Y","ts":{START_MS / 1000}}}\n')
    wait_until(lambda: sum(agent.input(i)["committed"] for i in range(2)) == 4)
    assert agent.process.poll() is None


def test_a_bad_file_changes_nothing_and_says_so_everywhere(agents, logs, tmp_path):
    agent = agents("/nowhere")
    agent.write(inputs=[file_input("a", logs[0], start="begin")])
    told = Notified(tmp_path / "notify")
    told.start()
    agent.start(env=environment(NOTIFY_SOCKET=told.path))
    good = agent.settings
    bad = [
        ("unknown key 'intervall'", {"flush": {"intervall": "1s"}}),
        ("needs a restart", {"agent_id": "other"}),
        ("the store of the new configuration cannot be used",
         {"store": {"type": "sqlite", "path": "/proc/nowhere/x.db"}}),
        ("cannot open /proc/nowhere.log", {"log": {"file": "/proc/nowhere.log"}}),
        ("something that is not a socket", {"inputs": [
            {"name": "f", "type": "unix_datagram", "path": agent.config, "parser": "ndjson"}]}),
        ("control socket", {"control": {"socket": agent.config}}),
    ]
    for number, (message, change) in enumerate(bad, 1):
        agent.settings = good
        agent.write(**change)
        agent.settings = good
        done = command("reload", "-s", agent.socket)
        assert done.returncode == 2 and done.out == "", (change, done.err)
        assert message in done.err and "the old configuration goes on" in done.err, done.err
        assert agent.get("/reload", "POST")[0] == 422
        state = agent.status()["reload"]
        assert state["failed"] == 2 * number and message in state["last_error"]
        assert message in agent.log()
    code, text, _ = agent.get("/metrics")
    assert "lastseen_config_last_reload_successful 0" in text
    assert "reload  failed" in command("status", "-s", agent.socket).out
    wait_until(lambda: "STATUS=reload failed: " in told.text)
    with open(logs[0], "w", encoding="utf-8") as file:
        file.write('{"client_id":"x","ts":1795305600}\n')
    agent.settled(1)  # it goes on
    reload(agent)
    times = 2 * len(bad) + 1
    wait_until(lambda: told.text.count("READY=1") == times + 1)  # and one at the start
    assert told.text.count("RELOADING=1\nMONOTONIC_USEC=") == times
    assert agent.status()["reload"]["last_error"] == ""
    assert agent.stop() == 0


def test_another_kind_of_feed_gets_the_path_only_where_it_becomes_free(agents, logs):
    agent = agents("/nowhere")
    kept = file_input("a", logs[0])

    def other(kind):
        agent.write(inputs=[kept, feed("f", kind, agent.directory)])
        return command("reload", "-s", agent.socket)

    agent.write(inputs=[kept, feed("f", "fifo", agent.directory)])
    agent.start()
    path = f"{agent.directory}/f.sock"
    refused = other("unix_stream")  # as a start would be: a fifo outlives whoever reads it
    assert refused.returncode == 2 and "something that is not a socket" in refused.err, refused.err
    with open(path, "wb") as fifo:
        fifo.write(ndjson("by fifo", START_MS) + b"\n")
    wait_until(lambda: "by fifo" in agent.rows())
    os.unlink(path)
    assert other("unix_stream").returncode == 0
    assert other("unix_datagram").returncode == 0  # the socket goes with who made it
    wait_until(lambda: entries(agent)["f"]["files"][0]["state"] == "receiving")
    datagram_socket(path).send(ndjson("by datagram", START_MS))
    wait_until(lambda: "by datagram" in agent.rows())
    os.unlink(path)
    with open(path, "wb"):
        pass
    refused = other("fifo")
    assert refused.returncode == 2 and "something that is not a fifo" in refused.err, refused.err
    assert agent.stop() == 0


class Notified(threading.Thread):
    """What the agent tells systemd; somebody has to read it, or the agent waits."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.text = str(path), ""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def run(self):
        while True:
            self.text += self.socket.recv(4096).decode() + "\n"


def test_control_socket_and_log_move_with_a_reload(agents, logs):
    agent = agents("/nowhere")
    agent.write(inputs=[file_input("a", logs[0])])
    agent.start()
    before, agent.socket = agent.socket, agent.directory + "/elsewhere.sock"
    log = agent.directory + "/agent.log"
    agent.write(control={"socket": agent.socket, "mode": "0600"},
                log={"file": log, "format": "json", "level": "debug"})
    assert command("reload", "-s", before).returncode == 0
    wait_until(lambda: not os.path.exists(before))
    assert agent.get("/healthz")[0] == 200
    assert os.stat(agent.socket).st_mode & 0o777 == 0o600
    reload(agent, control={"mode": "0666"})
    assert os.stat(agent.socket).st_mode & 0o777 == 0o666
    with open(log, encoding="utf-8") as file:
        assert [line for line in map(json.loads, file) if "reloaded" in line["message"]]
    assert agent.stop() == 0


def test_a_control_socket_that_only_the_new_file_asks_for(agents, logs):
    agent = agents("/nowhere")
    path, port = agent.socket, free_port()
    agent.write(inputs=[file_input("a", logs[0])], control={"socket": ""})
    agent.start(wait=False)
    agent.says("following")
    assert not os.path.exists(path)
    agent.write(control={"socket": path, "http": f"127.0.0.1:{port}"})
    agent.process.send_signal(signal.SIGHUP)
    agent.says("reloaded the configuration")
    assert agent.get("/healthz")[0] == 200  # at once, and not at some later look
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        assert answer.status == 200
    reload(agent, control={"http": ""})
    agent.write(control={"socket": ""})
    agent.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not os.path.exists(path))
    agent.write(control={"socket": path})
    agent.process.send_signal(signal.SIGHUP)
    wait_until(lambda: os.path.exists(path) and agent.get("/healthz")[0] == 200)
    assert agent.stop() == 0 and not os.path.exists(path)


def test_a_control_socket_that_cannot_be_had_is_refused(agents, logs):
    agent, other = agents("/nowhere"), agents(logs[1])
    other.start()
    agent.write(inputs=[file_input("a", logs[0])], control={"socket": ""})
    agent.start(wait=False)
    agent.says("following")
    agent.write(control={"socket": other.socket})
    agent.process.send_signal(signal.SIGHUP)
    agent.says("was not reloaded")
    assert other.get("/healthz")[0] == 200
    assert agent.stop() == 0


def test_kills_in_the_middle_of_reloads_lose_and_double_nothing(store, agents, logs):
    agent = agents("/nowhere", store.store())
    agent.write(inputs=[file_input("a", logs[0], start="begin")])
    writer = Lines(logs[0], 5000)
    writer.start()
    for round_ in range(4):
        agent.start(wait=round_ == 0)
        time.sleep(0.1 + 0.05 * round_)
        agent.write(inputs=[file_input("a", logs[0], start="begin"),
                            file_input(f"b{round_}", logs[1])][:1 + round_ % 2])
        agent.process.send_signal(signal.SIGHUP)
        time.sleep(0.004 * round_)
        agent.kill()
    agent.start()
    lines = writer.stop()
    wait_until(lambda: entries(agent)["a"]["committed"] == lines, 20)
    assert rows_of(store) == writer.rows()
