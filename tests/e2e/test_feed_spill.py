"""What feeds brought, over stops, outages and kills: never counted twice, and what may be lost."""
import glob
import os
import re
import resource
import signal
import subprocess
import time

import pytest

from agent import command, environment
from conftest import migrated
from feeds import Sender, datagram_socket, feed, ndjson
from servers import PASSWORD, is_root, wait_until


def fed_agent(agents, database, **more):
    agent = agents("/nowhere", database.store(), shutdown={"timeout": "300ms"}, **more)
    agent.write(inputs=[feed("in", "unix_datagram", agent.directory)])
    return agent, Sender(agent.settings["inputs"][0]["path"])


def spill_of(agent):
    return f"{agent.directory}/e2e.spill"


def fed_in_an_outage(agents, database, lines, clients=50):
    """10 datagrams are committed, and so many came since the database is down."""
    agent, sender = fed_agent(agents, database)
    sender.clients = clients
    agent.start()
    sender.send(10)
    agent.settled(10)
    database.server.stop()
    sender.send(lines)
    return agent, sender


def stopped_in_an_outage(agents, database):
    """10 datagrams are committed, 5 wait in the spill file, and the database is back."""
    agent, sender = fed_in_an_outage(agents, database, 5)
    wait_until(lambda: agent.input()["pending"] == 5)
    assert agent.stop() == 3
    database.server.start(durable=True)
    return agent, sender


def test_stop_under_load_with_the_database_down_loses_and_doubles_nothing(own_database, agents):
    agent, sender = fed_agent(agents, own_database)
    agent.start()
    sender.send(200)
    agent.settled(200)
    own_database.server.stop()
    sender.start(rate=3000)
    time.sleep(1)
    assert agent.stop() == 3
    truth = sender.stop()
    assert truth.lines > 1000
    assert "waits in the spill file" in agent.log()
    assert os.stat(spill_of(agent)).st_mode & 0o777 == 0o600

    agent.start(wait=False)  # and stops once more before the database is back
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    sender.send(100)
    wait_until(lambda: agent.input()["lines_read"] == 100)
    assert agent.stop() == 3

    own_database.server.start(durable=True)
    agent.start()
    entry = agent.settled(truth.lines)
    assert entry["committed"] == truth.lines
    assert own_database.rows() == truth.clients
    wait_until(lambda: not os.path.exists(spill_of(agent)))
    assert agent.stop() == 0


def test_kill_in_an_outage_costs_what_came_since_the_last_spill(own_database, agents):
    agent, sender = fed_agent(agents, own_database)
    agent.start()
    sender.send(200)
    agent.settled(200)
    own_database.server.stop()
    sender.start(rate=500)
    wait_until(lambda: os.path.exists(spill_of(agent)))
    time.sleep(1.5)
    agent.kill()
    written = os.stat(spill_of(agent)).st_mtime - time.time() + time.monotonic()
    truth = sender.stop()
    before = sum(1 for sent in sender.times if sent < written - 0.2)
    assert before > 200
    own_database.server.start(durable=True)
    agent.start()
    wait_until(lambda: agent.input()["lines_read"] >= before and agent.input()["pending"] == 0)
    lines = agent.input()["lines_read"]
    assert before <= lines <= truth.lines
    sender.send(1)
    assert agent.settled(lines + 1)["committed"] == lines + 1


def test_feed_is_received_while_the_database_has_never_answered(own_database, agents):
    own_database.server.stop()
    agent, sender = fed_agent(agents, own_database)
    agent.start(wait=False)
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    sender.send(300)
    own_database.server.start(durable=True)
    wait_until(agent.is_ready, 20)
    assert agent.settled(300)["committed"] == 300
    assert own_database.rows() == sender.truth.clients


@pytest.mark.parametrize("harm", ["torn", "foreign"])
def test_file_that_cannot_be_used_is_set_aside(agents, harm):
    agent = agents("/nowhere")
    agent.write(inputs=[feed("in", "unix_datagram", agent.directory)])
    with open(spill_of(agent), "wb") as file:
        file.write(b"lastseen spill 1\n" + os.urandom(100) if harm == "torn" else b"somebody's")
    agent.start()
    agent.says("cannot be used: it is " + ("torn" if harm == "torn" else "not a spill file"))
    assert glob.glob(spill_of(agent) + ".damaged*") == [spill_of(agent) + ".damaged1"]
    datagram_socket(agent.settings["inputs"][0]["path"]).send(ndjson("A", 1_795_000_000_000))
    wait_until(lambda: "A" in agent.rows())


@pytest.mark.parametrize("words", [("forget", "in"), ("take", "--from", "old"),
                                   ("forget", "--agent", "old")])
def test_positions_changed_by_hand_lose_nothing_of_the_spill(own_database, agents, tmp_log, words):
    agent, sender = stopped_in_an_outage(agents, own_database)
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write("no line of a client\n" * 10)
    assert agents(tmp_log, own_database.store(), agent_id="old").once().returncode == 0
    if words == ("forget", "in"):
        words += ("--agent", "e2e")
    else:
        words += ("--force",)
    done = command("positions", *words, "-c", agent.config)
    assert done.returncode == 0, done.err
    agent.start()
    committed = 5 if words[:2] == ("forget", "in") else 15  # the totals of before are forgotten
    assert agent.settled(committed)["committed"] == committed
    assert own_database.rows() == sender.truth.clients
    wait_until(lambda: not os.path.exists(spill_of(agent)))


@pytest.mark.parametrize("named_by", ["PGDATABASE", "service"])
def test_a_spill_knows_a_store_that_libpq_names_by_itself(own_cluster, agents, tmp_path, named_by):
    own_cluster.start(durable=True)
    first, other = (migrated(own_cluster.create_database(), agents) for _ in range(2))
    other.query("INSERT INTO lastseen_agent (agent_id, epoch, batch, seen_at) "
                "VALUES ('e2e', 5, 500, now())")

    def env(database):
        if named_by == "PGDATABASE":
            return environment(PGDATABASE=database.name)
        (tmp_path / "services").write_text(f"[x]\ndbname={database.name}\n", encoding="utf-8")
        return environment(PGSERVICEFILE=str(tmp_path / "services"))

    agent, sender = fed_agent(agents, first)
    url = f"postgresql:///?host=127.0.0.1&port={own_cluster.port}&user=postgres&password={PASSWORD}"
    agent.write(store=first.store(url=url + "&service=x" * (named_by == "service")))
    agent.start(env=env(first))
    sender.send(10)
    agent.settled(10)
    own_cluster.stop()
    sender.send(5)
    wait_until(lambda: agent.input()["pending"] == 5)
    assert agent.stop() == 3
    assert PASSWORD.encode() not in open(spill_of(agent), "rb").read()
    own_cluster.start(durable=True)
    agent.start(env=env(other))
    assert agent.settled(5)["committed"] == 5
    assert {**first.rows(), **other.rows()} == sender.truth.clients
    wait_until(lambda: not os.path.exists(spill_of(agent)))


def test_input_that_is_no_longer_configured_is_committed(own_database, agents, tmp_log):
    agent, sender = stopped_in_an_outage(agents, own_database)
    agent.write(inputs=[{"name": "log", "path": tmp_log, "parser": "json"}])
    open(tmp_log, "w", encoding="utf-8").close()
    agent.start()
    agent.says("an input is no longer configured")
    wait_until(lambda: agent.input(1)["lines_read"] == 15 and agent.input(1)["pending"] == 0)
    assert own_database.rows() == sender.truth.clients


@pytest.mark.parametrize("left_out", [True, False], ids=["left out by a reload", "a log now"])
def test_spilled_lines_outlive_their_feed(own_database, agents, tmp_log, left_out):
    agent, sender = stopped_in_an_outage(agents, own_database)
    fed = agent.settings["inputs"][0]
    log = {"name": "log" if left_out else fed["name"], "path": tmp_log, "parser": "json"}
    open(tmp_log, "w", encoding="utf-8").close()
    own_database.server.stop()
    agent.write(inputs=[fed if left_out else log])
    agent.start(wait=False)
    wait_until(lambda: agent.get("/healthz")[0] == 200)
    agent.write(inputs=[log])
    assert command("reload", "-s", agent.socket).returncode == 0
    assert agent.stop() == 3, "the spill waits"
    assert "that waits in the spill file" in agent.log()
    agent.start(wait=False)
    own_database.server.start(durable=True)
    wait_until(lambda: own_database.rows() == sender.truth.clients)
    wait_until(lambda: not os.path.exists(spill_of(agent)))
    assert agent.stop() == 0


def test_spill_of_an_agent_that_has_another_name_now_is_named(own_database, agents):
    agent, sender = stopped_in_an_outage(agents, own_database)
    agent.write(agent_id="renamed")
    agent.start()
    agent.says("start it once under it agent_id=e2e")
    assert agent.stop() == 0
    agent.write(agent_id="e2e")
    agent.start()
    wait_until(lambda: own_database.rows() == sender.truth.clients)


def test_a_limit_of_file_sizes_is_met_like_a_full_disk(own_database, agents):
    agent, sender = fed_in_an_outage(agents, own_database, 3000, clients=1_000_000)
    wait_until(lambda: os.path.exists(spill_of(agent)))
    limit = os.stat(spill_of(agent)).st_size + 70_000
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    sender.send(3000)
    agent.says("what feeds brought waits in memory alone")
    wait_until(lambda: agent.input()["pending"] == 6000)
    assert agent.stop() == 3, "it was not killed"
    saved, lost = (int(re.search(rf"{text}.* lines=(\d+)", agent.log())[1])
                   for text in ("waits in the spill file", "is not committed is lost"))
    assert saved + lost == 6000 and saved > 0 and lost > 0

    own_database.server.start(durable=True)
    agent.start()
    wait_until(lambda: agent.input()["pending"] == 0 and agent.is_ready())
    assert agent.input()["committed"] == 10 + saved
    assert len(own_database.rows()) == 10 + saved


def test_a_committed_spill_that_cannot_be_removed_is_named_at_the_stop(own_database, agents,
                                                                       tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    if not is_root() or subprocess.run(["mount", "--bind", state, state], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        agent, sender = fed_agent(agents, own_database, state_dir=str(state))
        agent.start()
        own_database.server.stop()
        sender.send(5)
        spill = state / "e2e.spill"
        wait_until(spill.exists)
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        own_database.server.start(durable=True)
        agent.settled(5)
        agent.says("the spill file is committed and cannot be removed")
        assert agent.stop() == 0
        assert "remove it before lastseen starts with another store" in agent.log()
        agent.start()
        assert agent.settled(5)["committed"] == 5, "not once more"
        subprocess.run(["mount", "-o", "remount,bind,rw", state], check=True)
        assert agent.stop() == 0 and not spill.exists()
    finally:
        subprocess.run(["umount", "-l", state], check=False)


def test_what_is_in_the_spill_is_not_lost_because_another_instance_took_over(own_database, agents):
    agent, _ = fed_in_an_outage(agents, own_database, 5)
    wait_until(lambda: os.path.exists(spill_of(agent)) and agent.input()["pending"] == 5)
    time.sleep(1.2)  # the file is written again once a second
    agent.process.send_signal(signal.SIGSTOP)
    own_database.server.start(durable=True)
    other, _ = fed_agent(agents, own_database)
    other.start()
    agent.process.send_signal(signal.SIGCONT)
    assert agent.wait() == 2
    assert "waits in the spill file" in agent.log() and "is lost" not in agent.log()
    assert other.stop() == 0
