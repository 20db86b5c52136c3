"""The store goes read-only, loses its table, fills up, is locked or falls silent. The data
waits, readyz says why, and in the end every row is exact."""
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time

import psycopg2
import pytest

from agent import command
from conftest import migrated
from logs import Truth, Writer, backlog, json_line
from servers import PASSWORD, is_root, wait_until
from trouble import Pooler, SilentProxy, SlowProxy, certificates

START = 1795305600000
# Short enough that a test sees every timeout pass.
HASTY = {"statement": "1s", "connect": "1s", "lock": "500ms"}
HUNG_AFTER_SECONDS = 7  # without an answer, by these


def end_backends(database):
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE datname = current_database() AND pid <> pg_backend_pid()")


def test_server_that_turns_read_only_is_waited_for(database, agents, tmp_log):
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, database.store()).start()
        database.query(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
        end_backends(database)
        agent.waits_for("25006", store="holding")
        database.query("BEGIN READ WRITE; ALTER DATABASE"
                       f" {database.name} RESET default_transaction_read_only; COMMIT")
        end_backends(database)
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(database, truth)


def test_pgbouncer_in_transaction_mode(own_database, agents, tmp_path):
    """Five agents share two server connections; the pooler is killed in the midst of it."""
    pooler = Pooler(own_database.server, [own_database.name]).start()
    try:
        writers, made = [], []
        for number in range(5):
            path = str(tmp_path / f"{number}.log")
            writers.append(Writer(path, rate=400, clients=200, seed=number))
            writers[-1].start()
            made.append(agents(path, own_database.store(url=pooler.url(own_database.name)),
                               agent_id=f"agent-{number}").start())
        time.sleep(1)
        pooler.kill()
        made[0].waits_for()
        pooler.start()
        for agent in made:
            wait_until(agent.is_ready, 20)
        end_backends(own_database)
        time.sleep(1)
        truth = Truth()
        for writer, agent in zip(writers, made):
            one = writer.stop()
            assert agent.settled(one.lines)["committed"] == one.sightings
            for client, (last, first) in one.clients.items():
                truth.see(client, last)
                truth.see(client, first)
        rows = own_database.rows()
        assert {client: row[0] for client, row in rows.items()} == {
            client: times[0] for client, times in truth.clients.items()}
    finally:
        pooler.destroy()


def test_password_that_changed_while_running(own_database, agents, tmp_log):
    database = own_database
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, database.store()).start()
        time.sleep(0.3)
        database.query("ALTER USER postgres PASSWORD 'another'")
        end_backends(database)
        agent.waits_for("password authentication failed", store="holding")
        database.query(f"ALTER USER postgres PASSWORD '{PASSWORD}'")
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(database, truth)


def test_password_of_a_file_is_read_at_each_connect(own_database, agents, tmp_log):
    """As systemd's credentials and Kubernetes' secrets change: without a reload."""
    database = own_database
    agent = agents(tmp_log)
    secret = os.path.join(agent.directory, "password")
    url = database.url().replace(f":{PASSWORD}@", "@")
    agent.write(store={"type": "postgres", "url": url, "password_file": secret})
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent.start(wait=False)
        agent.waits_for(f"{secret}: cannot read it: No such file", store="holding")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("wrong\n")
        agent.waits_for("password authentication failed", store="holding")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        wait_until(agent.is_ready, 20)
        another = "it's \\ another"
        quoted = another.replace("'", "''")
        database.query(f"ALTER USER postgres PASSWORD '{quoted}'")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(another)
        end_backends(database)
        time.sleep(0.5)
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(database, truth)
    done = command("clients", "-c", agent.config, "--count")
    assert done.out == f"{len(truth.clients)}\n", done.err
    database.query(f"ALTER USER postgres PASSWORD '{PASSWORD}'")


@pytest.mark.parametrize("how", ["dropped, and made again later", "made again at once",
                                 "truncated"])
def test_table_made_anew_holds_what_was_pending_or_is_seen_after(database, agents, tmp_log, how):
    agent = agents(tmp_log, database.store())
    truth = backlog(tmp_log, 2000, 300, seed=1)
    agent.start()
    agent.settled(2000)
    table = ("CREATE TABLE client_activity (client_id VARCHAR(50) PRIMARY KEY,"
             " last_seen TIMESTAMPTZ, created_at TIMESTAMPTZ)")
    if how == "truncated":
        database.query("TRUNCATE client_activity")
    elif how == "made again at once":
        database.query(f"BEGIN; DROP TABLE client_activity; {table}; COMMIT")
    else:
        database.query("DROP TABLE client_activity")
    # Older than what the agent committed: only an agent that forgot sends them.
    after = Truth()
    with open(tmp_log, "a", encoding="utf-8") as file:
        for number, client in enumerate(sorted(truth.clients)):
            file.write(json_line(START - 5000 + number, client))
            after.see(client, START - 5000 + number)
    if how.startswith("dropped"):
        agent.waits_for("client_activity", store="holding")
        database.query(table)
        wait_until(agent.is_ready, 20)
    agent.settled(2000 + after.lines)
    rows = database.rows()
    assert set(rows) == set(after.clients), "0 missing"
    assert all(rows[client][0] >= times[0] for client, times in after.clients.items())


def mounted(directory, size):
    options = f"size={size},mode=0777"
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory],
                          capture_output=True, check=False).returncode == 0


def test_disk_full_on_the_server_is_waited_out(own_database, agents, tmp_log, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o777)
    for parent in (tmp_path, *tmp_path.parents):  # the server runs as another user
        if str(parent) == tempfile.gettempdir():
            break
        with contextlib.suppress(PermissionError):
            os.chmod(parent, 0o755)
    if not is_root() or not mounted(disk, "1m"):
        pytest.skip("may not mount a small disk here")
    try:
        space = disk / "space"
        space.mkdir()
        subprocess.run(["chown", "postgres:", str(space)], check=True)
        own_database.query(f"CREATE TABLESPACE small LOCATION '{space}'")
        own_database.query("ALTER TABLE client_activity SET TABLESPACE small")
        own_database.query("ALTER INDEX client_activity_pkey SET TABLESPACE small")
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        truth = backlog(tmp_log, 5000, 2500, seed=1)
        agent = agents(tmp_log, own_database.store()).start(wait=False)
        agent.waits_for("53100", store="retrying")
        assert agent.input()["committed"] == 0
        filler.unlink()
        wait_until(agent.is_ready, 20)
        agent.assert_exact(own_database, truth)
        assert agent.stop() == 0
    finally:
        own_database.server.stop("immediate")
        subprocess.run(["umount", "-l", disk], check=False)


def test_connections_exhausted(own_database, agents, tmp_log):
    database, held = own_database, []
    database.query(f"CREATE ROLE ordinary LOGIN PASSWORD '{PASSWORD}'")
    database.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO ordinary")
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, database.store(url=database.url(user="ordinary"))).start()
        full = False
        end_backends(database)
        while not full:
            try:
                held.append(database.server.connect(database.name, "ordinary"))
            except psycopg2.OperationalError as error:
                full = "connection slots" in str(error) or "too many" in str(error)
                assert full, error
        end = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ordinary'"
               " AND application_name = 'lastseen'")

        def agent_has_no_slot():
            """Its own is taken by whoever is quicker, so that may need several tries."""
            database.query(end)
            with contextlib.suppress(psycopg2.OperationalError):
                held.append(database.server.connect(database.name, "ordinary"))
            return "slots" in agent.get("/readyz")[1]

        wait_until(agent_has_no_slot, 10)
        agent.waits_for("slots", store="retrying")
        for connection in held:
            connection.close()
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(database, truth)


def test_table_locked_for_long(database, agents, tmp_log):
    seconds = int(os.environ.get("LASTSEEN_E2E_LOCK_SECONDS", "5"))
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, database.store(timeout=HASTY)).start()
        with contextlib.closing(database.server.connect(database.name)) as connection:
            connection.autocommit = False
            connection.cursor().execute("LOCK TABLE client_activity IN ACCESS EXCLUSIVE MODE")
            agent.waits_for("55P03", store="retrying")
            time.sleep(seconds)
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(database, truth)


def test_silent_peer_is_dropped(own_database, agents, tmp_log):
    """Connections that stay open while nothing comes back, new ones too."""
    proxy = SilentProxy(own_database.server.port)
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, proxy.store_of(own_database, timeout=HASTY)).start()
        time.sleep(0.3)
        proxy.silence()
        agent.says("has not answered for longer than its timeouts allow", 20)
        agent.waits_for(store="retrying")
        time.sleep(3)
        proxy.resume()
        wait_until(agent.is_ready, 20)
        truth = writer.stop()
    agent.assert_exact(own_database, truth)
    assert agent.stop() == 0
    proxy.close()


def test_commit_that_looks_for_refused_rows_over_a_slow_link_gets_through(
        own_database, agents, tmp_log):
    """It takes longer than any answer may; but there are answers."""
    own_database.query("ALTER TABLE client_activity ADD CHECK (client_id NOT LIKE '%7')")
    clients, refused = 200, 20
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write("".join(json_line(START, f"client-{i}") for i in range(clients)))
    proxy = SlowProxy(own_database.server.port)
    agent = agents(tmp_log, proxy.store_of(own_database, timeout=HASTY)).start()
    entry = agent.settled(clients, 60)
    assert (entry["committed"], entry["quarantined"]) == (clients - refused, refused)
    store = agent.status()["store"]
    assert store["retries"] == 0
    assert store["last_commit_duration_seconds"] > HUNG_AFTER_SECONDS
    proxy.close()


def test_stopped_backend_is_dropped_again_and_again(own_database, agents, tmp_log):
    with Writer(tmp_log, rate=500, clients=200) as writer:
        agent = agents(tmp_log, own_database.store(timeout=HASTY)).start()
        stopped = []
        for _ in range(2):
            time.sleep(0.3)
            stopped.append(own_database.freeze_backend(besides=stopped))
            agent.waits_for(timeout=25)
            if len(stopped) == 2:
                for each in stopped:
                    os.kill(each, signal.SIGCONT)
            wait_until(agent.is_ready, 40)
        truth = writer.stop()
    agent.assert_exact(own_database, truth)


def test_tls_with_full_verification(own_cluster, agents, tmp_log, tmp_path):
    authority, other = certificates(str(tmp_path), own_cluster)
    own_cluster.start()
    database = migrated(own_cluster.create_database(), agents)
    truth = backlog(tmp_log, 500, 50, seed=1)

    def url(host, root):
        return (f"postgresql://postgres:{PASSWORD}@{host}:{own_cluster.port}/{database.name}"
                f"?sslmode=verify-full&sslrootcert={root}&hostaddr=127.0.0.1")
    for host, root, words in (("localhost", other, "certificate verify failed"),
                              ("db.example.com", authority, "does not match host name")):
        wrong = agents(tmp_log, database.store(url=url(host, root))).start(wait=False)
        wrong.waits_for(words, store="holding")
        assert wrong.stop() == 0
    agent = agents(tmp_log, database.store(url=url("localhost", authority))).start()
    agent.assert_exact(database, truth)
    assert database.query("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                          " WHERE application_name = 'lastseen'") == [(True,)]


def test_eight_agents_with_overlapping_clients_on_one_table(database, agents, tmp_path):
    for setting in ("deadlock_timeout = '100ms'", "log_min_messages = 'error'"):
        database.query(f"ALTER DATABASE {database.name} SET {setting}")
    made, truths = [], []
    for number in range(8):
        path = str(tmp_path / f"{number}.log")
        truths.append(backlog(path, 10_000, 1500, seed=number, start_ms=START + number * 7))
        made.append(agents(path, database.store(), agent_id=f"agent-{number}",
                           flush={"interval": "1ms"}, buffer={"clients_max": 500}))
    threads = [threading.Thread(target=agent.start) for agent in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = {}
    for agent, truth in zip(made, truths):
        assert agent.settled(10_000, 60)["committed"] == truth.sightings
        assert agent.status()["store"]["retries"] == 0
        for client, (last, _) in truth.clients.items():
            newest[client] = max(last, newest.get(client, 0))
    assert {client: row[0] for client, row in database.rows().items()} == newest
    assert database.query("SELECT deadlocks FROM pg_stat_database"
                          " WHERE datname = current_database()") == [(0,)]
    with open(f"{database.server.directory}/log", encoding="utf-8") as file:
        assert "ERROR" not in file.read()
