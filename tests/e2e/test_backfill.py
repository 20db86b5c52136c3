"""Old logs beside a running agent: once, whatever they are called and however often it is asked."""
import gzip
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from agent import LASTSEEN, command, environment, sqlite_query
from logs import Truth, backlog, json_line
from servers import wait_until

START_MS = 1795305600000


def packed(path, members=1):
    """gzips a file as `gzip` does, in several members, and keeps its time."""
    with open(path, "rb") as file:
        lines = file.readlines()
    step = -(-len(lines) // members)
    with open(f"{path}.gz", "wb") as out:
        for begin in range(0, len(lines), step):
            out.write(gzip.compress(b"".join(lines[begin:begin + step]), 1))
    when = os.stat(path)
    os.utime(f"{path}.gz", ns=(when.st_atime_ns, when.st_mtime_ns))
    os.unlink(path)
    return f"{path}.gz"


def totals(agent, agent_id="e2e/backfill"):
    (text,), = sqlite_query(agent.database, "SELECT ledger FROM lastseen_position "
                            "WHERE agent_id = ? AND stream = ''", agent_id)
    return json.loads(text)


@pytest.fixture
def old_logs(tmp_path):
    """access.log.2.gz (three members), access.log.1 and access.log, and what is in all of them."""
    log = str(tmp_path / "access.log")
    truth = Truth()
    for number, name in enumerate((f"{log}.2", f"{log}.1", log)):
        part = backlog(name, 3000, 200, seed=number, start_ms=START_MS + number * 3_600_000)
        os.utime(name, (START_MS / 1000 + number * 3600,) * 2)
        for client, (last, first) in part.clients.items():
            truth.see(client, first)
            truth.see(client, last)
    packed(f"{log}.2", members=3)
    return log, truth


def backfill(agent, *logs, **options):
    return command("backfill", "-c", agent.config, *logs, **options)


def test_beside_a_running_agent_and_a_repeat_adds_nothing(agents, old_logs):
    log, truth = old_logs
    agent = agents(log)
    agent.start()
    agent.settled(3000)
    done = backfill(agent, f"{log}.1", f"{log}.2.gz")
    assert done.returncode == 0, done.err
    newest = {client: last for client, (last, _) in truth.clients.items()}
    assert {client: last for client, (last, _) in agent.rows().items()} == newest
    first = totals(agent)
    assert first["lines_read"] == 6000
    again = backfill(agent, f"{log}.1", f"{log}.2.gz")
    assert again.returncode == 0, again.err
    assert totals(agent) == first
    assert agent.input()["lines_read"] == 3000, "the agent itself was not disturbed"
    agent.stop()


def test_a_repeat_adds_nothing_after_rotation_and_compression(agents, old_logs):
    log, _ = old_logs
    agent = agents(log)
    assert backfill(agent, f"{log}.1", f"{log}.2.gz").returncode == 0
    first = totals(agent)
    os.rename(f"{log}.2.gz", f"{log}.3.gz")
    os.rename(f"{log}.1", f"{log}.2")
    packed(f"{log}.2")
    os.rename(log, f"{log}.1")
    done = backfill(agent, f"{log}.1", f"{log}.2.gz", f"{log}.3.gz")
    assert done.returncode == 0, done.err
    assert totals(agent)["lines_read"] == first["lines_read"] + 3000


def test_oldest_log_first_gives_created_at(agents, old_logs):
    log, truth = old_logs
    agent = agents(log)
    assert backfill(agent, log, f"{log}.1", f"{log}.2.gz").returncode == 0
    assert agent.rows() == truth.clients


def test_the_same_log_twice_counts_once(agents, old_logs):
    log, _ = old_logs
    os.link(f"{log}.1", f"{log}.8")
    agent = agents(log)
    assert backfill(agent, f"{log}.1", f"{log}.1", f"{log}.8").returncode == 0
    assert totals(agent)["lines_read"] == 3000


def test_killed_anywhere_it_goes_on_where_it_was(agents, tmp_path):
    log = str(tmp_path / "access.log")
    backlog(f"{log}.1", 150_000, 1000, seed=5)  # 39 MB, unpacked in several steps
    packed(f"{log}.1", members=7)
    agent = agents(log, flush={"interval": "10ms"})
    for _ in range(3):
        with subprocess.Popen([LASTSEEN, "backfill", "-c", agent.config, f"{log}.1.gz"],
                              env=environment(), stderr=subprocess.DEVNULL) as process:
            time.sleep(0.08)
            process.send_signal(signal.SIGKILL)
    done = backfill(agent, f"{log}.1.gz")
    assert done.returncode == 0, done.err
    assert totals(agent)["lines_read"] == 150_000
    assert sum(1 for _ in agent.rows()) == 1000


def test_a_damaged_log_is_said_and_the_rest_is_read(agents, old_logs):
    log, _ = old_logs
    with open(f"{log}.2.gz", "r+b") as file:
        file.truncate(os.path.getsize(f"{log}.2.gz") // 2)
    agent = agents(log)
    done = backfill(agent, f"{log}.2.gz", f"{log}.1")
    assert done.returncode == 1
    assert f"{log}.2.gz" in done.err and "cut off" in done.err
    assert 3000 < totals(agent)["lines_read"] < 6000


def test_the_last_line_counts_without_a_newline(agents, tmp_path):
    log = tmp_path / "access.log"
    log.write_text(json_line(START_MS, "A") + json_line(START_MS, "B").rstrip("\n"))
    agent = agents(str(log))
    assert backfill(agent, log).returncode == 0
    assert set(agent.rows()) == {"A", "B"}


def test_whose_log_it_is_must_be_clear(agents, tmp_path):
    agent = agents("unused", inputs=[
        {"name": "one", "path": str(tmp_path / "one*.log"), "parser": "json"},
        {"name": "two", "path": str(tmp_path / "t*.log"), "parser": "combined"},
        {"name": "three", "path": str(tmp_path / "three.log"), "parser": "json"}])
    for name in ("one-a.log.1", "three.log", "other.log"):
        (tmp_path / name).write_text(json_line(START_MS, name))
    assert backfill(agent, tmp_path / "one-a.log.1").returncode == 0
    assert set(agent.rows()) == {"one-a.log.1"}
    done = backfill(agent, tmp_path / "three.log")
    assert done.returncode == 2 and "several inputs" in done.err and "two, three" in done.err
    done = backfill(agent, tmp_path / "other.log")
    assert done.returncode == 2 and "one, two, three" in done.err
    assert backfill(agent, "-i", "three", tmp_path / "other.log").returncode == 0
    assert "other.log" in agent.rows()
    done = backfill(agent, "-i", "four", tmp_path / "other.log")
    assert done.returncode == 2 and "no input 'four'" in done.err
    done = backfill(agent, tmp_path / "missing.log")
    assert done.returncode == 1 and "missing.log" in done.err


def test_a_terminal_sees_a_progress_bar(agents, old_logs):
    log, _ = old_logs
    agent = agents(log)
    ours, theirs = pty.openpty()
    with subprocess.Popen([LASTSEEN, "backfill", "-c", agent.config, f"{log}.2.gz"],
                          env=environment(), stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        said = b""
        with open(ours, "rb", buffering=0) as terminal:
            try:
                while piece := terminal.read(4096):
                    said += piece
            except OSError:  # the other end is closed
                pass
        wait_until(lambda: process.poll() is not None, 10, what="the end")
        assert process.returncode == 0
    assert b"[########################] 100 %  3,000 lines" in said
