"""Logs whose truth is known by construction, and what the table must hold after they are read."""
import json
import os
import random
import re
import threading
import time
from datetime import datetime, timezone


def json_line(ms, client=None, how="body", body=None):
    """A line of log_format json_escape. `how`: body, query or none."""
    request = {"client_id": client, "operation": "create", "records": [{"client_id": "decoy"}]}
    uri = "/items"
    if how == "query":
        uri, body = f"/items?page=2&client_id={client}", '{"a":1}\n{"client_id":"decoy"}\n'
    elif how == "none":
        uri, body = "/health", ""
    elif body is None:
        body = json.dumps(request)
    args = uri.partition("?")[2]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(ms // 1000))
    line = {"time": stamp, "msec": 0, "remote_addr": "10.0.0.1", "method": "POST",
            "request_uri": uri, "uri": "/items", "args": args, "status": 200, "bytes": 11,
            "user_agent": "curl/8 client_id=agent", "referer": "http://x/?client_id=referer",
            "request_body": body}
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    return text.replace('"msec":0', f'"msec":{ms // 1000}.{ms % 1000:03d}', 1) + "\n"


class Truth:
    """What the lines say: per client the newest and the oldest time, and how many lines."""

    def __init__(self):
        self.clients = {}  # client → (last ms, first ms)
        self.sightings = 0
        self.lines = 0

    def see(self, client, ms):
        last, first = self.clients.get(client, (ms, ms))
        self.clients[client] = (max(last, ms), min(first, ms))
        self.sightings += 1
        self.lines += 1

    def miss(self):
        self.lines += 1


def backlog(path, lines, clients, seed, start_ms=1795305600000):
    """Writes a log of the past in time order, 0.1 ms a line; returns its Truth."""
    chance = random.Random(seed)
    truth = Truth()
    with open(path, "w", encoding="utf-8") as file:
        for number in range(lines):
            ms = start_ms + number // 10
            how = chance.choices(("body", "query", "none"), (6, 3, 1))[0]
            client = f"CLIENT_{int(clients * chance.random() ** 3)}"
            file.write(json_line(ms, client, how))
            if how == "none":
                truth.miss()
            else:
                truth.see(client, ms)
    return truth


def truth_of_nginx(paths):
    """The Truth of what a real nginx wrote, for requests of Load: client_id is in the query or
    first in the body. Knows nothing of lastseen's parsers."""
    truth = Truth()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                ms = round(line["msec"] * 1000)
                if "client_id=" in line["args"]:
                    truth.see(line["args"].partition("client_id=")[2], ms)
                elif line["request_body"]:
                    truth.see(json.loads(line["request_body"])["client_id"], ms)
                else:
                    truth.miss()
    return truth


class Writer(threading.Thread):
    """Appends to a log as a live proxy would: `rate` lines a second, with the wall's time, each
    write whole lines. rotate() renames and reopens, as nginx does on USR1."""

    def __init__(self, path, rate, clients, seed=1):
        super().__init__(daemon=True)
        self.path, self.rate, self.clients = path, rate, clients
        self.chance = random.Random(seed)
        self.truth = Truth()
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def run(self):
        started, written = time.monotonic(), 0
        while not self.done.is_set():
            due = int((time.monotonic() - started) * self.rate)
            ms = int(time.time() * 1000)
            texts = []
            for _ in range(due - written):
                how = self.chance.choices(("body", "query", "none"), (6, 3, 1))[0]
                client = f"CLIENT_{self.chance.randrange(self.clients)}"
                texts.append(json_line(ms, client, how))
                if how == "none":
                    self.truth.miss()
                else:
                    self.truth.see(client, ms)
            written = due
            with self.lock:
                os.write(self.file, "".join(texts).encode())
            self.done.wait(0.01)
        os.close(self.file)

    def rotate(self):
        """As nginx between logrotate's rename and USR1: a few lines still go to the old file."""
        os.rename(self.path, self.path + ".1")
        time.sleep(0.03)
        with self.lock:
            os.close(self.file)
            self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def stop(self):
        self.done.set()
        self.join()
        return self.truth

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if not self.done.is_set():
            self.stop()


def ms_of(stamp):
    """Of a time as `parse` writes it."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp), stamp
    at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(at.timestamp() * 1000)
