"""A store that is not as it should be: the agent says what to do, waits, and goes on when it is."""
import json
import os
import subprocess
import time

import pytest

from agent import command
from conftest import migrated
from logs import Truth, backlog, json_line
from servers import PASSWORD, is_root, wait_until


@pytest.fixture
def log(tmp_log):
    backlog(tmp_log, 1000, 40, seed=1)
    return tmp_log


def truth_of(path):
    truth = Truth()
    with open(path, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            ms = round(line["msec"] * 1000)
            if line["args"]:
                truth.see(line["args"].partition("client_id=")[2], ms)
            elif line["request_body"]:
                truth.see(json.loads(line["request_body"])["client_id"], ms)
            else:
                truth.miss()
    return truth


def waiting(agent, *expected):
    """Starts it; it must wait, unready, and say all of that in one warning."""
    agent.start(wait=False)
    wait_until(lambda: os.path.exists(agent.socket) and agent.get("/readyz")[0] == 503)
    for text in expected:
        agent.says(text)
    time.sleep(0.5)
    assert agent.process.poll() is None
    code, reason, _ = agent.get("/readyz")
    assert code == 503 and reason.strip()
    assert agent.get("/healthz")[0] == 200
    warnings = [line for line in agent.log().splitlines() if expected[0] in line]
    assert len(warnings) <= 2, warnings
    return agent


def goes_on(agent, rows, path):
    wait_until(agent.is_ready, 20)
    truth = truth_of(path)
    agent.settled(truth.lines)
    assert rows() == truth.clients
    assert agent.stop() == 0


def test_no_database_server(own_cluster, agents, log):
    own_cluster.start()
    database = migrated(own_cluster.create_database(), agents)
    own_cluster.stop()
    agent = waiting(agents(log, database.store()), "onnect")
    assert agent.status()["store"]["state"] == "retrying"
    assert agent.status()["store"]["last_error"]
    own_cluster.start()
    goes_on(agent, database.rows, log)


def test_no_such_database(cluster, agents, log):
    database = cluster.create_database()
    database.name = "not_there"
    agent = waiting(agents(log, database.store()), "not_there")
    assert agent.input()["lines_read"] == 0


def test_wrong_password_is_said_without_the_password(database, agents, log):
    wrong = "wr0ng-pass"
    store = database.store(url=database.url(password=wrong))
    agent = waiting(agents(log, store), "password")
    assert wrong not in agent.log() + agent.get("/status")[1] + agent.get("/readyz")[1]
    database.query(f"ALTER USER postgres PASSWORD '{wrong}'")
    try:
        goes_on(agent, database.rows, log)
    finally:
        database.query(f"ALTER USER postgres PASSWORD '{PASSWORD}'")


def test_missing_table_names_the_command_that_makes_it(empty_database, agents, log):
    agent = waiting(agents(log, empty_database.store()), "lastseen migrate")
    assert agent.status()["store"]["state"] == "holding"
    assert agent.input()["lines_read"] == 0
    assert command("migrate", "-c", agent.config).returncode == 0
    goes_on(agent, empty_database.rows, log)


def test_run_once_without_tables_gives_up_and_names_the_command(empty_database, agents, log):
    agent = agents(log, empty_database.store(), shutdown={"timeout": "1s"})
    done = agent.once()
    assert done.returncode == 3
    assert "lastseen migrate" in done.err


def test_missing_client_table_alone(database, agents, log):
    database.query("DROP TABLE client_activity")
    agent = waiting(agents(log, database.store()), "client_activity")
    database.query("CREATE TABLE client_activity (client_id VARCHAR(50) PRIMARY KEY,"
                   " last_seen TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,"
                   " created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP)")
    goes_on(agent, database.rows, log)


def test_table_without_a_unique_key(database, agents, log):
    database.query("ALTER TABLE client_activity DROP CONSTRAINT client_activity_pkey")
    agent = waiting(agents(log, database.store()), "unique")
    database.query("CREATE UNIQUE INDEX ON client_activity (client_id)")
    goes_on(agent, database.rows, log)


def test_missing_privilege(cluster, database, agents, log):
    role = f"limited_{database.name}"
    database.query(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    database.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON lastseen_agent, lastseen_position,"
                   f" lastseen_quarantine TO {role}")
    database.query(f"GRANT SELECT ON lastseen_schema TO {role}")
    store = database.store(url=database.url(user=role))
    agent = waiting(agents(log, store), "permission denied")
    database.query(f"GRANT SELECT, INSERT, UPDATE ON client_activity TO {role}")
    goes_on(agent, database.rows, log)


def test_table_dropped_while_running_is_said_and_nothing_dropped(database, agents, log):
    agent = agents(log, database.store()).start()
    committed = agent.settled(1000)["committed"]
    database.query("ALTER TABLE client_activity RENAME TO hidden")
    with open(log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305900000, "LATE"))
    wait_until(lambda: agent.get("/readyz")[0] == 503)
    assert agent.input()["committed"] == committed
    database.query("ALTER TABLE hidden RENAME TO client_activity")
    goes_on(agent, database.rows, log)


def test_second_instance_takes_over_and_the_first_ends_with_2(store, agents, log):
    first = agents(log, store.store()).start()
    first.settled(1000)
    second = agents(log, store.store()).start()
    with open(log, "a", encoding="utf-8") as file:
        file.write(json_line(1795305900000, "LATE"))
    assert first.wait(15) == 2
    assert "another instance" in first.log()
    goes_on(second, store.rows, log)


def test_column_that_is_not_ours_and_wants_a_value_is_held_not_quarantined(database, agents, log):
    database.query("ALTER TABLE client_activity ADD COLUMN tenant TEXT NOT NULL")
    agent = waiting(agents(log, database.store()), "tenant", "give that column a default")
    assert database.query("SELECT count(*) FROM lastseen_quarantine") == [(0,)]
    database.query("ALTER TABLE client_activity ALTER COLUMN tenant SET DEFAULT ''")
    goes_on(agent, database.rows, log)


def test_flush_gives_up_and_names_what_the_agent_waits_for(own_cluster, agents, log):
    own_cluster.start()
    database = own_cluster.create_database()
    own_cluster.stop()
    agent = waiting(agents(log, database.store()), "onnect")
    done = command("flush", "-s", agent.socket, "--timeout", "200ms")
    assert done.returncode == 1 and "not flushed within 200ms" in done.err
    assert "cannot connect" in done.err


def test_one_refused_row_is_set_aside_and_the_rest_kept(database, agents, log):
    database.query("ALTER TABLE client_activity ADD CHECK (client_id <> 'CLIENT_0')")
    truth = truth_of(log)
    agent = agents(log, database.store(), flush={"interval": "1s"}).start()
    entry = agent.settled(1000)
    assert entry["quarantined"] > 0
    assert entry["quarantined"] + entry["committed"] == truth.sightings
    truth.clients.pop("CLIENT_0")
    assert database.rows() == truth.clients
    [(sqlstate, count)] = database.query(
        "SELECT min(sqlstate), count(*) FROM lastseen_quarantine")
    assert sqlstate == "23514" and count >= 1
    assert agent.get("/readyz")[0] == 200


@pytest.mark.parametrize("definition, columns, ids", [
    ("app.seen (id text PRIMARY KEY, at timestamptz NOT NULL, born timestamptz)",
     {"id": "id", "last_seen": "at", "created_at": "born"}, ["x", "y"]),
    ("app.seen (\"Client\" uuid UNIQUE NOT NULL, at timestamptz)",
     {"id": "Client", "last_seen": "at", "created_at": ""},
     ["4f9c2d9e-5c1f-4a52-9f58-6f1c4f6d3a11", "00000000-0000-0000-0000-000000000001"]),
    ("app.seen (id bigint PRIMARY KEY, at timestamptz, extra text DEFAULT 'x')",
     {"id": "id", "last_seen": "at", "created_at": ""}, ["17", "9007199254740993"]),
])
def test_existing_tables_are_taken_as_they_are(empty_database, agents, tmp_log, definition, columns,
                                               ids):
    database = empty_database
    database.query("CREATE SCHEMA app")
    database.query(f"CREATE TABLE {definition}")
    with open(tmp_log, "w", encoding="utf-8") as file:
        for number, client in enumerate(ids):
            file.write(json_line(1795305600000 + number, client))
        file.write(json_line(1795305600900, ids[0], "query"))
    agent = agents(tmp_log, database.store(table="app.seen", columns=columns))
    assert command("migrate", "-c", agent.config).returncode == 0
    assert database.query("SELECT to_regclass('client_activity')") == [(None,)]
    done = agent.once()
    assert done.returncode == 0, done.err
    found = database.query(f'SELECT "{columns["id"]}"::text,'
                           f' (extract(epoch FROM "{columns["last_seen"]}") * 1000)::bigint'
                           " FROM app.seen")
    assert dict(found) == {ids[0]: 1795305600900, ids[1]: 1795305600001}
    listed = command("clients", "-c", agent.config, "--count")
    assert listed.out.strip() == "2"


def test_time_from_the_future_is_clamped_by_the_stores_clock(database, agents, tmp_log):
    now = int(time.time() * 1000)
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(json_line(now + 86_400_000, "FUTURE"))
    agent = agents(tmp_log, database.store()).start()
    agent.settled(1)
    assert now + 55_000 <= database.rows()["FUTURE"][0] <= int(time.time() * 1000) + 60_000


def test_with_the_clock_of_arrival_the_time_of_a_line_does_not_matter(store, agents, tmp_log):
    """Neither that it has none, nor that it lies in the past or the future."""
    agent = agents(tmp_log, store.store(), last_seen={"clock": "arrival"}).start()
    before = int(time.time() * 1000)
    with open(tmp_log, "a", encoding="utf-8") as file:
        file.write('{"uri":"/items","args":"client_id=NO_TIME","request_body":""}\n')
        file.write(json_line(1795305600000, "PAST"))
        file.write(json_line(before + 86_400_000, "FUTURE"))
    assert agent.settled(3)["committed"] == 3
    rows = store.rows()
    assert sorted(rows) == ["FUTURE", "NO_TIME", "PAST"]
    for seen, created in rows.values():
        assert before <= created == seen <= int(time.time() * 1000)


def test_older_sightings_never_move_last_seen_back(store, agents, tmp_log):
    for agent_id, start in (("young", 1795305700000), ("old", 1795305600000)):
        with open(tmp_log, "w", encoding="utf-8") as file:
            file.write(json_line(start, "A"))
        agent = agents(tmp_log, store.store(), agent_id=agent_id)
        assert agent.once().returncode == 0
        os.unlink(tmp_log)
    assert store.rows() == {"A": (1795305700000, 1795305700000)}


def mounted(directory):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k,mode=0755", "tmpfs", directory],
                          capture_output=True, check=False).returncode == 0


def test_disk_full_for_sqlite_is_said_and_waited_out(agents, tmp_log, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not is_root() or not mounted(disk):
        pytest.skip("may not mount a small disk here")
    try:
        agent = agents(tmp_log, {"type": "sqlite", "path": str(disk / "lastseen.db")})
        backlog(tmp_log, 100, 10, seed=1)
        agent.start()
        agent.settled(100)
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        with open(tmp_log, "a", encoding="utf-8") as file:
            for number in range(3000):
                file.write(json_line(1795305900000 + number, f"LATE_{number}"))
        wait_until(lambda: agent.get("/readyz")[0] == 503, 20)
        assert "full" in agent.log()
        assert agent.process.poll() is None
        filler.unlink()
        wait_until(agent.is_ready, 20)
        agent.settled(3100)
        agent.database = str(disk / "lastseen.db")
        assert len(agent.rows()) == 3010
        assert agent.stop() == 0
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


@pytest.mark.parametrize("content", [b"", b"this is no database" * 100])
def test_sqlite_path_with_foreign_content_is_not_overwritten(agents, log, content):
    agent = agents(log)
    with open(agent.database, "wb") as file:
        file.write(content)
    if not content:  # an empty file is an empty database
        assert agent.once().returncode == 0
        return
    waiting(agent, "lastseen.db")
    with open(agent.database, "rb") as file:
        assert file.read() == content


def test_sqlite_in_a_missing_directory(agents, log, tmp_path):
    path = tmp_path / "later" / "lastseen.db"
    agent = agents(log, {"type": "sqlite", "path": str(path)})
    agent.start(wait=False)
    wait_until(lambda: path.exists() or "later" in agent.log())
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
    wait_until(agent.is_ready, 20)
    agent.settled(1000)
