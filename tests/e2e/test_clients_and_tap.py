"""What shows client ids: /clients/ID, `clients forget` and `tap`; and /config beside them."""
import json
import select
import signal
import socket
import subprocess
import time

import pytest

from agent import LASTSEEN, command, environment
from conftest import migrated
from logs import json_line
from servers import PASSWORD, wait_until

NOW_MS = int(time.time() * 1000)


def append(path, *lines):
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(lines))


@pytest.fixture(params=["sqlite", "postgres"])
def either(request, agents, tmp_log):
    """An agent on either store; `.clients()` are the ids in its table."""
    if request.param == "postgres":
        database = request.getfixturevalue("database")
        agent = agents(tmp_log, database.store())
        agent.clients = lambda: set(database.rows())
    else:
        agent = agents(tmp_log)
        agent.clients = lambda: set(agent.rows())
    agent.path_of_log = tmp_log
    return agent


def seen(agent, client, ms):
    lines = agent.input()["lines_read"]
    append(agent.path_of_log, json_line(ms, client))
    agent.settled(lines + 1)


def ask(agent, client):
    code, text, _ = agent.get(f"/clients/{client}")
    return (code, json.loads(text)) if code == 200 else (code, text)


def forget(agent, client):
    return command("clients", "forget", "-c", agent.config, client)


def test_config_shows_what_is_in_force_and_no_password(database, agents, tmp_log):
    agent = agents(tmp_log, database.store()).start()
    code, text, headers = agent.get("/config")
    assert code == 200 and headers["Content-Type"] == "application/json"
    assert PASSWORD not in text and "***" in text
    config = json.loads(text)
    assert config["inputs"][0]["path"] == tmp_log and config["flush"]["interval"] == "100ms"
    assert config["client_id"]["new_per_second_max"] == 0 and config["client_id"]["insert"] is True
    agent.write(flush={"interval": "200ms"}, client_id={"new_per_second_max": 7})
    assert command("reload", "-s", agent.socket).returncode == 0
    config = json.loads(agent.get("/config")[1])
    assert config["flush"]["interval"] == "200ms"
    assert config["inputs"][0]["client_id"]["new_per_second_max"] == 7


def test_a_client_is_pending_then_committed(either):
    either.write(flush={"interval": "1h"})
    either.start()
    wait_until(lambda: either.status()["inputs"][0]["files"] is not None)
    seen_ms = 1795305600123
    append(either.path_of_log, json_line(seen_ms, "a/b c"), json_line(seen_ms + 1, "a/b c"))
    assert ask(either, "nobody")[0] == 404
    wait_until(lambda: ask(either, "a%2Fb%20c")[0] == 200)
    wait_until(lambda: ask(either, "a%2Fb%20c")[1]["pending"] == 2)
    assert ask(either, "a%2Fb%20c")[1] == {
        "client_id": "a/b c", "pending": 2, "committed_last_seen": None,
        "pending_last_seen": "2026-11-22T00:00:00.124Z"}
    assert either.get("/flush", "POST")[0] == 200
    assert ask(either, "a%2Fb%20c")[1] == {
        "client_id": "a/b c", "pending": 0, "pending_last_seen": None,
        "committed_last_seen": "2026-11-22T00:00:00.124Z"}


@pytest.mark.parametrize("resolution", ["0s", "1h"])
def test_a_forgotten_client_is_gone_until_it_is_seen_again(either, resolution):
    either.write(last_seen={"resolution": resolution})
    either.start()
    seen(either, "A", NOW_MS - 5000)
    seen(either, "B", NOW_MS - 5000)
    seen(either, "A", NOW_MS - 4000)  # withheld, with a resolution
    done = forget(either, "A")
    assert (done.returncode, done.out, done.err) == (
        0, "forgot 'A'; a later sighting makes a new row\n", "")
    assert either.clients() == {"B"}
    assert ask(either, "A")[0] == 404
    seen(either, "C", NOW_MS)  # a commit that must not bring it back
    assert either.clients() == {"B", "C"}
    seen(either, "A", NOW_MS - 4500)  # late, and older than what was forgotten: still a sighting
    wait_until(lambda: either.clients() == {"A", "B", "C"})


def test_what_is_read_by_now_is_forgotten_too(either):
    either.write(flush={"interval": "1h"})
    either.start()
    append(either.path_of_log, json_line(NOW_MS, "A"))
    assert forget(either, "A").returncode == 0
    assert either.get("/flush", "POST")[0] == 200
    assert either.clients() == set()


def test_forgetting_without_an_agent_and_of_nobody(either):
    append(either.path_of_log, json_line(NOW_MS, "A"))
    assert either.once().returncode == 0
    done = forget(either, "nobody")
    assert done.returncode == 1 and "the table has no client 'nobody'" in done.err
    assert forget(either, "A").returncode == 0
    assert either.clients() == set()


def test_while_the_database_hangs_the_answer_is_soon_and_says_so(own_cluster, agents, tmp_log):
    own_cluster.start()
    agent = agents(tmp_log, migrated(own_cluster.create_database(), agents).store())
    agent.path_of_log = tmp_log
    agent.start()
    seen(agent, "A", NOW_MS)
    own_cluster.freeze()
    append(tmp_log, json_line(NOW_MS + 1, "A"))
    wait_until(lambda: agent.input()["pending"] == 1)
    time.sleep(1.5)  # a call that takes a moment is waited for
    started = time.monotonic()
    code, text = ask(agent, "A")
    assert code == 503 and "the store does not answer" in text
    assert time.monotonic() - started < 2
    own_cluster.resume()
    wait_until(lambda: ask(agent, "A")[0] == 200, 20)


# ---- tap

def heed_ctrl_c():
    """A shell has its background jobs ignore it, and they hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Tap:
    def __init__(self, agent, *args):
        self.process = subprocess.Popen([LASTSEEN, "tap", "-s", agent.socket, *args],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment(), preexec_fn=heed_ctrl_c)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.communicate(timeout=10)[0]


def listening_tap(agent):
    """One that has shown a line."""
    tap = Tap(agent)

    def shows():
        append(agent.path_of_log, json_line(NOW_MS, "seen"))
        return select.select([tap.process.stdout], [], [], 0.1)[0]
    wait_until(shows, 20, what="the tap shows a line")
    return tap


@pytest.fixture
def tapped(request, agents, tmp_log):
    threads = getattr(request, "param", 1)
    agent = agents(tmp_log, control={"tap": True}, ingest={"threads": threads})
    agent.path_of_log = tmp_log
    return agent.start()


def lines_until(agent, tap, *lines, wanted):
    """What it printed, once it did: lines come again until it listens."""
    def said():
        append(agent.path_of_log, *lines)
        return tap.process.poll() is not None
    wait_until(said, 20, what="the tap had enough")
    out, err = tap.process.communicate(timeout=10)
    assert tap.process.returncode == 0 and err == ""
    assert len(out.splitlines()) == wanted
    return out.splitlines()


def test_tap_is_off_by_default(agents, tmp_log):
    agent = agents(tmp_log).start()
    done = command("tap", "-s", agent.socket)
    assert done.returncode == 1 and "control.tap" in done.err and done.out == ""


def test_tap_shows_sightings(tapped):
    tap = Tap(tapped, "--limit", "2")
    shown = lines_until(tapped, tap, json_line(1795305600123, "A\x1b[2J"), wanted=2)
    assert shown == ["2026-11-22T00:00:00.123Z  nginx  A\\x1B[2J"] * 2


def test_tap_filters(tapped):
    lines = json_line(1795305600123, "A"), json_line(1795305600124, "B"), "nonsense\n"
    [one] = lines_until(tapped, Tap(tapped, "--client", "B", "--json", "--limit", "1"), *lines,
                        wanted=1)
    assert json.loads(one) == {"input": "nginx", "client_id": "B",
                               "ts": "2026-11-22T00:00:00.124Z"}
    assert lines_until(tapped, Tap(tapped, "--skipped", "--limit", "1"), *lines, wanted=1) == [
        "nginx  skipped malformed  nonsense"]
    assert lines_until(tapped, Tap(tapped, "--skipped", "malformed", "-i", "nginx", "--limit", "1"),
                       *lines, wanted=1)
    done = command("tap", "-s", tapped.socket, "--input", "nonsense")
    assert done.returncode == 1 and "no input 'nonsense'" in done.err
    done = command("tap", "-s", tapped.socket, "--skipped", "malfromed")
    assert done.returncode == 2 and "did you mean 'malformed'" in done.err
    assert command("tap", "--skipped", "--client", "A").returncode == 2


def test_tap_ends_with_ctrl_c_with_the_agent_and_when_it_is_turned_off(tapped):
    first, second, third = (listening_tap(tapped) for _ in range(3))
    first.end()
    assert first.process.returncode == -signal.SIGINT
    tapped.write(control={"tap": False})
    assert command("reload", "-s", tapped.socket).returncode == 0
    for tap in (second, third):
        err = tap.process.communicate(timeout=10)[1]
        assert tap.process.returncode == 1 and "ended it" in err
    tapped.write(control={"tap": True})
    assert command("reload", "-s", tapped.socket).returncode == 0
    fourth = listening_tap(tapped)
    assert tapped.stop() == 0
    fourth.process.communicate(timeout=10)
    assert fourth.process.returncode == 1


def look_on(agent):
    """(status, connection) of GET /tap."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(agent.socket)
    connection.sendall(b"GET /tap HTTP/1.1\r\nHost: x\r\n\r\n")
    return int(connection.recv(4096).split()[1]), connection


@pytest.mark.parametrize("tapped", [1, 4], indirect=True, ids=["1 thread", "4 threads"])
def test_a_reader_that_stalls_slows_nothing_and_misses_what_is_counted(tapped):
    lines = 50_000
    stalled = [look_on(tapped)[1] for _ in range(3)]
    append(tapped.path_of_log, json_line(1795305600123, "A") * lines)
    tapped.settled(lines, timeout=60)
    assert tapped.get("/healthz")[0] == 200
    for connection in stalled:
        connection.settimeout(2)
        text = b""
        while b"not_shown" not in text or not text.endswith(b"\n"):
            text += connection.recv(1 << 20)
        shown = text.decode().splitlines()
        missed = sum(json.loads(line)["not_shown"] for line in shown if "not_shown" in line)
        assert missed > 0 and missed + sum("client_id" in line for line in shown) <= lines
        connection.close()
    append(tapped.path_of_log, json_line(1795305600123, "A"))
    tapped.settled(lines + 1)


def test_only_so_many_look_on(tapped):
    taps = [look_on(tapped) for _ in range(8)]
    assert [status for status, _ in taps] == [200] * 8
    done = command("tap", "-s", tapped.socket)
    assert done.returncode == 1 and "8 look on already" in done.err
    taps.pop()[1].close()
    wait_until(lambda: look_on(tapped)[0] == 200)
    for _, connection in taps:
        connection.close()
