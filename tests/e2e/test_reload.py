"""The configuration changes under a running agent: nothing is lost, nothing is counted twice."""
import json
import os
import signal
import socket
import threading
import time
import urllib.request

import pytest

from agent import command, environment, sqlite_query
from conftest import migrated
from feeds import datagram_socket, feed, ndjson, stream_socket
from servers import free_port, wait_until
from trouble import ForgetfulProxy, HangingProxy

START_MS = 1_795_305_600_000


class Lines(threading.Thread):
    """Appends numbered lines at a rate: line n is of client n % clients, n ms after the start."""

    def __init__(self, path, rate, clients=500, name="c"):
        super().__init__(daemon=True)
        self.path, self.rate, self.clients, self.prefix = path, rate, clients, name
        self.done, self.lock = threading.Event(), threading.Lock()
        self.written = self.rotations = 0
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def text(self, n):
        return f'{{"client_id":"{self.prefix}{n % self.clients}","ts":{(START_MS + n) / 1000}}}\n'

    def run(self):
        started = time.monotonic()
        while not self.done.is_set():
            due = int((time.monotonic() - started) * self.rate)
            bytes_ = "".join(map(self.text, range(self.written, due))).encode()
            with self.lock:
                os.write(self.file, bytes_)
            self.written = due
            self.done.wait(0.01)
        os.close(self.file)

    def rotate(self, keep=True):
        """Rename and create; or remove, so that only the agent's descriptor leads to the rest."""
        self.rotations += 1
        if keep:
            os.rename(self.path, f"{self.path}.{self.rotations}")
        else:
            os.unlink(self.path)
        time.sleep(0.02)
        with self.lock:
            os.close(self.file)
            self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def stop(self):
        self.done.set()
        self.join()
        return self.written

    def rows(self):
        """What the table must hold: {client: newest ms}"""
        return {f"{self.prefix}{n % self.clients}": START_MS + n
                for n in range(max(0, self.written - self.clients), self.written)}


class Datagrams(threading.Thread):
    """Numbered datagrams, which must never be refused."""

    def __init__(self, path, rate, clients=100):
        super().__init__(daemon=True)
        self.path, self.rate, self.clients = path, rate, clients
        self.done = threading.Event()
        self.sent, self.error = 0, None

    def run(self):
        try:
            sender = datagram_socket(self.path)
            while not self.done.is_set():
                for _ in range(max(self.rate // 100, 1)):
                    sender.send(ndjson(f"d{self.sent % self.clients}", START_MS + self.sent))
                    self.sent += 1
                time.sleep(0.01)
        except OSError as error:
            self.error = error

    def stop(self):
        self.done.set()
        self.join()
        assert self.error is None, self.error
        return self.sent


def entries(agent):
    return {entry["name"]: entry for entry in agent.status()["inputs"]}


def reload(agent, **changes):
    agent.write(**changes)
    done = command("reload", "-s", agent.socket)
    assert done.returncode == 0, done.err
    return done.out


def file_input(name, path, **more):
    return {"name": name, "path": path, "start": "end", "parser": "ndjson", **more}


@pytest.fixture
def logs(tmp_log):
    """Two empty logs."""
    paths = [os.path.join(os.path.dirname(tmp_log), f"{name}.log") for name in "ab"]
    for path in paths:
        with open(path, "w", encoding="utf-8"):
            pass
    return paths


def under_load(agents, log, name, store, rate):
    """An agent with a file and a feed, and who writes to them."""
    agent = agents("/nowhere", store)
    fed = feed("fed", "unix_datagram", agent.directory)
    agent.write(inputs=[file_input(name, log), fed])
    agent.start()
    writer, sender = Lines(log, rate), Datagrams(fed["path"], rate // 10)
    writer.start()
    sender.start()
    time.sleep(0.3)
    return agent, fed, writer, sender


def rows_of(store):
    return {client: last for client, (last, _) in store.rows().items()}


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


def store_lines(store, name):
    sql = "SELECT ledger FROM lastseen_position WHERE agent_id = 'e2e' AND stream = '' AND input = "
    ledger_json = store.query(sql + f"'{name}'")[0][0]
    counts = json.loads(ledger_json) if isinstance(ledger_json, str) else ledger_json
    return counts.get("lines_read", 0)


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
    port = str(database.server.port)
    agent.write(store=database.store(url=database.url().replace(port, str(proxy.port))))
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


def behind(proxy, database, **more):
    port = str(database.server.port)
    return database.store(url=database.url().replace(port, str(proxy.port)), **more)


@pytest.mark.parametrize("other", [True, False], ids=["another store", "the same anew"])
def test_a_store_that_hangs_after_it_connected_is_refused(database, agents, logs, other):
    short = {"connect": "1s", "statement": "1s", "lock": "1s"}
    proxy = HangingProxy(database.server.port)
    here = database.store(timeout=short) if other else behind(proxy, database, timeout=short)
    there = behind(proxy, database, timeout={**short, "lock": "2s"})
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
