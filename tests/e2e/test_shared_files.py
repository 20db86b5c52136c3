"""Agents that share files: another name, the same log, one store."""
import pytest

from agent import command
from logs import backlog, json_line
from servers import wait_until

START = 1795305600000
READ, MISSED, LATER = 100, 20, 10


def more(path, lines, truth, after):
    with open(path, "a", encoding="utf-8") as file:
        for number in range(lines):
            ms = START + after * 1000 + number
            file.write(json_line(ms, f"LATE_{after}_{number}"))
            truth.see(f"LATE_{after}_{number}", ms)


@pytest.fixture
def renamed(store, agents, tmp_log, tmp_path):
    """Agent "old" has read the log and stopped; "new" waits, with one more log of its own."""
    truth = backlog(tmp_log, READ, 30, seed=5)
    old = agents(tmp_log, store.store(), agent_id="old").start()
    old.settled(READ)
    assert old.stop() == 0
    more(tmp_log, MISSED, truth, 1)
    own = str(tmp_path / "own.log")
    with open(own, "w", encoding="utf-8") as file:
        file.write(json_line(START, "OWN"))
    truth.see("OWN", START)
    inputs = old.settings["inputs"] + [
        {"name": "own", "path": own, "start": "begin", "parser": "json"}]
    new = agents(tmp_log, store.store(), agent_id="new", inputs=inputs).start(wait=False)
    new.waits_for("nginx", "'old'", "positions take", "positions forget")
    wait_until(lambda: new.input(1)["committed"] == 1, what="the other input goes on")
    return new, truth


def positions(agent, *arguments):
    return command("positions", *arguments, "-c", agent.config)


def ended(new, store, truth, lines):
    entry = new.settled(lines)
    wait_until(new.is_ready, 10, what="agent ready")
    assert entry["committed"] == truth.sightings - 1  # but for the other input's
    assert store.rows() == truth.clients
    assert positions(new, "list", "--all").out.count("epoch") == 1


def test_input_of_another_agents_files_waits_and_others_go_on(renamed, store):
    new, _ = renamed
    first, own = new.status()["inputs"]
    assert (first["lines_read"], own["committed"]) == (0, 1)
    assert [file["state"] for file in first["files"]] == ["read by agent 'old'"]
    assert "OWN" in store.rows()
    assert new.log().count("another agent has read") == 1
    assert new.stop() == 0
    new.start(wait=False).waits_for("'old'")
    assert new.stop() == 0
    new.write(shutdown={"timeout": "1s"})
    once = new.once()
    assert once.returncode == 1 and "'old'" in once.err


def test_taken_positions_are_gone_on_from_at_once(renamed, store, tmp_log):
    new, truth = renamed
    refused = positions(new, "take", "--from", "old")
    assert refused.returncode == 1 and "may be running" in refused.err
    assert positions(new, "take", "--from", "nobody").returncode == 1
    more(tmp_log, LATER, truth, 2)
    done = positions(new, "take", "--from", "old", "--force")
    assert done.returncode == 0 and "taken: 1 position" in done.out, done.err
    ended(new, store, truth, READ + MISSED + LATER)


def test_the_old_name_goes_on_where_it_stood(renamed, store, tmp_log):
    new, truth = renamed
    assert new.stop() == 0
    more(tmp_log, LATER, truth, 2)
    new.write(agent_id="old")
    new.start(wait=False).waits_for("'own'", "'new'")  # which has begun in that one
    assert positions(new, "take", "--from", "new", "--force").returncode == 0
    ended(new, store, truth, READ + MISSED + LATER)


def test_a_forgotten_agent_lets_the_input_begin_as_start_says(renamed, store, tmp_log):
    new, truth = renamed
    more(tmp_log, LATER, truth, 2)
    done = positions(new, "forget", "--agent", "old", "--force")
    assert done.returncode == 0 and "forgotten: agent 'old'" in done.out, done.err
    ended(new, store, truth, READ + MISSED + LATER)
    assert positions(new, "forget").returncode == 2
