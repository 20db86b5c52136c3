"""lastseen itself, as the tests run it."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess

from servers import PASSWORD, PATIENCE, scratch, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LASTSEEN = os.environ.get("LASTSEEN", os.path.join(ROOT, "build", "lastseen"))


SANITIZER = "Sanitizer: "  # ERROR: AddressSanitizer: …, WARNING: ThreadSanitizer: …


def environment(**more):
    """Without what would change the agent's mind from outside."""
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith("PG") and k not in ("NOTIFY_SOCKET", "JOURNAL_STREAM", "LOG")}
    return {**clean, **more}


def command(*args, timeout=30, env=None, **options):
    """Runs lastseen to its end; its outputs never hold the password."""
    done = subprocess.run([LASTSEEN, *map(str, args)], capture_output=True,
                          timeout=timeout * PATIENCE,
                          env=env or environment(), **{"cwd": ROOT, **options})
    done.out = done.stdout.decode(errors="replace")
    done.err = done.stderr.decode(errors="replace")
    assert PASSWORD not in done.out + done.err
    assert SANITIZER not in done.err, done.err
    return done


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def http_call(path, method, target, timeout=30):
    """(status, text, headers) of one request over a Unix socket."""
    connection = UnixConnection(path, timeout)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def merged(base, changes):
    """A copy of base with changes put in, mapping by mapping; None removes a key."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and "type" not in value:
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


class Agent:
    """A configuration, a directory, and at most one process at a time."""

    def __init__(self, log, store=None, **changes):
        self.directory = scratch("ls-agent-")
        os.chmod(self.directory, 0o755)
        self.socket = os.path.join(self.directory, "control.sock")
        self.database = os.path.join(self.directory, "lastseen.db")
        self.config = os.path.join(self.directory, "lastseen.yaml")
        self.stderr = os.path.join(self.directory, "stderr")
        self.process = None
        parser = changes.pop("parser", "json")
        self.settings = merged({
            "agent_id": "e2e",
            "inputs": [{"name": "nginx", "path": log, "start": "begin", "parser": parser}],
            "flush": {"interval": "100ms"},
            "state_dir": self.directory,
            "store": store or {"type": "sqlite", "path": self.database},
            "control": {"socket": self.socket},
        }, changes)
        self.write()

    def write(self, **changes):
        self.settings = merged(self.settings, changes)
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.settings, file, indent=2)

    def start(self, *args, wait=True, env=None, program=None, **options):
        assert self.process is None
        with open(self.stderr, "ab") as err:
            self.process = subprocess.Popen(
                [*(program or [LASTSEEN]), "run", "-c", self.config, *args],
                stdout=subprocess.DEVNULL, stderr=err, env=env or environment(), cwd=ROOT,
                **options)
        if wait:
            wait_until(self.is_ready, 20, what="agent ready")
        return self

    def once(self, timeout=60):
        return command("run", "--once", "-c", self.config, timeout=timeout)

    def is_ready(self):
        assert self.process.poll() is None, f"exit {self.process.returncode}: {self.log()}"
        return self.get("/readyz")[0] == 200

    def waits_for(self, *words, store=None, timeout=20):
        """readyz answers 503 with all of the words, and then the store is in this state."""
        def said():
            code, reason, _ = self.get("/readyz")
            return code == 503 and all(word in reason for word in words)
        wait_until(said, timeout, what=f"readyz names {words}")
        # What is pending for too long is not ready either, and is so before a call has failed.
        if store:
            wait_until(lambda: self.status()["store"]["state"] == store, timeout, what=store)

    def get(self, target, method="GET", timeout=30):
        return http_call(self.socket, method, target, timeout)

    def status(self):
        code, text, _ = self.get("/status")
        assert code == 200
        status = json.loads(text)
        for entry in status["inputs"]:
            assert entry["lines_read"] == (
                entry["committed"] + entry["pending"] + sum(entry["skipped"].values())
                + entry["quarantined"] + sum(entry["lost"].values())), entry
        return status

    def input(self, index=0):
        """Of /status; of the reasons only those that occurred."""
        entry = self.status()["inputs"][index]
        for group in ("skipped", "lost", "lost_bytes"):
            entry[group] = {reason: count for reason, count in entry[group].items() if count}
        return entry

    def settled(self, lines, timeout=30):
        """Waits until exactly so many lines are read and none is pending; returns the input."""
        def there():
            entry = self.input()
            assert entry["lines_read"] <= lines, entry
            return entry["lines_read"] == lines and entry["pending"] == 0 and entry
        return wait_until(there, timeout, what=f"{lines} lines committed")

    def assert_exact(self, database, truth):
        """The table holds what was written, and every sighting is counted once."""
        entry = self.settled(truth.lines)
        assert entry["committed"] == truth.sightings
        assert database.rows() == truth.clients

    def log(self):
        with open(self.stderr, encoding="utf-8", errors="replace") as file:
            return file.read()

    def says(self, text, timeout=10):
        wait_until(lambda: text in self.log(), timeout, what=f"the log says '{text}'")

    def wait(self, timeout=20):
        code = self.process.wait(timeout * PATIENCE)
        self.process = None
        return code

    def stop(self, timeout=20):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.process.kill()
        return self.wait()

    def rows(self):
        """Of the SQLite store: {client_id: (last_seen ms, created_at ms)}"""
        return sqlite_rows(self.database)

    def destroy(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(FileNotFoundError):
            log = self.log()
            shutil.rmtree(self.directory, ignore_errors=True)
            assert PASSWORD not in log
            assert SANITIZER not in log, log  # whose exit status a kill hides
        shutil.rmtree(self.directory, ignore_errors=True)


def sqlite_query(path, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True,
                                            timeout=10)) as connection:
        return connection.execute(sql, values).fetchall()


def sqlite_rows(path, table="client_activity"):
    ms = ("cast(strftime('%s', {0}) AS integer) * 1000 "
          "+ cast(substr(strftime('%f', {0}), 4) AS integer)")
    return {client: (last, created) for client, last, created in sqlite_query(
        path, f"SELECT client_id, {ms.format('last_seen')}, {ms.format('created_at')} "
              f"FROM {table}")}
