"""Wrong configurations and foreign bytes: one clear line, and the right behaviour."""
import os
import random
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

from agent import LASTSEEN, command
from logs import backlog, json_line
from servers import is_root, wait_until

GOOD = """\
agent_id: e2e
inputs:
  - name: nginx
    path: {directory}/access.log
    start: begin
    parser: json
store: {{type: sqlite, path: {directory}/lastseen.db}}
state_dir: {directory}
control: {{socket: {directory}/control.sock}}
"""


@pytest.fixture
def nobodys_lastseen():
    """A prefix that runs lastseen as a user without rights, and a directory that he may enter."""
    if not is_root():
        return [LASTSEEN]
    directory = tempfile.mkdtemp(prefix="ls-nobody-", dir="/tmp")
    os.chmod(directory, 0o755)
    shutil.copy(LASTSEEN, directory)
    yield ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
           f"{directory}/lastseen"]
    shutil.rmtree(directory)


def refused(config, *expected, by=("check", "run")):
    """Both commands end with 2 and name the file and the cause; returns what check said."""
    for name in by:
        done = command(name, "-c", config)
        assert done.returncode == 2, (name, done.out, done.err)
        said = done.out + done.err
        for text in expected:
            assert re.search(text, said), (text, said)
        assert "terminate" not in said and "what():" not in said
    return said


def edited(tmp_path, old, new):
    text = GOOD.format(directory=tmp_path)
    assert old in text
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_no_configuration_file(tmp_path):
    said = refused(tmp_path / "none.yaml", r"none\.yaml", "(?i)no such file|not exist|not found")
    assert len(said.strip().splitlines()) == 1


def test_directory_as_configuration(tmp_path):
    said = refused(tmp_path, "(?i)directory", re.escape(str(tmp_path)))
    assert len(said.strip().splitlines()) == 1


def test_empty_configuration(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert len(refused(tmp_path / "empty.yaml", "(?i)empty|inputs").strip().splitlines()) <= 3


@pytest.mark.skipif(not is_root(), reason="needs another user")
def test_unreadable_configuration(tmp_path, nobodys_lastseen, agents):
    config = agents("/nowhere").config
    os.chmod(config, 0o600)
    done = subprocess.run([*nobodys_lastseen, "check", "-c", config], capture_output=True,
                          text=True, cwd="/", check=False)
    assert done.returncode == 2 and "ermission denied" in done.stderr + done.stdout


def test_configuration_of_other_bytes(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(random.Random(1).randbytes(4096))
    refused(tmp_path / "binary.yaml", r"binary\.yaml")


@pytest.mark.parametrize("old, new, line, expected", [
    ("parser: json", "parser: [json", None, ""),                        # invalid YAML
    ("start: begin", "strat: begin", 5, "strat.*start"),                # unknown key
    ("agent_id: e2e", "agent_id: e2e\nflush: {interval: fast}", 2, "interval|fast"),
    ("agent_id: e2e", "agent_id: e2e\nflush: {intervall: 1s}", 2, "intervall.*interval"),
    ("agent_id: e2e", "agent_id: e2e\nflush: 7", 2, "flush"),
    ("agent_id: e2e", "agent_id: e2e\nbuffer: {clients_max: many}", 2, "clients_max|many"),
    ("agent_id: e2e", "agent_id: e2e\nbuffer: {clients_max: 1}", 2, "100"),
    ("agent_id: e2e", "agent_id: e2e\nagent_id: x", 2, "(?i)twice|duplicate|already"),
    ("parser: json", "parser: jason", 6, "jason.*json"),                # unknown parser
    ("start: begin", "start: middle", 5, "begin"),
    ("type: sqlite", "type: oracle", 7, "oracle"),
    ("name: nginx", "name: 'a b'", 3, "name"),
    ("start: begin", "start: begin\n    type: telepathy", 6, "telepathy"),
    ("start: begin", "start: begin\n    line_bytes_max: 1", 6, "line_bytes_max|1"),
])
def test_mistakes_are_shown_with_their_place(tmp_path, old, new, line, expected):
    said = refused(edited(tmp_path, old, new), expected)
    found = re.search(r"bad\.yaml:(\d+):(\d+): (.*)\n(.*)\n( *)\^", said)
    assert found, said
    if line:
        assert int(found[1]) == line, said
        assert len(found[5]) + 1 == int(found[2]), said


def test_every_mistake_is_told_at_once(tmp_path):
    config = edited(tmp_path, "start: begin", "strat: begin")
    config.write_text(config.read_text().replace("type: sqlite", "typ: sqlite")
                      .replace("parser: json", "parser: jason"))
    said = refused(config)
    assert {int(n) for n in re.findall(r"bad\.yaml:(\d+):\d+:", said)} >= {5, 6, 7}


def test_two_inputs_with_one_name(tmp_path):
    second = "  - {name: nginx, path: /other.log, parser: json}\nstore:"
    refused(edited(tmp_path, "store:", second), "nginx", r"bad\.yaml:7:")


def test_no_inputs(tmp_path):
    (tmp_path / "bad.yaml").write_text("agent_id: e2e\n")
    refused(tmp_path / "bad.yaml", "inputs")


def test_without_a_umask_nothing_that_others_may_write_is_made(agents, tmp_log, tmp_path):
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305600000, "A"))
    log = tmp_path / "agent.log"
    agent = agents(tmp_log)
    agent.write(log={"file": str(log)})
    agent.start(umask=0)
    agent.settled(1)
    made = [os.path.join(agent.directory, name) for name in os.listdir(agent.directory)]
    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in [*made, str(log)]
             if path not in (agent.config, agent.stderr)}
    assert len(modes) >= 3 and not any(mode & stat.S_IWOTH for mode in modes.values()), modes


def test_log_in_a_missing_directory_is_waited_for(database, agents, tmp_path):
    log = tmp_path / "later" / "access.log"
    agent = agents(str(log), database.store()).start(wait=False)
    agent.waits_for("nginx", str(log), "missing")
    agent.says(str(log.parent))
    assert agent.log().count(str(log.parent)) <= 2
    log.parent.mkdir()
    log.write_text(json_line(1795305600123, "A"))
    agent.settled(1)
    assert database.rows() == {"A": (1795305600123,) * 2}


def test_directory_as_log_is_waited_for(database, agents, tmp_path):
    log = tmp_path / "access.log"
    log.mkdir()
    agent = agents(str(log), database.store()).start(wait=False)
    agent.waits_for(str(log), "directory")
    agent.says("name a file in it")
    log.rmdir()
    log.write_text(json_line(1795305600123, "A"))
    agent.settled(1)
    wait_until(agent.is_ready)


def test_run_once_ends_with_1_and_names_what_it_cannot_read(agents, tmp_path):
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    good.write_text(json_line(1795305600123, "A"))
    bad.mkdir()
    agent = agents(str(good), shutdown={"timeout": "1s"}, inputs=[
        {"name": name, "path": str(tmp_path / f"{name}.log"), "parser": "json"}
        for name in ("good", "bad", "absent")])
    done = agent.once(timeout=15)
    assert done.returncode == 1, done.err
    last = done.err.strip().splitlines()[-1]
    assert str(bad) in last and "directory" in last and str(good) not in last
    assert str(tmp_path / "absent.log") in last and "missing" in last
    assert set(agent.rows()) == {"A"}, "what could be read is committed"


def test_log_of_another_format_is_said_with_the_way_to_look(agents, tmp_log):
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(json_line(1795305600123, "A") * 10)
    done = agents(tmp_log, parser="combined").once()
    warnings = [line for line in done.err.splitlines() if " warn " in line]
    assert len(warnings) == 1 and "lastseen parse" in warnings[0] and "lines=10" in warnings[0]


def test_unfinished_last_line_is_said_and_waits(agents, tmp_log):
    line = json_line(1795305600123, "A")
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(line + line[:30])
    agent = agents(tmp_log)
    done = agent.once()
    assert done.returncode == 0 and "bytes=30" in done.err
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(line[30:])
    done = agent.once()
    assert "bytes=" not in done.err and "lines_read=2" in done.err


def test_closed_standard_descriptors_harm_nothing(agents, tmp_log):
    truth = backlog(tmp_log, 1000, 40, seed=1)
    agent = agents(tmp_log)
    shell = f"exec {LASTSEEN} run --once -c {agent.config} <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", shell], timeout=60).returncode == 0
    assert agent.rows() == truth.clients


@pytest.mark.skipif(not is_root(), reason="needs another user")
def test_unreadable_log_is_waited_for(database, agents, tmp_log, nobodys_lastseen):
    """As after logrotate: 0600 first, readable a moment later."""
    os.chmod(os.path.dirname(tmp_log), 0o755)
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(json_line(1795305600123, "A"))
    os.chmod(tmp_log, 0o600)
    agent = agents(tmp_log, database.store())
    os.chmod(agent.directory, 0o777)
    agent.start(program=nobodys_lastseen, wait=False)
    agent.waits_for(tmp_log, "ermission denied")
    agent.says("ermission denied")
    assert tmp_log in agent.log()
    os.chmod(tmp_log, 0o644)
    agent.settled(1)
    assert database.rows() == {"A": (1795305600123,) * 2}
    assert agent.stop() == 0


def test_control_socket_in_use_by_a_live_agent_is_refused(database, agents, tmp_log):
    first = agents(tmp_log, database.store()).start()
    second = agents(tmp_log, control={"socket": first.socket}, agent_id="other")
    done = command("run", "-c", second.config)
    assert done.returncode in (1, 2)
    assert first.socket in done.err and len(done.err.strip().splitlines()) <= 3
    assert first.is_ready()
    assert first.stop() == 0


def test_control_socket_left_by_a_dead_agent_is_replaced(database, agents, tmp_log):
    agent = agents(tmp_log, database.store()).start()
    agent.kill()
    assert os.path.exists(agent.socket)
    agent.start()
    assert agent.stop() == 0


def test_control_socket_where_an_ordinary_file_stands_is_left_alone(agents, tmp_log):
    agent = agents(tmp_log)
    with open(agent.socket, "w", encoding="utf-8") as file:
        file.write("precious")
    agent.start(wait=False)
    agent.says(agent.socket)
    with open(agent.socket, encoding="utf-8") as file:
        assert file.read() == "precious"


# Foreign bytes in a log. Each line is counted once, and those around it keep their clients.

MS = 1795305600123


def read_bytes(agents, tmp_log, content, parser="json"):
    """Runs once over the bytes; returns (rows, the input's totals)."""
    with open(tmp_log, "wb") as file:
        file.write(content)
    agent = agents(tmp_log, parser=parser)
    agent.start()
    entry = agent.settled(content.count(b"\n"))
    assert agent.stop() == 0
    return agent.rows(), entry


def test_binary_file_as_log(agents, tmp_log):
    noise = random.Random(7).randbytes(3_000_000)
    good = json_line(MS, "A").encode()
    rows, entry = read_bytes(agents, tmp_log, noise + b"\n" + good)
    assert rows == {"A": (MS, MS)}
    assert entry["skipped"]["malformed"] >= noise.count(b"\n")


@pytest.mark.parametrize("parser", ["json", "combined"])
def test_ten_megabyte_line(agents, tmp_log, parser):
    good = json_line(MS, "A").encode()
    if parser == "combined":
        good = (b'1.2.3.4 - - [22/Nov/2026:00:00:00 +0000] "GET /?client_id=A HTTP/1.1" 200 1 '
                b'"-" "-"\n')
    line = good[:-1].replace(b"200", b"x" * 10_000_000) + b"\n"
    rows, entry = read_bytes(agents, tmp_log, line + good + line + good, parser)
    assert list(rows) == ["A"]
    assert entry["skipped"] == {"line_too_long": 2} and entry["committed"] == 2


def test_long_lines_below_the_limit_are_read(agents, tmp_log):
    body = '{"pad": "' + "x" * 900_000 + '", "client_id": "A"}'
    rows, entry = read_bytes(agents, tmp_log, json_line(MS, body=body).encode() * 3)
    assert rows == {"A": (MS, MS)} and entry["committed"] == 3


def test_nul_bytes(agents, tmp_log):
    good = json_line(MS, "A").encode()
    content = b"\0" * 5000 + b"\n" + good + good[:50] + b"\0" + good[50:] + b"\0\n" + good
    rows, entry = read_bytes(agents, tmp_log, content)
    assert rows == {"A": (MS, MS)}
    assert entry["lines_read"] == 5 and entry["skipped"]["malformed"] >= 2


def test_crlf_line_ends(agents, tmp_log):
    good = json_line(MS, "A").encode().replace(b"\n", b"\r\n")
    combined = (b'1.2.3.4 - - [22/Nov/2026:00:00:00 +0000] "GET /?client_id=A HTTP/1.1" 200 1 '
                b'"-" "-"\r\n')
    rows, entry = read_bytes(agents, tmp_log, good * 3)
    assert rows == {"A": (MS, MS)} and entry["committed"] == 3
    rows, entry = read_bytes(agents, tmp_log, combined * 3, "combined")
    assert list(rows) == ["A"] and entry["committed"] == 3


def test_empty_lines_and_an_empty_file(agents, tmp_log):
    rows, entry = read_bytes(agents, tmp_log, b"")
    assert rows == {} and entry["lines_read"] == 0
    rows, entry = read_bytes(agents, tmp_log, b"\n\n" + json_line(MS, "A").encode() + b"\n")
    assert rows == {"A": (MS, MS)} and entry["lines_read"] == 4


def test_memory_stays_bounded_by_clients_and_line_length(agents, tmp_log):
    """A gigabyte of one line, and a hundred thousand invented ids."""
    agent = agents(tmp_log, buffer={"clients_max": 2000}, flush={"interval": "10ms"})
    with open(tmp_log, "wb") as file:
        file.truncate(1 << 30)  # a hole: reads as NULs
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
        for number in range(100_000):
            file.write(json_line(MS, f"INVENTED_{number}", "query").encode())
    agent.start()
    entry = agent.settled(100_001, timeout=60)
    assert entry["skipped"] == {"line_too_long": 1} and entry["committed"] == 100_000
    with open(f"/proc/{agent.process.pid}/status", encoding="utf-8") as file:
        peak_kb = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    assert peak_kb < 60_000
    assert len(agent.rows()) == 100_000
