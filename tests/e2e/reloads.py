"""Who writes while the configuration changes, and the configuration that they write by."""
import json
import os
import threading
import time

from agent import command
from feeds import datagram_socket, feed, ndjson

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


def store_lines(store, name):
    sql = "SELECT ledger FROM lastseen_position WHERE agent_id = 'e2e' AND stream = '' AND input = "
    ledger_json = store.query(sql + f"'{name}'")[0][0]
    counts = json.loads(ledger_json) if isinstance(ledger_json, str) else ledger_json
    return counts.get("lines_read", 0)
