"""Sockets, pipes and standard input: real senders, and what senders do that they should not."""
import json
import os
import shutil
import stat
import subprocess
import threading
import time

import pytest

from agent import LASTSEEN, command, environment
from feeds import (CorpusTable, Sender, corpus_datagrams, datagram_socket, feed, ndjson,
                   stream_socket)
from load import Load, request
from servers import Nginx, cpu_ticks_of, free_port, wait_until

SYSLOG_JSON = {"type": "json", "syslog": True}
HTTPLOG = {"type": "log_format", "dialect": "haproxy", "preset": "httplog"}


def with_feeds(agents, store, *kinds, **more):
    """An agent with one input for each (name, type, keys)."""
    agent = agents("/nowhere", store, **more)
    agent.write(inputs=[feed(name, kind, agent.directory, **keys) for name, kind, keys in kinds])
    return agent


def path_of(agent, index=0):
    return agent.settings["inputs"][index]["path"]


def memory_mib(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


@pytest.mark.parametrize("stem, parser", [
    ("nginx/syslog_combined", {"type": "combined", "syslog": True}),
    ("nginx/syslog_json", SYSLOG_JSON),
    ("haproxy/httplog_rfc3164", {**HTTPLOG, "syslog": True}),
    ("haproxy/httplog_capture_rfc5424", {**HTTPLOG, "syslog": True}),
    ("haproxy/json_raw", "json"),
    ("haproxy/json_cid_rfc3164", SYSLOG_JSON),
    ("haproxy/json_b64_rfc5424", {"type": "json", "syslog": True, "uri": "uri_b64",
                                  "body": "body_b64", "base64": ["uri_b64", "body_b64"]}),
])
def test_datagrams_of_the_corpus_give_their_table(agents, stem, parser):
    agent = with_feeds(agents, None, ("in", "unix_datagram", {"parser": parser})).start()
    datagrams = corpus_datagrams(stem)
    sender = datagram_socket(path_of(agent))
    for datagram in datagrams:
        sender.send(datagram)
    assert agent.get("/flush", "POST")[0] == 200
    assert agent.input()["lines_read"] == len(datagrams)
    assert CorpusTable(stem).agrees_with(agent.rows())


def test_nginx_sends_its_log_to_the_socket(upstream, store, agents):
    agent = with_feeds(agents, store.store(), ("in", "unix_datagram", {"parser": SYSLOG_JSON}))
    agent.start()
    nginx = Nginx(upstream, server=f"access_log syslog:server=unix:{path_of(agent)} json_escape;\n"
                                   "client_body_buffer_size 16k;")
    try:
        for number in range(5):
            request(nginx.port, "POST", "/items", json.dumps({"client_id": f"body-{number}"}))
        request(nginx.port, "GET", "/items?client_id=q%20x")
        rows = wait_until(lambda: len(store.rows()) == 6 and store.rows())
        assert set(rows) == {f"body-{number}" for number in range(5)} | {"q x"}
        with open(nginx.json_log, encoding="utf-8") as file:
            last = [json.loads(line) for line in file][-1]
        # nginx takes the time for each log anew.
        assert abs(rows["q x"][0] - last["msec"] * 1000) < 100
    finally:
        nginx.destroy()


HAPROXY = """\
global
  log {0} len 65535 format rfc3164 local0 info
  log {1} len 65535 format rfc5424 local0 info
  log {2} len 65535 format raw local0 info
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
  log global
  option httplog
frontend web
  bind 127.0.0.1:{port}
  http-request return status 200
"""


@pytest.mark.skipif(not shutil.which("haproxy", path="/usr/sbin:/usr/bin"),
                    reason="haproxy is not installed")
def test_haproxy_in_each_of_its_syslog_formats(agents, store, tmp_path):
    kinds = [(name, "unix_datagram", {"parser": {**HTTPLOG, "syslog": name != "raw"}})
             for name in ("rfc3164", "rfc5424", "raw")]
    agent = with_feeds(agents, store.store(), *kinds).start()
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY.format(*(path_of(agent, i) for i in range(3)), port=port))
    haproxy = subprocess.Popen([shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-db", "-f",
                                config], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: request(port, "GET", "/items?client_id=first") == 200)
        request(port, "GET", "/items?client_id=second")
        wait_until(lambda: set(store.rows()) == {"first", "second"})
        wait_until(lambda: all(agent.input(i)["committed"] >= 2 for i in range(3)))
        assert all(not agent.input(i)["skipped"] for i in range(3))
        assert abs(store.rows()["second"][0] - time.time() * 1000) < 20_000
    finally:
        haproxy.terminate()
        haproxy.wait()


@pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not installed")
def test_caddy_writes_to_the_stream_socket(agents, tmp_path):
    agent = with_feeds(agents, None, ("in", "unix_stream", {"parser": "json"})).start()
    port = free_port()
    config = tmp_path / "Caddyfile"
    config.write_text(f"{{\n admin off\n}}\nhttp://127.0.0.1:{port} {{\n"
                      f" log {{\n  output net unix/{path_of(agent)}\n }}\n respond ok\n}}\n")
    caddy = subprocess.Popen([shutil.which("caddy"), "run", "--config", config, "--adapter",
                              "caddyfile"], stderr=subprocess.DEVNULL,
                             env=environment(HOME=str(tmp_path)))
    try:
        wait_until(lambda: request(port, "GET", "/items?client_id=first") == 200)
        wait_until(lambda: "first" in agent.rows())
    finally:
        caddy.terminate()
        caddy.wait()


def test_stream_fifo_and_standard_input_of_one_agent(agents):
    agent = with_feeds(agents, None, ("stream", "unix_stream", {"mode": "0622"}),
                       ("fifo", "fifo", {}), ("in", "stdin", {}))
    agent.start(stdin=subprocess.PIPE)
    assert stat.S_IMODE(os.stat(path_of(agent, 0)).st_mode) == 0o622
    assert stat.S_ISFIFO(os.stat(path_of(agent, 1)).st_mode)
    with stream_socket(path_of(agent, 0)) as stream:
        stream.sendall(ndjson("stream", 1_795_000_000_000) + b"\n")
    with open(path_of(agent, 1), "wb") as fifo:
        fifo.write(ndjson("fifo", 1_795_000_001_000) + b"\n")
    agent.process.stdin.write(ndjson("stdin", 1_795_000_002_000) + b"\n")
    agent.process.stdin.close()
    wait_until(lambda: set(agent.rows()) == {"stream", "fifo", "stdin"})
    assert agent.stop() == 0
    assert not os.path.exists(path_of(agent, 0))


def test_end_of_standard_input_ends_an_agent_that_has_nothing_else(agents):
    agent = with_feeds(agents, None, ("in", "stdin", {}))
    lines = b"".join(ndjson(f"c{n % 100}", 1_795_000_000_000 + n) + b"\n" for n in range(5000))
    for arguments in ((), ("--once",)):
        done = subprocess.run([LASTSEEN, "run", "-c", agent.config, *arguments], input=lines,
                              capture_output=True, timeout=30, env=environment())
        assert done.returncode == 0, done.stderr
    assert len(agent.rows()) == 100
    assert agent.rows()["c99"] == (1_795_000_004_999, 1_795_000_000_099)


def test_socket_of_another_agent_is_refused_and_a_dead_ones_replaced(agents):
    first = with_feeds(agents, None, ("in", "unix_datagram", {})).start()
    second = agents("/nowhere", inputs=first.settings["inputs"], agent_id="second")
    done = command("run", "-c", second.config)
    assert done.returncode == 1
    assert "another process listens there" in done.err
    first.kill()
    second.start()
    datagram_socket(path_of(second)).send(ndjson("A", 1_795_000_000_000))
    wait_until(lambda: "A" in second.rows())


def test_start_says_what_the_kernel_queues(agents):
    agent = with_feeds(agents, None, ("in", "unix_datagram", {})).start()
    with open("/proc/sys/net/unix/max_dgram_qlen", encoding="utf-8") as file:
        queue = int(file.read())
    assert ("sysctl net.unix.max_dgram_qlen=512" in agent.log()) == (queue < 512)


def test_files_pause_at_80_percent_and_the_rest_is_the_feeds(agents, tmp_log):
    """With the database away. The buffer holds 100 clients."""
    with open(tmp_log, "w", encoding="utf-8") as file:
        for number in range(200):
            file.write(json.dumps({"msec": 1_795_000_000 + number, "request_uri":
                                   f"/?client_id=file-{number}", "request_body": ""}) + "\n")
    agent = agents(tmp_log, buffer={"clients_max": 100})
    agent.write(inputs=[*agent.settings["inputs"],
                        feed("feed", "unix_datagram", agent.directory)])
    agent.start()
    agent.settled(200)
    agent.stop()
    agent.write(store={"type": "postgres", "url": "host=127.0.0.1 port=1"})
    agent.start(wait=False)
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    sender = datagram_socket(path_of(agent, 1))
    for number in range(150):
        sender.send(ndjson(f"feed-{number}", 1_795_000_000_000))
    for number in range(50):
        sender.send(ndjson(f"feed-{number}", 1_795_000_001_000))
    entry = wait_until(lambda: agent.input(1)["lines_read"] == 200 and agent.input(1))
    assert entry["pending"] == 150 and entry["lost"] == {"buffer_full": 50}


def test_garbage_crowds_and_endless_lines_are_bounded_and_hurt_nobody(agents):
    agent = with_feeds(agents, None, ("stream", "unix_stream", {}), ("other", "unix_datagram", {}))
    agent.start()
    before = memory_mib(agent)
    path, lines = path_of(agent), 0

    with stream_socket(path) as garbage:
        noise = os.urandom(1 << 20)
        garbage.sendall(noise + b"\n")
        lines += noise.count(b"\n") + 1
    crowd = [stream_socket(path) for _ in range(1000)]
    for number, writer in enumerate(crowd):
        writer.sendall(ndjson(f"crowd-{number}", 1_795_000_000_000)[:-1])

    def endless():
        with stream_socket(path) as writer:
            chunk = b"x" * (1 << 20)
            for _ in range(1024):
                writer.sendall(chunk)
            writer.sendall(b"\n")

    giant = threading.Thread(target=endless)
    giant.start()
    slow = stream_socket(path)
    for byte in ndjson("slow", 1_795_000_000_000) + b"\n":
        slow.send(bytes([byte]))
        time.sleep(0.01)
    other = Sender(path_of(agent, 1))
    other.send(500)
    giant.join()
    for writer in crowd:
        writer.sendall(b"}\n")
        writer.close()
    lines += 1000 + 2
    assert agent.get("/flush", "POST")[0] == 200
    entry = agent.settled(lines)
    assert entry["committed"] == 1001 and entry["skipped"]["line_too_long"] == 1
    assert agent.input(1)["committed"] == 500
    assert memory_mib(agent) < before + 40


def test_the_1025th_connection_is_turned_away(agents):
    agent = with_feeds(agents, None, ("in", "unix_stream", {})).start()
    crowd = [stream_socket(path_of(agent)) for _ in range(1024)]
    wait_until(lambda: "connections 1024" in agent.input()["files"][0]["state"])
    late = stream_socket(path_of(agent))
    late.settimeout(5)
    assert late.recv(1) == b""
    agent.says("too many connections")
    for writer in crowd:
        writer.close()
    wait_until(lambda: "connections" not in agent.input()["files"][0]["state"])
    with stream_socket(path_of(agent)) as writer:
        writer.sendall(ndjson("A", 1_795_000_000_000) + b"\n")
    wait_until(lambda: "A" in agent.rows())


def test_agent_without_descriptors_left_goes_on_and_recovers(agents):
    agent = with_feeds(agents, None, ("stream", "unix_stream", {}), ("other", "unix_datagram", {}))
    agent.start(program=["prlimit", "--nofile=120", LASTSEEN])
    crowd = [stream_socket(path_of(agent)) for _ in range(200)]
    time.sleep(0.2)
    Sender(path_of(agent, 1)).send(100)
    wait_until(lambda: "client-1" in agent.rows())
    time.sleep(1.5)  # it must not spin on connections that it cannot take
    assert cpu_ticks_of(agent.process.pid) < 50  # ticks of 10 ms
    for writer in crowd:
        writer.close()
    with stream_socket(path_of(agent)) as writer:
        writer.sendall(ndjson("A", 1_795_000_000_000) + b"\n")
    wait_until(lambda: "A" in agent.rows())


def test_load_by_datagram_arrives_or_is_counted_by_nginx(upstream, agents):
    """How many is measured by packaging/feed/measure.py; here, that nobody loses any silently."""
    agent = with_feeds(agents, None, ("in", "unix_datagram", {"parser": SYSLOG_JSON})).start()
    nginx = Nginx(upstream, server=f"access_log syslog:server=unix:{path_of(agent)} json_escape;\n"
                                   "client_body_buffer_size 16k;")
    try:
        with Load(nginx.port) as load:
            time.sleep(1)
        assert load.sent > 100

        def accounted():
            assert agent.get("/flush", "POST")[0] == 200
            with open(nginx.json_log, "rb") as file:
                written = sum(1 for _ in file)
            with open(f"{nginx.directory}/error.log", encoding="utf-8") as file:
                dropped = file.read().count("send() to syslog failed")
            return written > load.sent - 10 and agent.input()["lines_read"] == written - dropped
        wait_until(accounted)
    finally:
        nginx.destroy()
