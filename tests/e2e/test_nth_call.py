"""The whole program while one call of the system fails once: the Nth of each kind, for N = 1 here
and for every N in `make test-long`. It may say so, be slower, or end with a status that systemd
starts it again on; what it counted and wrote is exact all the same."""
import concurrent.futures
import errno
import os
import shutil
import signal
import subprocess
import time

import pytest

from agent import LASTSEEN, environment
from feeds import datagram_socket, feed, ndjson, stream_socket
from logs import Truth, json_line
from servers import scratch, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
N_MAX = int(os.environ.get("LASTSEEN_E2E_NTH_MAX", "1"))
MS = 1795305600000
# Tried here too, beyond N_MAX: what once went wrong.
AT_LEAST = {"epoll_create": 3, "eventfd": 4}
SIGHTINGS = 60  # of each feed

# Of each function an error that it can have; those of nth_call.c.
CALLS = {
    "open": "EMFILE", "opendir": "EMFILE", "glob": "ENOMEM", "stat": "EACCES", "statx": "EIO",
    "fstat": "EIO", "pread": "EIO", "pwrite": "ENOSPC", "read_file": "EIO", "write_file": "ENOSPC",
    "fsync": "EIO", "fdatasync": "EIO", "ftruncate": "EIO", "lock": "ENOLCK", "unlink": "EACCES",
    "rename": "ENOSPC", "mkdir": "ENOSPC", "chmod": "EPERM", "fchmod": "EPERM",
    "socket": "EMFILE", "bind": "EADDRINUSE", "listen": "EADDRINUSE", "accept": "ECONNABORTED",
    "recv": "EINTR", "recvmsg": "EINTR", "recvmmsg": "EINTR", "send": "EINTR", "sendmsg": "EINTR",
    "read": "EINTR", "write": "EINTR", "setsockopt": "ENOBUFS", "getsockopt": "ENOBUFS",
    "epoll_create": "EMFILE", "epoll_wait": "EINTR", "poll": "EINTR", "eventfd": "EMFILE",
    "signalfd": "EMFILE", "timerfd": "EMFILE", "inotify_init": "EMFILE",
    "inotify_watch": "ENOSPC", "thread": "EAGAIN",
}


@pytest.fixture(scope="session")
def interposer():
    directory = scratch("ls-nth-")
    built = f"{directory}/nth_call.so"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", built,
                    f"{HERE}/nth_call.c", "-ldl"], check=True)
    yield built
    shutil.rmtree(directory, ignore_errors=True)


def is_sanitized():
    with open(LASTSEEN, "rb") as file:
        return b"libasan.so" in (start := file.read(1 << 20)) or b"libtsan.so" in start


class Trial:
    """One life of a small site, with one call that fails."""

    def __init__(self, agents, interposer):
        self.directory = scratch("ls-trial-")
        self.log = f"{self.directory}/access.log"
        self.mark = f"{self.directory}/mark"
        self.interposer = interposer
        self.truth = Truth()
        self.died = []
        self.agent = agents(f"{self.directory}/*.log")
        inputs = self.agent.settings["inputs"]
        self.feeds = [feed("datagrams", "unix_datagram", self.agent.directory),
                      feed("lines", "unix_stream", self.agent.directory)]
        self.agent.write(inputs=inputs + self.feeds)

    def write(self, lines):
        with open(self.log, "a", encoding="utf-8") as file:
            for _ in range(lines):
                self.truth.see(f"c{self.truth.lines}", MS + self.truth.lines)
                file.write(json_line(MS + self.truth.lines - 1, f"c{self.truth.lines - 1}"))

    def start(self, call=None, n=0, error=0):
        env = environment()
        if call:
            env = environment(LD_PRELOAD=self.interposer, NTH_CALL=f"{call} {n} {error}",
                              NTH_CALL_MARK=self.mark)
        self.agent.start(wait=False, env=env)
        wait_until(lambda: self.has_ended() or self.agent.get("/readyz")[0] == 200, 20,
                   what="ready or ended")

    def has_ended(self):
        if self.agent.process is None:
            return True
        if self.agent.process.poll() is None:
            return False
        self.died.append(self.agent.wait())
        return True

    def again_if_ended(self):
        """As systemd does."""
        if self.has_ended():
            self.start()

    def feed(self):
        """To both feeds; these are not written down anywhere else."""
        sender, stream = (datagram_socket(self.feeds[0]["path"]),
                          stream_socket(self.feeds[1]["path"]))
        for number in range(SIGHTINGS):
            sender.send(ndjson(f"d{number}", MS))
            stream.sendall(ndjson(f"s{number}", MS) + b"\n")
            time.sleep(0.001)  # the kernel queues eleven
        sender.close()
        stream.close()

    def live(self, call, n, error):
        """True if there was an Nth call."""
        self.write(100)
        self.start(call, n, error)
        self.again_if_ended()
        died_before = len(self.died)
        self.feed()
        wait_until(lambda: self.has_ended() or self.read() == (100, SIGHTINGS, SIGHTINGS), 20,
                   what="all lines of files and feeds are read")
        os.rename(self.log, f"{self.log}.1")
        self.write(50)
        self.again_if_ended()
        wait_until(lambda: self.has_ended() or self.read()[0] == 150, 20, what="rotated lines read")
        fed = len(self.died) == died_before
        if not self.has_ended():
            self.agent.process.send_signal(signal.SIGTERM)
            self.died.append(self.agent.wait(20))
        self.write(10)
        self.start()
        self.check(fed)
        assert self.agent.stop() == 0
        return os.path.exists(self.mark)

    def read(self):
        return tuple(entry["lines_read"] for entry in self.agent.status()["inputs"])

    def check(self, fed):
        def committed():
            return [entry["committed"] for entry in self.agent.status()["inputs"]]
        expected = [160, SIGHTINGS, SIGHTINGS]
        wait_until(lambda: committed()[0] == 160, 20, what="all lines of the files are committed")
        rows = self.agent.rows()
        assert {c: t for c, t in rows.items() if c.startswith("c")} == self.truth.clients
        if fed:
            assert committed() == expected
            assert len(rows) == sum(expected)

    def destroy(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def fail_each(agents, interposer, call):
    """What went wrong for the first N that went wrong, or None."""
    error = getattr(errno, CALLS[call])
    for n in range(1, max(N_MAX, AT_LEAST.get(call, 0)) + 1):
        trial = Trial(agents, interposer)
        try:
            came = trial.live(call, n, error)
        except Exception as wrong:  # pylint: disable=broad-except
            return f"{call} {n} ({CALLS[call]}): {wrong!r}\n{trial.agent.log()[-3000:]}"
        finally:
            trial.agent.destroy()
            trial.destroy()
        if not came:
            return None
    return None


@pytest.mark.skipif(is_sanitized(), reason="a sanitizer must be loaded first")
def test_nth_call_of_each_kind_fails(agents, interposer):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda call: fail_each(agents, interposer, call), CALLS))
    wrong = [outcome for outcome in outcomes if outcome]
    assert not wrong, "\n\n".join(wrong)
