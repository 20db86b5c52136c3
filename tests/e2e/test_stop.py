"""What the agent tells systemd and its operator, from start to stop."""
import contextlib
import ctypes
import os
import re
import signal
import socket
import time

import pytest

from agent import environment
from logs import Writer, backlog, json_line
from servers import cpu_ticks_of, wait_until


class Notified:
    """A NOTIFY_SOCKET that remembers."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.lines = []

    def has(self, start):
        try:
            while True:
                self.lines += self.socket.recv(65536).decode().splitlines()
        except BlockingIOError:
            return any(line.startswith(start) for line in self.lines)


def test_sd_notify_ready_status_stopping(database, agents, tmp_log):
    agent = agents(tmp_log, database.store())
    notified = Notified(agent.directory)
    with Writer(tmp_log, rate=1000, clients=50):
        agent.start(env=environment(NOTIFY_SOCKET=notified.path))
        wait_until(lambda: notified.has("READY=1"))
        wait_until(lambda: notified.has("STATUS="))
        # Live rates: a number that is not 0 for lines.
        wait_until(lambda: notified.has("") and any(
            re.search(r"[1-9][\d,.]* lines", line) for line in notified.lines), 15)
        assert not notified.has("STOPPING=1")
        assert agent.stop() == 0
        wait_until(lambda: notified.has("STOPPING=1"))
    assert notified.lines.index("READY=1") < notified.lines.index("STOPPING=1")


def test_ready_is_sent_with_the_database_down(own_cluster, agents, tmp_log):
    """systemd must not wait for a database that may take hours."""
    own_cluster.start()
    database = own_cluster.create_database()
    own_cluster.stop()
    agent = agents(tmp_log, database.store())
    notified = Notified(agent.directory)
    agent.start(wait=False, env=environment(NOTIFY_SOCKET=notified.path))
    wait_until(lambda: notified.has("READY=1"))


PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000


@contextlib.contextmanager
def thread_held(pid, name):
    """One thread of the process stands still; the others go on."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
            if file.read().strip() == name:
                break
    else:
        raise AssertionError(f"no thread {name}")
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.ptrace(PTRACE_ATTACH, int(task), None, None) == 0, ctypes.get_errno()
    os.waitpid(int(task), WALL)
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, int(task), None, None)


@pytest.mark.parametrize("thread", ["ingest", "flush"])
def test_watchdog_hears_of_progress_and_not_of_a_timer(store, agents, tmp_log, thread):
    agent = agents(tmp_log, store.store())
    notified = Notified(agent.directory)
    agent.start(env=environment(NOTIFY_SOCKET=notified.path, WATCHDOG_USEC="800000"))

    def pats(seconds):
        notified.has("")
        notified.lines.clear()
        time.sleep(seconds)
        notified.has("")
        return notified.lines.count("WATCHDOG=1")

    assert pats(2) >= 6  # four within WATCHDOG_USEC, though nothing is there to read
    with thread_held(agent.process.pid, thread):
        pats(0.5)  # what the thread did before
        assert pats(1.2) == 0
        assert any(line.startswith("STATUS=") for line in notified.lines)  # main goes on
    pats(0.5)
    assert pats(1) >= 3
    assert agent.stop() == 0


def test_nobody_hears_of_a_watchdog_that_is_another_process_s(store, agents, tmp_log):
    agent = agents(tmp_log, store.store())
    notified = Notified(agent.directory)
    agent.start(env=environment(NOTIFY_SOCKET=notified.path, WATCHDOG_USEC="400000",
                                WATCHDOG_PID=str(os.getpid())))
    time.sleep(1)
    assert notified.has("READY=1") and not notified.has("WATCHDOG=1")


def test_log_says_what_was_flushed(database, agents, tmp_log):
    backlog(tmp_log, 1300, 47, seed=1)
    agent = agents(tmp_log, database.store()).start()
    agent.settled(1300)
    agent.stop()
    assert re.search(r"flushed \d+ clients? \([\d,]+ lines?\) in \d+ ms", agent.log())


def test_sigint_is_a_stop_too(store, agents, tmp_log):
    truth = backlog(tmp_log, 1000, 47, seed=1)
    agent = agents(tmp_log, store.store(), flush={"interval": "1h"})
    agent.start(wait=False)
    wait_until(lambda: agent.input()["lines_read"] == 1000)
    agent.process.send_signal(signal.SIGINT)
    assert agent.wait() == 0
    assert store.rows() == truth.clients


def test_hung_up_agent_goes_on(database, agents, tmp_log):
    """SIGHUP is no reason to end; SIGPIPE from a gone reader of the socket neither."""
    agent = agents(tmp_log, database.store()).start()
    agent.process.send_signal(signal.SIGHUP)
    agent.process.send_signal(signal.SIGPIPE)
    time.sleep(0.3)
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305600123, "A"))
    wait_until(lambda: database.rows() == {"A": (1795305600123,) * 2})
    assert agent.stop() == 0


def test_log_file_is_reopened_on_usr1(database, agents, tmp_log):
    agent = agents(tmp_log, database.store())
    log = os.path.join(agent.directory, "lastseen.log")
    agent.write(log={"file": log})
    agent.start()
    os.rename(log, log + ".1")
    agent.process.send_signal(signal.SIGUSR1)
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305600123, "A"))
    wait_until(lambda: "A" in database.rows() and os.path.exists(log))
    assert agent.stop() == 0
    with open(log, encoding="utf-8") as file:
        assert "flushed" in file.read()


def test_an_idle_agent_hardly_wakes_up(store, agents, tmp_log):
    backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, store.store()).start()
    agent.settled(100)
    time.sleep(1)

    before = cpu_ticks_of(agent.process.pid)
    time.sleep(3)
    assert cpu_ticks_of(agent.process.pid) - before <= 6  # 2 % of a core
