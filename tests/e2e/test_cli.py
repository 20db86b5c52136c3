"""Commands that need no running agent."""
import glob
import json
import os
import re
import subprocess
import time

import pytest

from agent import LASTSEEN, ROOT, command, environment, sqlite_rows
from logs import backlog, json_line
from servers import PASSWORD

COMMANDS = ["run", "check", "parse", "backfill", "status", "top", "tap", "flush", "reload",
            "clients", "migrate", "quarantine", "positions", "doctor", "completion"]


def test_version_and_help():
    assert re.match(r"lastseen \d+\.\d+\.\d+", command("--version").out)
    text = command("--help").out
    assert re.findall(r"^  ([a-z]+) ", text, re.M) == COMMANDS
    assert len(text.splitlines()) <= 24 and max(map(len, text.splitlines())) <= 80


BELOW = ["clients forget", "quarantine list", "quarantine show", "quarantine replay",
         "quarantine drop", "positions list", "positions set", "positions forget", "positions take"]


@pytest.mark.parametrize("name", COMMANDS + BELOW)
def test_each_command_has_a_help_that_fits_a_screen(name):
    done = command(*name.split(), "--help")
    assert done.returncode == 0 and done.err == ""
    assert 3 <= len(done.out.splitlines()) <= 24
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["run"], ["run", "--nonsense"], ["clients"], ["parse"],
    ["parse", "-p", "nonsense"], ["run", "-c"], ["clients", "--limit", "-1"],
    ["clients", "--active-within", ""], ["flush", "--timeout", "soon"],
])
def test_wrong_usage_ends_with_2(args):
    done = command(*args, cwd="/", stdin=subprocess.DEVNULL)
    assert done.returncode == 2, (done.out, done.err)
    assert done.err.strip()


def test_misspelt_command_names_the_nearest():
    assert "did you mean 'status'?" in command("statsu").err


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([LASTSEEN, "--version"], stdout=full, stderr=subprocess.PIPE,
                              timeout=20, check=False)
    assert done.returncode == 1 and b"could not be written" in done.stderr


@pytest.mark.parametrize("url, why", [
    ("postgresql://u:hunter2@hunter2@h/d", "percent-encode"),
    ("postgresql://u:hunter2/@h/d", "percent-encode"),
    ("postgresql://u:%zzhunter2@h/d", "percent-encode"),
    ("postgresql://h/d?sslmoed=hunter2", "did you mean 'sslmode'?"),
    ("host=h sslmoed=hunter2", "did you mean 'sslmode'?"),
    ("host=h password=my hunter2=", "a value with blanks goes into single quotes")])
def test_check_finds_a_bad_connection_string_and_never_shows_it(agents, tmp_log, url, why):
    config = agents(tmp_log, {"type": "postgres", "url": url}).config
    done = command("check", "-c", config)
    assert done.returncode == 2 and "hunter2" not in done.err and why in done.err
    assert re.match(re.escape(config) + r":\d+:\d+: .*'url'", done.err), done.err


def test_check_is_silent_about_a_good_file_or_says_ok(agents, tmp_log):
    done = command("check", "-c", agents(tmp_log).config)
    assert done.returncode == 0 and len((done.out + done.err).splitlines()) <= 2


@pytest.mark.parametrize("path", ["config/quickstart.yaml", "config/lastseen.yaml"])
def test_check_accepts_the_configurations_that_come_along(path):
    done = command("check", "-c", path)
    assert done.returncode == 0, done.err


def test_migrate_says_what_it_did_and_does_it_once(empty_database, agents):
    config = agents("/nowhere", empty_database.store()).config
    done = command("migrate", "-c", config, "--status")
    assert done.returncode == 0 and "0001" in done.out
    assert empty_database.query("SELECT to_regclass('client_activity')") == [(None,)]
    printed = command("migrate", "-c", config, "--print")
    assert "CREATE TABLE" in printed.out.upper() and printed.returncode == 0
    assert empty_database.query("SELECT to_regclass('client_activity')") == [(None,)]
    assert command("migrate", "-c", config).returncode == 0
    columns = empty_database.query(
        "SELECT column_name, data_type, character_maximum_length FROM information_schema.columns"
        " WHERE table_name = 'client_activity' ORDER BY ordinal_position")
    assert columns == [("client_id", "character varying", 50),
                       ("last_seen", "timestamp with time zone", None),
                       ("created_at", "timestamp with time zone", None)]
    [(options,)] = empty_database.query(
        "SELECT reloptions FROM pg_class WHERE relname = 'client_activity'")
    assert any(option.startswith("fillfactor=") for option in options)
    indexes = empty_database.query("SELECT indexdef FROM pg_indexes"
                                   " WHERE tablename = 'client_activity'")
    assert len(indexes) == 1 and "last_seen" not in indexes[0][0]
    assert command("migrate", "-c", config).returncode == 0


def test_each_migration_works_with_psql(empty_database, agents, tmp_log):
    for path in sorted(glob.glob(f"{ROOT}/migrations/postgres/*.sql")):
        done = subprocess.run(
            ["psql", "-v", "ON_ERROR_STOP=1", "-q", "-h", empty_database.server.directory,
             "-p", str(empty_database.server.port), "-U", "postgres", "-d", empty_database.name,
             "-f", path], capture_output=True, env=environment(), check=False)
        assert done.returncode == 0, (path, done.stderr)
    truth = backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, empty_database.store())
    done = agent.once()
    assert done.returncode == 0, done.err
    assert empty_database.rows() == truth.clients
    assert command("migrate", "-c", agent.config).returncode == 0


def test_migrate_without_a_database_fails_at_once(own_cluster, agents):
    own_cluster.start()
    database = own_cluster.create_database()
    own_cluster.stop()
    started = time.monotonic()
    done = command("migrate", "-c", agents("/nowhere", database.store()).config)
    assert done.returncode == 1 and time.monotonic() - started < 8
    assert len(done.err.strip().splitlines()) <= 2


@pytest.fixture
def filled(store, agents, tmp_log):
    """Five clients, seen 0, 1, 2, 3 and 30 hours ago."""
    now = int(time.time() * 1000)
    with open(tmp_log, "w", encoding="utf-8") as file:
        for hours in (30, 3, 2, 1, 0):
            file.write(json_line(now - hours * 3_600_000 - 60_000, f"H{hours}"))
    agent = agents(tmp_log, store.store())
    assert agent.once().returncode == 0
    return agent


def listed(agent, *args):
    done = command("clients", "-c", agent.config, "--json", *args)
    assert done.returncode == 0, done.err
    text = done.out.strip()
    rows = json.loads(text) if text.startswith("[") else [json.loads(x) for x in text.splitlines()]
    return [row["client_id"] for row in rows]


def test_clients_asks_the_table(filled):
    assert listed(filled) == ["H0", "H1", "H2", "H3", "H30"]
    assert listed(filled, "--active-within", "90m") == ["H0", "H1"]
    assert listed(filled, "--inactive-for", "24h") == ["H30"]
    assert listed(filled, "--limit", "2") == ["H0", "H1"]
    done = command("clients", "-c", filled.config, "--count")
    assert done.out.strip() == "5"
    done = command("clients", "-c", filled.config)
    assert [word for word in done.out.split() if word.startswith("H")] == [
        "H0", "H1", "H2", "H3", "H30"]


def test_clients_refuses_two_ranges(filled):
    done = command("clients", "-c", filled.config, "--active-within", "1h", "--inactive-for", "1h")
    assert done.returncode == 2


def test_clients_never_creates_a_file(agents, tmp_log):
    agent = agents(tmp_log)
    done = command("clients", "-c", agent.config)
    assert done.returncode == 1 and len(done.err.strip().splitlines()) == 1
    assert not os.path.exists(agent.database)


def test_run_once_tells_what_it_did(agents, tmp_log):
    truth = backlog(tmp_log, 1000, 40, seed=1)
    agent = agents(tmp_log)
    done = agent.once()
    assert done.returncode == 0 and done.out == ""
    assert agent.rows() == truth.clients


def test_run_once_has_a_progress_bar_on_a_terminal_only(agents, tmp_log):
    backlog(tmp_log, 20_000, 40, seed=1)
    agent = agents(tmp_log, flush={"interval": "1s"})
    done = agent.once()
    assert "%" not in done.err and "\r" not in done.err
    master, slave = os.openpty()
    agent = agents(tmp_log)
    process = subprocess.Popen([os.environ.get("LASTSEEN", f"{ROOT}/build/lastseen"), "run",
                                "--once", "-c", agent.config], stderr=slave, env=environment())
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass
    os.close(master)
    assert process.wait() == 0
    assert b"%" in shown, shown


def test_quickstart_reads_the_bundled_log_and_shows_a_table(tmp_path):
    """What `make run` does after building, in a directory of its own."""
    for name in ("config", "tests"):
        os.symlink(f"{ROOT}/{name}", tmp_path / name)
    program = os.environ.get("LASTSEEN", f"{ROOT}/build/lastseen")
    os.mkdir(tmp_path / "build")

    def quickstart(*args):
        return subprocess.run([f"{ROOT}/packaging/quickstart.sh", program, *args], cwd=tmp_path,
                              capture_output=True, text=True, env=environment(), check=False)

    done = quickstart("config/quickstart.yaml")
    assert done.returncode == 0, done.stderr
    rows = sqlite_rows(tmp_path / "lastseen.db")
    assert len(rows) > 20
    assert sum(client in done.stdout for client in rows) > 20
    assert quickstart("config/quickstart.yaml").returncode == 0
    assert sqlite_rows(tmp_path / "lastseen.db") == rows

    os.unlink(tmp_path / "lastseen.db")
    own = tmp_path / "own.log"
    own.write_text(json_line(1795305600123, "OWN"))
    done = quickstart("config/quickstart.yaml", str(own))
    assert done.returncode == 0 and "OWN" in done.stdout, done.stderr


def test_log_of_make_run_replaces_the_path_of_ones_own_configuration(agents, tmp_log, tmp_path):
    backlog(tmp_log, 100, 10, seed=1)
    config = tmp_path / "own.yaml"
    config.write_text(f"""\
agent_id: own
inputs:
  - name: nginx
    type: file
    path: /nowhere/access.log  # replaced
    parser: json
store: {{type: sqlite, path: {tmp_path}/own.db}}
state_dir: {tmp_path}
control: {{socket: ""}}
""")
    os.mkdir(tmp_path / "build")
    program = os.environ.get("LASTSEEN", f"{ROOT}/build/lastseen")
    done = subprocess.run([f"{ROOT}/packaging/quickstart.sh", program, str(config), tmp_log],
                          cwd=tmp_path, capture_output=True, text=True, env=environment(),
                          check=False)
    assert done.returncode == 0, done.stderr
    assert len(sqlite_rows(tmp_path / "own.db")) == 10


def test_discard_store_keeps_nothing_and_ends_well(agents, tmp_log):
    backlog(tmp_log, 1000, 40, seed=1)
    done = agents(tmp_log, {"type": "discard"}).once()
    assert done.returncode == 0, done.err


@pytest.mark.parametrize("variables", [
    lambda d: {"PG_HOST": "127.0.0.1", "PG_PORT": str(d.server.port), "PG_DATABASE": d.name,
               "PG_USER": "postgres", "PG_PASSWORD": PASSWORD},
    lambda d: {"PGHOST": "127.0.0.1", "PGPORT": str(d.server.port), "PGDATABASE": d.name,
               "PGUSER": "postgres", "PGPASSWORD": PASSWORD},
    lambda d: {"PGHOST": d.server.directory, "PGPORT": str(d.server.port), "PGDATABASE": d.name,
               "PG_USER": "postgres"},
])
def test_connection_from_the_environment(database, agents, tmp_log, variables):
    truth = backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log, {"type": "postgres"})
    done = command("run", "--once", "-c", agent.config, env=environment(**variables(database)))
    assert done.returncode == 0, done.err
    assert database.rows() == truth.clients


def test_any_password_of_a_variable_fits_into_the_url(database, agents, tmp_log):
    truth = backlog(tmp_log, 100, 10, seed=1)
    password = "p@s/s?w#%zz :$&'"
    quoted = password.replace("'", "''")
    database.query(f"CREATE ROLE odd SUPERUSER LOGIN PASSWORD '{quoted}'")
    try:
        server = database.server
        for url in (f"postgresql://odd:${{PW}}@127.0.0.1:{server.port}/{database.name}",
                    f"host=127.0.0.1 port={server.port} dbname={database.name} user=odd"
                    " password=${PW}"):
            agent = agents(tmp_log, {"type": "postgres", "url": url})
            done = command("run", "--once", "-c", agent.config, env=environment(PW=password))
            assert done.returncode == 0, done.err
        assert database.rows() == truth.clients
    finally:
        database.query("DROP ROLE odd")


def test_two_inputs_meet_in_one_table(store, agents, tmp_log):
    other = tmp_log + ".combined"
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(json_line(1795305600123, "BOTH") + json_line(1795305600124, "JSON"))
    with open(other, "w", encoding="utf-8") as file:
        file.write('10.0.0.1 - - [22/Nov/2026:00:00:07 +0000] "GET /?client_id=BOTH HTTP/1.1" 200 1'
                   ' "-" "-"\n')
    agent = agents(tmp_log, store.store(), inputs=[
        {"name": "first", "path": tmp_log, "parser": "json"},
        {"name": "second", "path": other, "parser": "combined"}])
    assert agent.once().returncode == 0
    assert store.rows() == {"BOTH": (1795305607000, 1795305600123),
                            "JSON": (1795305600124, 1795305600124)}


def test_run_once_ended_by_sigterm_goes_on_next_time(store, agents, tmp_log):
    truth = backlog(tmp_log, 50_000, 5000, seed=1)
    agent = agents(tmp_log, store.store(), flush={"interval": "1ms"}, buffer={"clients_max": 500})
    agent.start("--once", wait=False)
    deadline = time.monotonic() + 20
    while store.batch() < 5 and time.monotonic() < deadline:
        pass
    assert agent.stop() == 0
    assert 0 < len(store.rows())
    assert agent.once().returncode == 0
    assert store.rows() == truth.clients
