"""Fixtures: real servers, and a factory of agents that are gone after the test."""
import os
import shutil
import sqlite3
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import LASTSEEN, Agent, command, sqlite_query, sqlite_rows  # noqa: E402
from servers import Nginx, Postgres, Upstream, scratch  # noqa: E402


def pytest_sessionstart(session):
    if not os.access(LASTSEEN, os.X_OK):
        pytest.exit(f"no binary at {LASTSEEN}: run make build, or set LASTSEEN", 2)


def pytest_configure(config):
    config.fault_outcomes = []  # (test, {what: count}) of test_live_faults.py


def pytest_terminal_summary(terminalreporter, config):
    if not config.fault_outcomes:
        return
    names = list(config.fault_outcomes[0][1])
    terminalreporter.section("faults")
    terminalreporter.write_line("| fault | " + " | ".join(names) + " |")
    terminalreporter.write_line("|---" * (len(names) + 1) + "|")
    for test, outcome in config.fault_outcomes:
        cells = " | ".join(f"{outcome[name]:,}" for name in names)
        terminalreporter.write_line(f"| {test.removeprefix('test_')} | {cells} |")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its agents said."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for made in getattr(item, "agents_made", []):
            if os.path.exists(made.stderr):
                report.sections.append((f"{made.config}: stderr", made.log()[-8000:]))


@pytest.fixture(scope="session")
def cluster():
    """The PostgreSQL that tests share; each takes its own database."""
    server = Postgres()
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def cluster_template():
    """A cluster that never runs; copied by tests that stop or freeze theirs."""
    server = Postgres()
    yield server
    server.destroy()


@pytest.fixture
def own_cluster(cluster_template):
    """A durable PostgreSQL for this test alone, not started."""
    server = Postgres(cluster_template)
    yield server
    server.destroy()


@pytest.fixture
def agents(request):
    made = []
    request.node.agents_made = made

    def make(log, store=None, **changes):
        made.append(Agent(log, store, **changes))
        return made[-1]

    yield make
    for agent in made:
        agent.destroy()


def migrated(database, agents):
    """The database after `lastseen migrate`."""
    done = command("migrate", "-c", agents("/nowhere", database.store()).config)
    assert done.returncode == 0, done.err
    return database


@pytest.fixture
def empty_database(cluster):
    return cluster.create_database()


@pytest.fixture
def database(empty_database, agents):
    return migrated(empty_database, agents)


@pytest.fixture
def own_database(own_cluster, agents):
    """A database in a durable cluster that this test may stop."""
    own_cluster.start(durable=True)
    return migrated(own_cluster.create_database(), agents)


class SqliteStore:
    """The other store, with the same questions as servers.Database."""

    def __init__(self, path):
        self.path = path

    def store(self, **more):
        return {"type": "sqlite", "path": self.path, **more}

    def rows(self):
        return sqlite_rows(self.path)

    def query(self, sql, *values):
        return sqlite_query(self.path, sql, *values)

    def batch(self, agent_id="e2e"):
        try:
            found = self.query("SELECT batch FROM lastseen_agent WHERE agent_id = ?", agent_id)
        except sqlite3.OperationalError:  # no file or no tables yet
            return 0
        return found[0][0] if found else 0


@pytest.fixture(params=["postgres", "sqlite"])
def store(request):
    """Each store in turn."""
    if request.param == "postgres":
        yield request.getfixturevalue("database")
        return
    directory = scratch("ls-sqlite-")
    yield SqliteStore(f"{directory}/lastseen.db")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def upstream():
    server = Upstream()
    yield server
    server.destroy()


@pytest.fixture
def nginx(upstream):
    server = Nginx(upstream)
    yield server
    server.destroy()


@pytest.fixture
def tmp_log():
    """The path of a log that is still empty, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="ls-log-", dir="/tmp") as directory:
        path = os.path.join(directory, "access.log")
        with open(path, "a", encoding="utf-8"):
            yield path


@pytest.fixture
def logs(tmp_log):
    """Two empty logs."""
    paths = [os.path.join(os.path.dirname(tmp_log), f"{name}.log") for name in "ab"]
    for path in paths:
        with open(path, "w", encoding="utf-8"):
            pass
    return paths
