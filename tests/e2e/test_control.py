"""The control socket, by the bytes that curl would send."""
import http.client
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from agent import command
from logs import backlog, json_line
from servers import PASSWORD, free_port, is_root, wait_until


@pytest.fixture
def running(database, agents, tmp_log):
    agent = agents(tmp_log, database.store())
    agent.truth = backlog(tmp_log, 1000, 40, seed=1)
    agent.start()
    agent.settled(1000)
    agent.path_of_log, agent.table = tmp_log, database
    return agent


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def test_status_holds_what_the_contract_names(running):
    status = running.status()
    assert status["agent_id"] == "e2e" and status["state"] == "running"
    assert re.match(r"\d+\.\d+", status["version"]) and status["uptime_seconds"] >= 0
    [_], entry = status["inputs"], running.input()
    assert entry["name"] == "nginx"
    assert entry["bytes_read"] == os.path.getsize(running.path_of_log)
    assert entry["committed"] == running.truth.sightings
    assert entry["skipped"] == {"no_client_id": 1000 - running.truth.sightings}
    assert entry["quarantined"] == 0 and entry["lost"] == {} == entry["lost_bytes"]
    [file] = entry["files"]
    assert file["path"] == running.path_of_log
    assert file["position"] == file["size"] == entry["bytes_read"]
    assert status["buffer"]["clients_max"] == 100000
    store = status["store"]
    assert store["type"] == "postgres" and store["state"] == "ok" and store["batches"] >= 1
    assert store["rows"] >= 40 and store["retries"] == 0 and not store["last_error"]
    assert store["last_commit_age_seconds"] >= 0 and "freshness_seconds" in status


def test_metrics_are_prometheus_text(running):
    code, text, headers = running.get("/metrics")
    assert code == 200 and headers["Content-Type"].startswith("text/plain")
    typed, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed, f"{name} has two TYPE lines"
            typed[name] = kind
        elif not line.startswith("#"):
            found = re.fullmatch(r"([a-z_:]+)(\{[^}]*\})? (\S+)", line)
            assert found, line
            name, labels, value = found.groups()
            float(value)
            assert name.startswith("lastseen_"), line
            assert (name, labels) not in samples, line
            samples[name, labels] = float(value)
            kind = typed[re.sub(r"_(bucket|sum|count)$", "", name)
                         if re.sub(r"_(bucket|sum|count)$", "", name) in typed else name]
            assert (kind == "counter") == name.endswith("_total"), line
            assert set(re.findall(r'(\w+)="', labels or "")) <= {"input", "reason", "le", "version",
                                                                 "type", "state"}, line
    assert text.endswith("\n") and samples
    read = [v for (n, l), v in samples.items() if n == "lastseen_lines_read_total"]
    assert read == [1000]


def test_health_and_readiness(running):
    assert running.get("/healthz")[0] == 200
    assert running.get("/readyz")[0] == 200


def test_flush_returns_when_committed(database, agents, tmp_log):
    agent = agents(tmp_log, database.store(), flush={"interval": "1h"}).start()
    for number in range(3):
        append(tmp_log, json_line(1795305600000 + number, "A"))
        assert agent.get("/flush", "POST")[0] == 200
        assert database.rows() == {"A": (1795305600000 + number, 1795305600000)}
    append(tmp_log, json_line(1795305700000, "B"))
    done = command("flush", "-s", agent.socket)
    assert done.returncode == 0, done.err
    assert "B" in database.rows()


def test_many_flushes_at_once_all_return(running):
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(running.get("/flush", "POST")[0]))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes == [200] * 20


@pytest.mark.parametrize("method, target, code", [
    ("GET", "/nothing", 404), ("GET", "/flush", 405), ("POST", "/status", 405),
])
def test_unknown_paths_and_wrong_methods(running, method, target, code):
    assert running.get(target, method)[0] == code


@pytest.mark.parametrize("sent", [
    b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /flush HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000,
    b"\x16\x03\x01\x02\x00\x01", b"GET /status HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
])
def test_garbage_on_the_socket_harms_nobody(running, sent):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(running.socket)
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)
        except OSError:
            pass
    assert running.get("/healthz")[0] == 200


def test_silent_connections_harm_nobody(running):
    silent = []
    for _ in range(50):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(running.socket)
    assert running.get("/status")[0] == 200
    for client in silent:
        client.close()
    assert running.stop() == 0


def test_socket_has_its_mode_and_goes_with_the_agent(database, agents, tmp_log):
    agent = agents(tmp_log, database.store(), control={"mode": "0600"}).start()
    assert os.stat(agent.socket).st_mode & 0o777 == 0o600
    assert agent.stop() == 0
    assert not os.path.exists(agent.socket)


@pytest.mark.skipif(not is_root(), reason="needs another user")
def test_post_is_for_root_and_the_agents_own_user(database, agents, tmp_log):
    agent = agents(tmp_log, database.store(), control={"mode": "0666"}).start()

    def as_nobody(method, target):
        code = ("import http.client,socket,sys\n"
                "c=http.client.HTTPConnection('x')\nc.sock=socket.socket(socket.AF_UNIX)\n"
                "c.sock.connect(sys.argv[1])\nc.request(sys.argv[2],sys.argv[3])\n"
                "print(c.getresponse().status)\n")
        done = subprocess.run(["runuser", "-u", "nobody", "--", "/usr/bin/python3", "-c", code,
                               agent.socket, method, target], capture_output=True, check=True,
                              cwd="/")
        return int(done.stdout)

    assert as_nobody("GET", "/status") == 200
    assert as_nobody("POST", "/flush") == 403
    assert agent.get("/flush", "POST")[0] == 200


def test_http_over_tcp_serves_get_only(database, agents, tmp_log):
    port = free_port()
    agents(tmp_log, database.store(), control={"http": f"127.0.0.1:{port}"}).start()

    def call(method, target):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, target)
        return connection.getresponse().status

    assert call("GET", "/metrics") == call("GET", "/healthz") == call("GET", "/readyz") == 200
    assert call("POST", "/flush") in (403, 404, 405)


def test_status_command_for_people_and_machines(running):
    done = command("status", "-s", running.socket, "--json")
    assert done.returncode == 0
    assert json.loads(done.out)["inputs"][0]["lines_read"] == 1000
    done = command("status", "-s", running.socket)
    assert done.returncode == 0 and "nginx" in done.out and "1,000" in done.out


@pytest.mark.parametrize("what", ["status", "flush"])
def test_commands_without_an_agent_say_so(what, tmp_path):
    done = command(what, "-s", tmp_path / "none.sock")
    assert done.returncode == 1
    assert "none.sock" in done.err and len(done.err.strip().splitlines()) <= 2


def test_password_is_nowhere(running):
    for target in ("/status", "/metrics", "/config", "/readyz", "/healthz"):
        assert PASSWORD not in running.get(target)[1]
    pid = running.process.pid
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        assert PASSWORD.encode() not in file.read()
    wait_until(lambda: running.get("/readyz")[0] == 200)


def open_sockets(path, count):
    made = []
    for _ in range(count):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)  # blocks while the backlog is full; with a timeout it would fail
        connection.settimeout(5)
        made.append(connection)
    return made


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


def test_a_thousand_abusers_are_bounded_and_the_pipeline_does_not_notice(running):
    before = memory_kib(running.process.pid)
    descriptors = len(os.listdir(f"/proc/{running.process.pid}/fd"))
    made = []
    ways = [b"", b"GET /status HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x00\xff" * 50,
            b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, b"POST /flush HTTP/1.1\r\n\r\n",
            b"POST /flush HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"y" * 70_000]
    for number in range(1000):
        [connection] = open_sockets(running.socket, 1)
        try:
            connection.settimeout(0.05)
            connection.sendall(ways[number % len(ways)])
            if number % 7 == 0:
                connection.shutdown(socket.SHUT_WR)  # half-closed
        except OSError:
            pass  # it was refused before all of that was said
        made.append(connection)
        if number % 100 == 0:
            append(running.path_of_log, json_line(1795305700000 + number, f"AMID_{number}"))
    assert len(os.listdir(f"/proc/{running.process.pid}/fd")) < descriptors + 2 * 64 + 10
    assert memory_kib(running.process.pid) < before + 32 * 1024
    append(running.path_of_log, json_line(1795305800000, "AMID_LAST"))
    # No way to ask the agent while its places are taken: the table tells.
    wait_until(lambda: len(running.table.query(
        "SELECT client_id FROM client_activity WHERE client_id LIKE 'AMID%'")) == 11, 10)
    for connection in made:
        connection.close()
    wait_until(lambda: running.get("/healthz")[0] == 200, 15)
    assert running.settled(1011)["lost"] == {}
    assert len(os.listdir(f"/proc/{running.process.pid}/fd")) < descriptors + 10
    assert running.log().count("too many connections") == 1
