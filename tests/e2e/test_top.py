"""`lastseen top` on a real terminal, and without one."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from agent import LASTSEEN, command, environment
from logs import backlog, json_line
from servers import stat_of, wait_until


class Screen:
    """A terminal of `rows` × `columns` on which lastseen top runs, and what it shows."""

    def __init__(self, socket, rows=24, columns=80, interval="200ms"):
        self.main, terminal = pty.openpty()
        self.before = termios.tcgetattr(terminal)
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            [LASTSEEN, "top", "-s", socket, "-d", interval], stdin=terminal, stdout=terminal,
            stderr=terminal, env=environment(TERM="xterm"), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))  # keys and sizes give signals
        self.terminal = terminal  # stays open: its settings are looked at when top is gone
        self.bytes = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take(self, seconds):
        deadline = time.monotonic() + seconds
        while select.select([self.main], [], [], max(deadline - time.monotonic(), 0))[0]:
            self.bytes += os.read(self.main, 65536)

    def frame(self):
        """The last whole screen, as lines of plain text."""
        whole = [part for part in self.bytes.split(b"\x1b[H")[1:] if b"\x1b[J" in part]
        text = whole[-1].split(b"\x1b[J")[0].decode() if whole else ""
        return [re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", "", line) for line in re.split(r"\r+\n", text)]

    def shows(self, pattern, timeout=15):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.take(0.05)
            if re.search(pattern, "\n".join(self.frame())):
                return self.frame()
        raise AssertionError(f"not on the screen: {pattern}\n" + "\n".join(self.frame()))

    def press(self, keys):
        os.write(self.main, keys)

    def ended(self):
        self.take(0.1)
        code = self.process.wait(10)
        self.take(0.1)
        return code

    def destroy(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.main)
        os.close(self.terminal)


@pytest.fixture
def screens():
    made = []

    def make(*args, **options):
        made.append(Screen(*args, **options))
        return made[-1]

    yield make
    for screen in made:
        screen.destroy()


@pytest.fixture
def running(agents, tmp_log):
    backlog(tmp_log, 1000, 40, seed=1)
    agent = agents(tmp_log).start()
    agent.settled(1000)
    agent.path_of_log = tmp_log
    return agent


def test_top_is_live_and_leaves_the_terminal_as_it_was(running, screens):
    screen = screens(running.socket)
    frame = screen.shows(r"ready    yes(.|\n)*\bnginx\b +0 ")
    assert frame[0].startswith("lastseen ") and "agent e2e" in frame[0]
    assert any(running.path_of_log[:30] in line for line in frame)
    assert termios.tcgetattr(screen.terminal)[3] & (termios.ECHO | termios.ICANON) == 0
    with open(running.path_of_log, "a", encoding="utf-8") as file:
        for number in range(500):
            file.write(json_line(1795305700000 + number, "NEW"))
    screen.shows(r"\nnginx +[1-9]")
    screen.press(b"q")
    assert screen.ended() == 0
    assert screen.bytes.startswith(b"\x1b[?1049h") and screen.bytes.endswith(b"\x1b[?1049l")
    assert termios.tcgetattr(screen.terminal) == screen.before


def test_top_follows_a_resize(running, screens):
    screen = screens(running.socket, rows=40, columns=120, interval="1h")
    assert len(screen.shows(r"access\.log")) > 8
    screen.resize(8, 20)
    deadline = time.monotonic() + 10
    while max(map(len, screen.frame())) > 20 or len(screen.frame()) > 8:
        assert time.monotonic() < deadline
        screen.take(0.05)
    screen.resize(40, 120)
    screen.shows(r"access\.log")


def test_top_survives_a_restart_of_the_agent(running, screens):
    screen = screens(running.socket)
    first = screen.shows(r"ready    yes")[0]
    assert running.stop() == 0
    screen.shows(r"as of .* ago: there is no control socket")
    running.start()
    assert screen.shows(r"ready    yes")[0] != first, "another process"
    assert screen.process.poll() is None
    screen.press(b"q")
    assert screen.ended() == 0


def test_top_stopped_by_its_terminal_gives_it_back_and_goes_on(running, screens):
    screen = screens(running.socket)
    screen.shows(r"ready    yes")
    screen.press(b"\x1a")
    wait_until(lambda: stat_of(screen.process.pid)[0] == "T", what="top is stopped")
    assert termios.tcgetattr(screen.terminal) == screen.before
    screen.bytes = b""
    screen.process.send_signal(signal.SIGCONT)
    screen.shows(r"ready    yes")
    screen.press(b"q")
    assert screen.ended() == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_top_ended_by_a_signal_leaves_the_terminal_as_it_was(running, screens, end):
    screen = screens(running.socket)
    screen.shows(r"ready    yes")
    screen.process.send_signal(end)
    assert screen.ended() == 0
    assert termios.tcgetattr(screen.terminal) == screen.before


def test_top_without_a_terminal_is_plain_text(running):
    done = command("top", "-s", running.socket, "-d", "100ms")
    assert done.returncode == 0 and "\x1b" not in done.out
    assert "ready    yes" in done.out and re.search(r"^nginx +0 ", done.out, re.M)
    done = command("top", "-s", running.socket, "-d", "100ms", "-n", "2")
    assert done.out.count("agent e2e") == 2


def test_top_without_an_agent_says_so(tmp_path):
    done = command("top", "-s", tmp_path / "none.sock", "-d", "100ms")
    assert done.returncode == 1 and "none.sock" in done.out
    assert command("top", "-d", "1ms").returncode == 2
