"""The log in systemd's journal: entries with a level and fields, by journald's own protocol."""
import os
import socket
import subprocess

import pytest

from agent import LASTSEEN, ROOT, environment
from servers import is_root, wait_until

pytestmark = pytest.mark.skipif(not is_root(), reason="a mount namespace needs root")

# journald's socket has one path; in a mount namespace it is ours.
IN_NAMESPACE = ('mount -t tmpfs none /run && mkdir -p /run/systemd/journal'
                ' && mount --bind "$0" /run/systemd/journal && exec "$@"')


class Journal:
    """What journald would have received, and the stream that stderr would be."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "journal")
        os.mkdir(self.directory)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(self.directory, "socket"))
        self.socket.setblocking(False)
        self.stream, self.stderr = socket.socketpair()
        self.stream.setblocking(False)
        self.entries, self.text = [], b""

    def name(self):
        info = os.fstat(self.stderr.fileno())
        return f"{info.st_dev}:{info.st_ino}"

    def read(self):
        try:
            while True:
                entry = self.socket.recv(65536).decode()
                self.entries.append(dict(line.split("=", 1) for line in entry.splitlines()))
        except BlockingIOError:
            pass
        try:
            while True:
                self.text += self.stream.recv(65536)
        except BlockingIOError:
            pass
        return self.entries

    def entry(self, message):
        def there():
            return next((e for e in self.read() if message in e["MESSAGE"]), None)
        return wait_until(there, what=f"an entry '{message}'")


@pytest.fixture
def journal(tmp_path):
    return Journal(str(tmp_path))


def start(agent, journal, stream):
    agent.process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", IN_NAMESPACE, journal.directory, LASTSEEN, "run", "-c",
         agent.config], stdout=subprocess.DEVNULL, stderr=journal.stderr.fileno(), cwd=ROOT,
        env=environment(JOURNAL_STREAM=stream))
    wait_until(agent.is_ready, 20)


def test_entries_have_a_level_and_fields_and_the_text_has_them_too(agents, tmp_log, journal):
    agent = agents(tmp_log)
    open(agent.stderr, "w", encoding="utf-8").close()
    start(agent, journal, journal.name())
    started = journal.entry("started")
    assert started["PRIORITY"] == "6" and started["SYSLOG_IDENTIFIER"] == "lastseen"
    assert started["AGENT_ID"] == "e2e" and started["INPUTS"] == "1"
    assert started["MESSAGE"].endswith(" started agent_id=e2e inputs=1 store=sqlite")
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write("this is no JSON\n")
    skipped = journal.entry("were skipped")
    assert skipped["PRIORITY"] == "4"
    assert skipped["INPUT"] == "nginx" and skipped["REASON"] == "malformed"
    assert agent.stop() == 0
    journal.entry("stopped")
    assert journal.text == b""  # nothing twice


@pytest.mark.parametrize("why", ["stderr is another", "the format is json"])
def test_lines_on_stderr_where_no_entries_are_wanted(agents, tmp_log, journal, why):
    agent = agents(tmp_log)
    open(agent.stderr, "w", encoding="utf-8").close()
    if why == "the format is json":
        agent.write(log={"format": "json"})
    start(agent, journal, journal.name() if why == "the format is json" else "1:2")
    assert agent.stop() == 0
    assert journal.read() == []
    assert b"started" in journal.text
