"""Feeds: records a CPU-second of the agent, and what is lost of a fast sender that cannot wait."""
import os
import socket
import sys
import time

import measure
from table import Row, at_least, at_most

TARGET = 400_000  # records a CPU-second
PACE = 100_000    # records a second of a sender that does not wait
QUEUE = 512       # net.unix.max_dgram_qlen, which the manual recommends
SLICES = 1000     # a second: the pace is kept in steps this short


def rows(bench):
    if os.geteuid() != 0:
        print("feeds are left out: only root may set the queue of datagrams", file=sys.stderr)
        return
    log = bench.log("combined", "combined", bench.lines, "--format", "combined")
    with open(log.path, "rb") as file:
        lines = file.read(200 << 20).splitlines()[:bench.lines // 2]
    for kind, send in (("unix_datagram", _datagrams), ("unix_stream", _stream)):
        rates = [_rate(bench, kind, send, lines) for _ in range(bench.rounds)]
        rate = measure.median(rates)
        yield Row(f"{kind} feed, combined", "lastseen", rate, "records/CPU-s",
                  measure.spread(rates), **at_least(rate, TARGET))
    yield _loss(bench, lines)


class Fed:
    """An agent with one feed, on a kernel's queue of QUEUE datagrams. Needs root."""

    def __init__(self, bench, kind):
        self.agent = bench.agent("/nowhere", {"type": "discard"})
        self.path = os.path.join(self.agent.directory, "feed.sock")
        self.agent.write(inputs=[{"name": "feed", "type": kind, "path": self.path,
                                  "parser": "combined"}])
        # A network namespace of its own, so that the queue changes for nobody else.
        shell = f'echo {QUEUE} >/proc/sys/net/unix/max_dgram_qlen; exec "$0" "$@"'
        self.program = ["unshare", "--net", "sh", "-c", shell, bench.lastseen]

    def __enter__(self):
        self.agent.start(program=self.program)
        return self

    def __exit__(self, *_):
        self.agent.destroy()

    def read(self):
        return self.agent.input()["lines_read"]

    def settled(self, records):
        deadline = time.monotonic() + 60
        while self.read() < records and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.read()


def _datagrams(path, lines):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(path)
        for line in lines:
            sender.send(line)  # waits while the queue is full


def _stream(path, lines):
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(path)
        sender.sendall(b"\n".join(lines) + b"\n")


def _rate(bench, kind, send, lines):
    with Fed(bench, kind) as fed:
        before = measure.cpu_seconds(fed.agent.process.pid)
        send(fed.path, lines)
        read = fed.settled(len(lines))
        spent = measure.cpu_seconds(fed.agent.process.pid) - before
    if read != len(lines):
        raise RuntimeError(f"{kind}: {read} of {len(lines)} records")
    return read / spent


def _loss(bench, lines):
    """As nginx sends: without waiting. Every datagram that was sent must be counted."""
    seconds = 2 if bench.quick else 5
    with Fed(bench, "unix_datagram") as fed, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.connect(fed.path)
        refused = 0
        start = time.monotonic()
        for slice_ in range(seconds * SLICES):
            for at in range(PACE // SLICES):
                try:
                    sender.send(lines[at])
                except BlockingIOError:
                    refused += 1
            time.sleep(max(0, start + (slice_ + 1) / SLICES - time.monotonic()))
        took = time.monotonic() - start
        sent = seconds * PACE - refused
        lost = refused + sent - fed.settled(sent)
    return Row(f"datagrams at {seconds * PACE / took:,.0f}/s, queue of {QUEUE}", "lastseen", lost,
               "lost", **at_most(lost, 0, "none"))
