"""Ids that anybody can invent: what keeps them out of the table, and out of the way of others."""
import json
import random
import re

import pytest

from feeds import Sender, feed
from logs import backlog, json_line
from servers import wait_until

KNOWN = [f"known-{number}" for number in range(50)]


def append(path, ids, start_ms, per_second=1000):
    with open(path, "ab") as file:
        file.writelines(json_line(start_ms + place * 1000 // per_second, client, "query").encode()
                        for place, client in enumerate(ids))


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_insert_false_updates_who_is_known_and_counts_the_rest(store, agents, tmp_log, kill):
    agent = agents(tmp_log, store.store(), flush={"interval": "20ms"})
    append(tmp_log, KNOWN, 1_795_305_600_000)
    assert agent.once().returncode == 0
    agent.write(client_id={"insert": False})
    mixed = [client for number, known in enumerate(KNOWN * 20)
             for client in (known, f"invented-{number}")]
    append(tmp_log, mixed[:1000], 1_795_305_700_000)
    agent.start()
    append(tmp_log, mixed[1000:], 1_795_305_800_000)
    if kill:
        wait_until(lambda: agent.status()["store"]["batches"] > 2)
        agent.kill()
        agent.start()
    entry = agent.settled(len(KNOWN) + len(mixed))
    assert entry["skipped"] == {"not_allowed": 1000}
    assert entry["committed"] == len(KNOWN) + 1000
    assert agent.stop() == 0
    rows = store.rows()
    assert sorted(rows) == sorted(KNOWN)
    assert all(last >= 1_795_305_800_000 for last, _ in rows.values())


def test_restart_and_catching_up_leave_no_known_client_out(store, agents, tmp_log):
    """100 new clients a second are allowed, 50 a second come; an hour of them is read at once."""
    agent = agents(tmp_log, store.store(), client_id={"new_per_second_max": 100})
    honest = [f"honest-{number}" for number in range(10_000)]
    append(tmp_log, honest, 1_795_305_600_000, per_second=50)
    assert agent.once().returncode == 0
    assert len(store.rows()) == 10_000
    # All at once, in one second of the log, and with them a flood.
    flood = honest + [f"invented-{number}" for number in range(5000)]
    random.Random(1).shuffle(flood)
    append(tmp_log, flood, 1_795_306_150_000, per_second=15_000)
    agent.start()
    entry = agent.settled(25_000)
    assert agent.stop() == 0
    rows = store.rows()
    added = [client for client in rows if client.startswith("invented")]
    assert len(rows) - len(added) == 10_000
    assert all(last >= 1_795_306_150_000 for last, _ in rows.values())
    assert 0 < len(added) <= 400, "a second, what was left of the one before, and roundings"
    assert entry["skipped"] == {"not_allowed": 5000 - len(added)}
    assert "new_per_second_max" in agent.log()


def test_flood_of_ids_starves_neither_files_nor_feeds(agents, tmp_log):
    """150,000 random ids beside a quiet log and a feed: memory is bounded, nobody waits."""
    quiet = tmp_log + ".quiet"
    agent = agents(tmp_log, buffer={"clients_max": 5000})
    datagrams = feed("feed", "unix_datagram", agent.directory)
    flood = {"name": "flood", "path": tmp_log, "start": "begin", "parser": "json",
             "client_id": {"new_per_second_max": 1000}}
    agent.write(inputs=[flood, {**flood, "name": "quiet", "path": quiet, "client_id": {}},
                        datagrams])
    rng = random.Random(7)
    append(tmp_log, (f"{rng.getrandbits(128):032x}" for _ in range(150_000)), 1_795_305_600_000,
           per_second=1_000_000)
    backlog(quiet, 100, 10, seed=2)
    agent.start()
    sender = Sender(datagrams["path"])
    while agent.input(0)["lines_read"] < 75_000:
        before = agent.input(1)["lines_read"], agent.input(2)["lines_read"]
        append(quiet, ["quiet"], 1_795_305_600_000)
        sender.send()
        wait_until(lambda seen=before: agent.input(1)["lines_read"] > seen[0]
                   and agent.input(2)["lines_read"] > seen[1], 3, what="a turn for each")
        status = agent.status()
        assert status["buffer"]["clients"] <= 5000
    with open(f"/proc/{agent.process.pid}/status", encoding="utf-8") as file:
        peak_kb = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    assert peak_kb < 64 * 1024
    wait_until(lambda: agent.input(0)["lines_read"] == 150_000, 60)
    wait_until(lambda: agent.input(0)["pending"] == 0)
    entry = agent.input(0)
    assert entry["skipped"]["not_allowed"] + entry["committed"] == 150_000
    assert agent.input(2)["lost"] == {}
    assert agent.stop() == 0
    invented = [client for client in agent.rows() if re.fullmatch("[0-9a-f]{32}", client)]
    assert len(invented) == entry["committed"] <= 4000, json.dumps(entry)
