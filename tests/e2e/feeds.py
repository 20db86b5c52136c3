"""Writers to the agent's feeds, whose truth is known by construction."""
import base64
import json
import os
import socket
import threading
import time

from agent import ROOT
from logs import Truth, ms_of

CORPUS = f"{ROOT}/tests/corpus"


def feed(name, kind, agent_directory, parser="ndjson", **more):
    """An input of the configuration."""
    path = {} if kind == "stdin" else {"path": os.path.join(agent_directory, f"{name}.sock")}
    return {"name": name, "type": kind, "parser": parser, **path, **more}


def ndjson(client, ms):
    return json.dumps({"client_id": client, "ts": ms / 1000}).encode()


def datagram_socket(path):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(path)
    return sender


def stream_socket(path):
    sender = socket.socket(socket.AF_UNIX)
    sender.connect(path)
    return sender


class Sender:
    """Datagrams that name clients in turn; counts those that the kernel took."""

    def __init__(self, path, clients=50):
        self.path, self.clients = path, clients
        self.truth = Truth()
        self.ms = 1_795_000_000_000
        self.times = []  # of each datagram
        self.socket = None
        self.stopping = threading.Event()
        self.thread = None

    def send(self, count=1):
        for _ in range(count):
            client = f"client-{self.truth.lines % self.clients}"
            self.socket = self.socket or datagram_socket(self.path)
            self.socket.send(ndjson(client, self.ms + 1))
            self.ms += 1
            self.truth.see(client, self.ms)
            self.times.append(time.monotonic())

    def start(self, rate):
        """Sends until stop(), or until nobody receives any more."""
        def run():
            try:
                while not self.stopping.is_set():
                    self.send(max(rate // 100, 1))
                    time.sleep(0.01)
            except OSError:
                pass
        self.thread = threading.Thread(target=run)
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.stopping.clear()
        self.socket = None
        return self.truth


def corpus_datagrams(stem):
    with open(f"{CORPUS}/{stem}.dgram.jsonl", encoding="utf-8") as file:
        return [base64.b64decode(json.loads(line)["b64"]) for line in file]


class CorpusTable:
    """What the table holds after a file of the corpus. Some lines have several right answers."""

    def __init__(self, stem):
        self.sure, self.maybe = {}, set()
        with open(f"{CORPUS}/{stem}.truth.jsonl", encoding="utf-8") as file:
            truths = [json.loads(line) for line in file]
        for truth in truths:
            if "accept" in truth:
                self.maybe |= {truth["client_id"], *truth["accept"]}
            elif truth["client_id"] is not None and truth["ts"]:
                client, ms = truth["client_id"], ms_of(truth["ts"])
                self.sure[client] = max(ms, self.sure.get(client, ms))

    def agrees_with(self, rows):
        assert set(self.sure) <= set(rows) <= set(self.sure) | self.maybe
        for client in set(self.sure) - self.maybe:
            assert abs(rows[client][0] - self.sure[client]) <= 1, client
        return True
