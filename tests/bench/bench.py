"""What all parts of the report share: its options, the generated logs, and PostgreSQL."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from servers import Postgres, wait_until  # noqa: E402

import measure  # noqa: E402


@dataclass
class Log:
    """A generated log and what is in it."""
    path: str
    truth: str  # a line a client: name, last ms, first ms, count
    parser: object
    lines: int

    @property
    def bytes(self):
        return os.path.getsize(self.path)

    @property
    def last_ms(self):
        with open(self.truth, encoding="utf-8") as file:
            return max(int(line.split("\t")[1]) for line in file)


@dataclass
class Bench:
    build: str     # where the binaries and the logs are
    lastseen: str  # the binary to measure
    rounds: int
    lines: int     # of the large logs
    quick: bool

    def log(self, name, parser, lines, *options):
        """Generated once for each name and length: the same bytes always. A change of the
        generator makes new ones."""
        generator = f"{self.build}/tests/bench/generate_log"
        path = os.path.join(self.build, f"{name}-{lines}.log")
        new = not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(generator)
        if new:
            for old in (f"{path}.partial", f"{path}.truth"):
                if os.path.exists(old):
                    os.remove(old)
            subprocess.run([generator, "--lines", str(lines), *options, "--output",
                            f"{path}.partial", "--truth", f"{path}.truth"], check=True)
            os.rename(f"{path}.partial", path)
        return Log(path, f"{path}.truth", parser, lines)

    def json_log(self, lines=None):
        """The log that the peers read too: nginx's escape=json, 10,000 clients."""
        return self.log("nginx-json", "json", lines or self.lines)

    def agent(self, log, store, **changes):
        """One that runs, as the end-to-end tests have it; not started."""
        os.environ["LASTSEEN"] = self.lastseen
        from agent import Agent  # reads the variable
        return Agent(log, store, **changes)

    def once(self, log, store, **more):
        """A Sample of `lastseen run --once` from the first byte of a log, or of several."""
        paths = log if isinstance(log, list) else [log]
        with tempfile.TemporaryDirectory(prefix="ls-bench-") as directory:
            config = os.path.join(directory, "lastseen.yaml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(_config(paths, store, directory, more))
            return measure.run([self.lastseen, "run", "--once", "-c", config])


def _config(logs, store, directory, more):
    """A configuration: YAML reads JSON."""
    inputs = [{"name": f"log{at}", "path": log.path, "start": "begin", "parser": log.parser}
              for at, log in enumerate(logs)]
    return json.dumps({"agent_id": "bench", "inputs": inputs, "store": store,
                       "state_dir": directory, "control": {"socket": ""},
                       "log": {"level": "warn"}, **more})


class Database:
    """A PostgreSQL of its own on a disk, durable, with its defaults; migrated by lastseen."""

    def __init__(self, bench):
        self.directory = tempfile.mkdtemp(prefix="ls-bench-pg-", dir="/var/tmp")
        self.server = Postgres(directory=self.directory)
        self.server.start(durable=True, more="-c shared_buffers=128MB -c max_wal_size=4GB")
        self.bench = bench
        self.database = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.destroy()

    def fresh(self):
        """An empty database with the tables."""
        self.database = self.server.create_database()
        with tempfile.TemporaryDirectory(prefix="ls-bench-") as directory:
            config = os.path.join(directory, "lastseen.yaml")
            nothing = Log("/nowhere", "", "json", 0)
            with open(config, "w", encoding="utf-8") as file:
                file.write(_config([nothing], self.store(), directory, {}))
            subprocess.run([self.bench.lastseen, "migrate", "-c", config], check=True,
                           capture_output=True)
        return self

    def store(self):
        return {"type": "postgres", "url": self.conninfo()}

    def conninfo(self):
        """Over the Unix socket, without a password."""
        return (f"host={self.server.directory} port={self.server.port} "
                f"dbname={self.database.name} user=postgres")

    def query(self, sql, *values):
        return self.database.query(sql, *values)

    @contextlib.contextmanager
    def snapshot(self):
        """A reader's, for as long as the block runs."""
        with contextlib.closing(self.server.connect(self.database.name)) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM client_activity")
            yield

    def cpu_seconds(self):
        return measure.cpu_of_family(self._postmaster())

    def costing(self, action):
        """The Sample of action(), with the server's CPU seconds in `more`."""
        self._left_alone()
        before = self.cpu_seconds()
        sample = action()
        self._left_alone()
        sample.more["database_cpu"] = self.cpu_seconds() - before
        return sample

    def _left_alone(self):
        """Waits until the server has buried whoever served a connection: until then its time
        counts nowhere."""
        def alone():
            # Who has ended and is not buried yet has no command line any more.
            return not any(command == "" or f" {self.database.name} " in command
                           for command in measure.commands_of_children(self._postmaster()))
        wait_until(alone, what="connections have ended")

    def _postmaster(self):
        with open(f"{self.server.data}/postmaster.pid", encoding="utf-8") as file:
            return int(file.readline())
