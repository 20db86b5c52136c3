"""Logs that are renamed, truncated and deleted while nginx writes."""
import glob
import os
import time

import pytest

from agent import command
from load import Load, post_json
from logs import Writer, backlog, json_line, truth_of_nginx
from servers import run_logrotate, wait_until


def all_logs(path):
    """Oldest first: log.3 log.2 log.1 log"""
    rotated = glob.glob(path + ".*")
    return sorted(rotated, key=lambda name: -int(name.rpartition(".")[2])) + [path]


def logrotate(nginx):
    run_logrotate(nginx.directory, f"""{nginx.json_log} {{
    rotate 100
    create 0644
    nocompress
    postrotate
        kill -USR1 {nginx.process.pid}
    endscript
}}
""")


def test_logrotate_with_create_and_usr1_under_load(nginx, store, agents):
    agent = agents(nginx.json_log, store.store()).start()
    with Load(nginx.port):
        for _ in range(4):
            time.sleep(0.6)
            logrotate(nginx)
        time.sleep(0.4)
    logs = all_logs(nginx.json_log)
    assert len(logs) == 5
    truth = truth_of_nginx(logs)
    assert agent.settled(truth.lines)["committed"] == truth.sightings
    assert store.rows() == truth.clients
    assert agent.stop() == 0


def test_logrotate_under_load_with_kills_between(nginx, store, agents):
    agent = agents(nginx.json_log, store.store()).start()
    with Load(nginx.port, threads=1):
        for _ in range(3):
            time.sleep(0.4)
            logrotate(nginx)
            time.sleep(0.2)
            agent.kill()
            agent.start()
    truth = truth_of_nginx(all_logs(nginx.json_log))
    assert agent.settled(truth.lines)["committed"] == truth.sightings
    assert store.rows() == truth.clients


@pytest.mark.parametrize("to", ["the log", "its directory"])
def test_logrotate_twice_behind_a_link_while_the_agent_is_down(to, nginx, store, agents, tmp_path):
    link = str(tmp_path / "current")
    log = nginx.json_log
    os.symlink(log if to == "the log" else os.path.dirname(log), link)
    path = link if to == "the log" else f"{link}/{os.path.basename(log)}"
    agent = agents(path, store.store()).start()
    with Load(nginx.port, threads=1):
        for _ in range(2):
            time.sleep(0.4)
            agent.kill()
            logrotate(nginx)
            time.sleep(0.2)
            logrotate(nginx)
            time.sleep(0.2)
            agent.start()
    truth = truth_of_nginx(all_logs(nginx.json_log))
    assert agent.settled(truth.lines)["committed"] == truth.sightings
    assert store.rows() == truth.clients


def test_link_that_leads_to_the_next_release_while_the_agent_is_down(store, agents, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    written = 0

    def write(directory, lines=100):
        nonlocal written
        with open(tmp_path / directory / "access.log", "a", encoding="utf-8") as file:
            for written in range(written + 1, written + lines + 1):
                file.write(json_line(1795305600000 + written, f"CLIENT_{written}"))

    def lead_to(directory):
        os.symlink(directory, tmp_path / "next")
        os.rename(tmp_path / "next", tmp_path / "current")

    def rotate(directory):
        os.rename(tmp_path / directory / "access.log", tmp_path / directory / "access.log.1")

    lead_to("one")
    write("one")
    agent = agents(f"{tmp_path}/current/*.log", store.store()).start()
    agent.settled(written)
    agent.kill()
    write("one")
    rotate("one")
    write("one")
    lead_to("two")
    write("two")
    rotate("two")
    write("two")
    agent.start().settled(written)
    write("one")  # workers of the old release end
    agent.settled(written)
    agent.kill()
    lead_to("one")
    write("one")
    agent.start().settled(written)
    agent.write(inputs=[{**agent.settings["inputs"][0], "path": f"{tmp_path}/one/*.log"}])
    assert command("reload", "-s", agent.socket).returncode == 0
    write("one")
    assert agent.settled(written)["committed"] == written
    assert len(store.rows()) == written


def test_lines_written_to_the_renamed_file_before_usr1_are_read(nginx, database, agents):
    agent = agents(nginx.json_log, database.store()).start()
    lines = agent.input()["lines_read"]
    post_json(nginx.port, "before")
    agent.settled(lines + 1)
    os.rename(nginx.json_log, nginx.json_log + ".1")
    post_json(nginx.port, "to the renamed file")
    agent.settled(lines + 2)
    nginx.reopen()
    wait_until(lambda: os.path.exists(nginx.json_log))
    post_json(nginx.port, "to the new file")
    agent.settled(lines + 3)
    assert set(database.rows()) == {"before", "to the renamed file", "to the new file"}


def test_truncation_goes_on_from_the_beginning(store, agents, tmp_log):
    truth = backlog(tmp_log, 500, 20, seed=1)
    agent = agents(tmp_log, store.store()).start()
    agent.settled(500)
    os.truncate(tmp_log, 0)
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305999000, "after"))
    agent.settled(501)
    assert store.rows() == {**truth.clients, "after": (1795305999000,) * 2}


def test_truncated_and_regrown_past_the_position_is_read_again(store, agents, tmp_log):
    backlog(tmp_log, 500, 20, seed=1)
    agent = agents(tmp_log, store.store()).start()
    agent.settled(500)
    assert agent.stop() == 0
    again = backlog(tmp_log, 1000, 20, seed=2, start_ms=1795306000000)
    agent.start()
    agent.settled(1500)
    assert {c: last for c, (last, _) in again.clients.items()} == {
        c: last for c, (last, _) in store.rows().items() if c in again.clients}


def test_a_deleted_file_is_read_to_its_end_and_its_successor_from_the_first_byte(
        database, agents, tmp_log):
    with Writer(tmp_log, rate=1000, clients=50) as writer:
        agent = agents(tmp_log, database.store()).start()
        time.sleep(0.5)
        os.unlink(tmp_log)
        time.sleep(0.5)  # goes on in the deleted file
        first = writer.stop()
    second = backlog(tmp_log, 300, 20, seed=3)
    agent.settled(first.lines + second.lines)
    wanted = dict(second.clients)
    for client, (last, created) in first.clients.items():
        # The second log is from the past: it moves neither time of a client that is known.
        wanted[client] = (last, created)
    rows = database.rows()
    assert {c: t[0] for c, t in rows.items()} == {c: t[0] for c, t in wanted.items()}


def test_a_file_that_appears_later_is_read_from_its_first_byte(database, agents, tmp_log):
    pattern = os.path.join(os.path.dirname(tmp_log), "*.log")
    agent = agents(pattern, database.store(), inputs=[
        {"name": "nginx", "path": pattern, "start": "end", "parser": "json"}])
    backlog(tmp_log, 100, 10, seed=1)
    agent.start()
    assert agent.input()["lines_read"] == 0  # start: end
    late = os.path.join(os.path.dirname(tmp_log), "late.log")
    truth = backlog(late, 100, 10, seed=2)
    agent.settled(100)
    assert database.rows() == truth.clients


def test_a_half_line_waits_until_it_is_whole(database, agents, tmp_log):
    line = json_line(1795305600123, "A").encode()
    agent = agents(tmp_log, database.store()).start()
    with open(tmp_log, "ab", buffering=0) as file:
        for cut in range(0, len(line) - 1, 97):
            file.write(line[cut:min(cut + 97, len(line) - 1)])
            time.sleep(0.03)
        assert agent.input()["lines_read"] == 0
        agent.kill()  # the half line's start is the position
        agent.start()
        file.write(b"\n")
    agent.settled(1)
    assert database.rows() == {"A": (1795305600123,) * 2}
