"""quarantine, positions and doctor: what people change in a store beside, or under, an agent."""
import json
import os

from agent import command
from logs import backlog, json_line

START = 1795305600000


def lines(path, clients, start=START):
    with open(path, "a", encoding="utf-8") as file:
        for number, client in enumerate(clients):
            file.write(json_line(start + number, client))


def test_quarantine_replay_after_the_table_was_mended(database, agents, tmp_log):
    database.query("ALTER TABLE client_activity ADD CONSTRAINT c CHECK (client_id NOT LIKE 'X%')")
    lines(tmp_log, [f"OK_{n}" for n in range(30)] + ["X_1", "X_2", "X_1"])
    agent = agents(tmp_log, database.store(), flush={"interval": "1s"}).start()
    assert agent.settled(33)["quarantined"] == 3
    listed = command("quarantine", "list", "-c", agent.config)
    assert listed.returncode == 0 and "X_1" in listed.out and "23514" in listed.out
    rows = [json.loads(line) for line in
            command("quarantine", "list", "--json", "-c", agent.config).out.splitlines()]
    assert sum(row["lines"] for row in rows) == 3
    shown = command("quarantine", "show", rows[0]["id"], "-c", agent.config)
    assert rows[0]["client_id"] in shown.out
    refused = command("quarantine", "replay", "-c", agent.config)
    assert refused.returncode == 1 and "refused again" in refused.err
    database.query("ALTER TABLE client_activity DROP CONSTRAINT c")
    replayed = command("quarantine", "replay", "-c", agent.config)
    assert replayed.returncode == 0 and "(3 lines)" in replayed.out, replayed.err
    assert "empty" in command("quarantine", "list", "-c", agent.config).out
    assert len(database.rows()) == 32
    assert database.rows()["X_1"] == (START + 32, START + 30)
    lines(tmp_log, ["LATE"], START + 1000)
    agent.settled(34)
    assert agent.stop() == 0
    entry = agent.start().settled(34)
    assert (entry["quarantined"], entry["committed"]) == (0, 34)


def test_quarantine_drop_wants_names_or_all(database, agents, tmp_log):
    database.query("ALTER TABLE client_activity ADD CONSTRAINT c CHECK (client_id <> 'X')")
    lines(tmp_log, ["X"])
    agent = agents(tmp_log, database.store())
    assert agent.once().returncode == 0
    assert command("quarantine", "drop", "-c", agent.config).returncode == 2
    assert "dropped 1 row" in command("quarantine", "drop", "--all", "-c", agent.config).out


def positions(agent):
    done = command("positions", "list", "--json", "-c", agent.config)
    assert done.returncode == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_positions_list_set_and_forget(store, agents, tmp_log):
    truth = backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, store.store())
    assert agent.once().returncode == 0
    [position] = positions(agent)
    size = os.path.getsize(tmp_log)
    assert (position["path"], position["position"]) == (tmp_log, size)
    assert position["inode"] == os.stat(tmp_log).st_ino
    assert tmp_log in command("positions", "list", "-c", agent.config).out
    with open(tmp_log, "rb") as file:
        half = sum(len(file.readline()) for _ in range(50))
    too_far = command("positions", "set", "nginx", tmp_log, size + 1, "-c", agent.config)
    assert too_far.returncode == 1 and "only" in too_far.err
    done = command("positions", "set", "nginx", tmp_log, half, "-c", agent.config)
    assert done.returncode == 0, done.err
    assert agent.start().settled(150)["committed"] > truth.sightings
    assert agent.stop() == 0
    assert command("positions", "forget", "nginx", tmp_log, "-c", agent.config).returncode == 0
    agent.start().settled(250)
    assert agent.stop() == 0
    assert command("positions", "forget", "nginx", "-c", agent.config).returncode == 0
    agent.start().settled(100)
    assert store.rows() == truth.clients


def test_positions_of_a_running_agent_are_changed_only_by_force(store, agents, tmp_log):
    truth = backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, store.store()).start()
    agent.settled(100)
    refused = command("positions", "set", "nginx", tmp_log, 0, "-c", agent.config)
    assert refused.returncode == 1 and "runs" in refused.err
    assert agent.status()["store"]["state"] == "ok"
    forced = command("positions", "set", "nginx", tmp_log, 0, "--force", "-c", agent.config)
    assert forced.returncode == 0, forced.err
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write(json_line(START + 1000, "LATE"))
    agent.settled(201)
    assert len(store.rows()) == len(truth.clients) + 1
    assert agent.stop() == 0, agent.log()


def test_a_wrong_name_makes_nothing(agents, tmp_log):
    agent = agents(tmp_log)
    for arguments in (["positions", "list"], ["positions", "forget", "nginx"],
                      ["quarantine", "list"], ["quarantine", "replay"]):
        done = command(*arguments, "-c", agent.config)
        assert done.returncode == 1 and "does not exist" in done.err
        assert not os.path.exists(agent.database)


def test_doctor_prints_what_each_sqlstate_means():
    done = command("doctor", "--sqlstate")
    assert done.returncode == 0
    for words in ("40P01", "retry at once", "53", "retrying", "23", "row at fault", "other",
                  "holding"):
        assert words in done.out
