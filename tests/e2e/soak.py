"""What an hour under load needs: a writer that costs almost nothing and rotates by itself, and a
record of what the agent takes of the machine."""
import contextlib
import os
import statistics
import threading
import time

from logs import Truth, Writer, json_line
from servers import cpu_ticks_of

BLOCK_LINES = 200
BLOCKS = 128
TICK_SECONDS = 0.01
KEPT_SIBLINGS = 4  # as `rotate 4` of logrotate: what is older is deleted, read or not
ONE_OFF = "ONE_OFF_%08d"  # a client of one line only: lost with it, so missing


class Block:
    """Lines in one piece, whose times and one-off client are put in when they are written."""
    MS = 1795305600123

    def __init__(self, chance, clients):
        self.clients, self.misses = [], 0
        self.first_ms = self.last_ms = None
        texts = [json_line(self.MS, ONE_OFF % 0)]
        for _ in range(BLOCK_LINES - 1):
            how = chance.choices(("body", "query", "none"), (6, 3, 1))[0]
            client = f"CLIENT_{chance.randrange(clients)}"
            texts.append(json_line(self.MS, client, how))
            if how == "none":
                self.misses += 1
            else:
                self.clients.append(client)
        chance.shuffle(texts)
        self.text = "".join(texts)

    def at(self, ms, number):
        """The bytes of one writing."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
        old = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.MS // 1000))
        seconds = f"{ms // 1000}.{ms % 1000:03d}"
        text = self.text.replace(old, stamp)
        text = text.replace(f"{self.MS // 1000}.{self.MS % 1000:03d}", seconds)
        return text.replace(ONE_OFF % 0, ONE_OFF % number).encode()


class SoakWriter(Writer):
    """A Writer whose lines are made beforehand: 20,000 a second are 100 writes a second of text
    that only gets its times. It rotates every `rotation` seconds, and when asked to."""

    def __init__(self, path, rate, clients, rotation):
        super().__init__(path, rate, clients)
        self.rotation = rotation
        self.blocks = [Block(self.chance, clients) for _ in range(BLOCKS)]
        self.one_offs = []  # their times
        self.rotations = 0
        self.asked = threading.Event()

    def run(self):
        started, written = time.monotonic(), 0
        rotate_at, reopen_at = started + self.rotation, None
        while not self.done.is_set():
            now = time.monotonic()
            while written + BLOCK_LINES <= (now - started) * self.rate:
                self._write_block()
                written += BLOCK_LINES
            if reopen_at is None and (now >= rotate_at or self.asked.is_set()):
                self.asked.clear()
                rotate_at = max(rotate_at, now) + self.rotation if now >= rotate_at else rotate_at
                self._rename()
                reopen_at = now + 0.03  # nginx goes on in the renamed file until USR1
            elif reopen_at is not None and now >= reopen_at:
                reopen_at = None
                os.close(self.file)
                self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                self.rotations += 1
            self.done.wait(TICK_SECONDS)
        os.close(self.file)
        self._count()

    def _write_block(self):
        block = self.chance.choice(self.blocks)
        ms = int(time.time() * 1000)
        data = block.at(ms, len(self.one_offs))
        assert os.write(self.file, data) == len(data)
        self.one_offs.append(ms)
        block.first_ms = block.first_ms or ms
        block.last_ms = ms
        self.truth.lines += BLOCK_LINES
        self.truth.sightings += BLOCK_LINES - block.misses

    def _rename(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.path}.{KEPT_SIBLINGS}")
        for number in range(KEPT_SIBLINGS - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.rename(self.path, f"{self.path}.1")

    def rotate(self):
        before = self.rotations
        self.asked.set()
        while self.rotations == before and self.is_alive():
            time.sleep(TICK_SECONDS)

    def _count(self):
        """Into truth.clients what the blocks and one-offs mean, once at the end."""
        counts = Truth()
        for block in self.blocks:
            if block.last_ms:
                for client in block.clients:
                    counts.see(client, block.first_ms)
                    counts.see(client, block.last_ms)
        for number, ms in enumerate(self.one_offs):
            counts.see(ONE_OFF % number, ms)
        self.truth.clients = counts.clients


class Usage:
    """What one process takes at one moment."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":", 1) for line in file)
        self.rss_kib = int(status["VmRSS"].split()[0])
        self.anon_kib = int(status["RssAnon"].split()[0])
        self.peak_kib = int(status["VmHWM"].split()[0])
        self.threads = int(status["Threads"])
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.cpu_seconds = cpu_ticks_of(pid) / os.sysconf("SC_CLK_TCK")


class Series:
    """Usage once a second, by process: `lives` are lists of (age in seconds, Usage)."""

    def __init__(self):
        self.lives = []
        self.pid = None
        self.born = None

    def sample(self, pid):
        if pid != self.pid:
            self.pid, self.born = pid, time.monotonic()
            self.lives.append([])
        with contextlib.suppress(FileNotFoundError, KeyError):  # it has just ended
            self.lives[-1].append((time.monotonic() - self.born, Usage(pid)))

    def warm(self, warm_up):
        """All samples of processes that are older than `warm_up` seconds, in their order."""
        return [usage for life in self.lives for age, usage in life if age >= warm_up]

    def cpu_seconds(self):
        return sum(life[-1][1].cpu_seconds for life in self.lives if life)


def first_and_last(usages, what, share=0.2):
    """The medians of the first and of the last fifth."""
    values = [getattr(usage, what) for usage in usages]
    count = max(1, int(len(values) * share))
    return statistics.median(values[:count]), statistics.median(values[-count:])


