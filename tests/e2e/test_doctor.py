"""`lastseen doctor` finds real trouble: each finding is made to happen, and is gone when mended."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from agent import LASTSEEN, command, environment, sqlite_query
from servers import PASSWORD, is_root


def read_findings(done):
    """{id: (severity, text)}"""
    assert PASSWORD not in done.out + done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    return {line["id"]: (line["severity"], line["text"]) for line in lines}


@pytest.fixture
def etc(tmp_path):
    """A directory like /etc, with nothing of nginx and logrotate in it."""
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


@pytest.fixture
def findings(etc):
    def look(agent, *args, code=None, env=None, prefix=()):
        call = [*prefix, LASTSEEN, "doctor", "--json", "--etc", str(etc), "-c", agent.config, *args]
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60,
                              env=env or environment(), cwd="/")
        done.out, done.err = done.stdout, done.stderr
        found = read_findings(done)
        errors = any(severity == "error" for severity, _ in found.values())
        assert done.returncode == (code if code is not None else int(errors)), (found, done.err)
        found.pop("datagram-queue", None)  # of this machine
        return found
    return look


@pytest.fixture
def well(database, agents, tmp_log):
    """An agent around which all is well."""
    agent = agents(tmp_log, database.store())
    assert agent.once().returncode == 0
    return agent


def test_all_is_well_and_nothing_stays_of_the_test_row(well, database, findings):
    before = [database.query(f"SELECT count(*) FROM {table}") for table in (
        "client_activity", "lastseen_agent", "lastseen_position", "lastseen_quarantine")]
    assert findings(well) == {}
    assert before == [database.query(f"SELECT count(*) FROM {table}") for table in (
        "client_activity", "lastseen_agent", "lastseen_position", "lastseen_quarantine")]
    assert database.query("SELECT epoch FROM lastseen_agent") == [(1,)], "it is no agent"


def test_logs_that_are_missing_or_no_logs(agents, tmp_log, findings):
    found = findings(agents(tmp_log, inputs=[
        {"name": "absent", "path": tmp_log + ".absent", "parser": "json"},
        {"name": "folder", "path": os.path.dirname(tmp_log), "parser": "json"}]))
    assert found["log-missing"][0] == "warning" and "first byte" in found["log-missing"][1]
    assert found["log-unreadable"][0] == "error" and "directory" in found["log-unreadable"][1]


@pytest.mark.skipif(not is_root(), reason="needs another user")
def test_log_of_another_user_is_unreadable(agents, tmp_log, findings):
    """To root without the right to overrule modes, so that the program may be anywhere."""
    agent = agents(tmp_log, {"type": "discard"}, control={"socket": ""})
    shutil.chown(tmp_log, "nobody")
    os.chmod(tmp_log, 0o600)
    assert findings(agent) == {}
    found = findings(agent, prefix=("setpriv", "--bounding-set=-dac_override,-dac_read_search"))
    assert set(found) == {"log-unreadable"} and "Permission denied" in found["log-unreadable"][1]


def test_logrotate_that_truncates(well, etc, findings, tmp_log):
    (etc / "logrotate.d").mkdir()
    rotation = etc / "logrotate.d" / "nginx"
    rotation.write_text(f"{os.path.dirname(tmp_log)}/*.log {{\n  daily\n  copytruncate\n}}\n")
    found = findings(well)
    assert set(found) == {"log-copytruncate"} and found["log-copytruncate"][0] == "warning"
    assert findings(well, "--strict", code=1) == found, "a warning fails when told so"
    rotation.write_text(f"{os.path.dirname(tmp_log)}/*.log {{\n  daily\n  create\n}}\n")
    assert findings(well) == {}


def test_formats_of_nginx(well, etc, findings, tmp_log):
    (etc / "nginx" / "conf.d").mkdir(parents=True)
    config = etc / "nginx" / "conf.d" / "log.conf"
    text = ("log_format activity {} '{{\"request_body\":\"$request_body\"}}';\n"
            f"server {{{{ access_log {tmp_log} activity {{}}; {{}} }}}}\n")
    config.write_text(text.format("", "buffer=32k", ""))
    found = findings(well)
    assert {id_: severity for id_, (severity, _) in found.items()} == {
        "nginx-escape": "warning", "nginx-body-buffer": "note", "nginx-buffered": "note"}
    config.write_text(text.format("escape=json", "", "client_body_buffer_size 16k;"))
    assert findings(well) == {}


def test_kernel_that_gives_no_more_watches(well, findings):
    """In a user namespace of its own, whose limit nobody else feels."""
    inside = ("unshare", "-U", "-r", "sh", "-c",
              'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh")
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    found = findings(well, prefix=inside)
    assert found["inotify-limit"][0] == "warning" and "sysctl" in found["inotify-limit"][1]


def test_more_logs_than_descriptors(well, findings):
    found = findings(well, prefix=("prlimit", "--nofile=100:100"))
    assert "LimitNOFILE" in found["descriptor-limit"][1]


def test_kernel_that_lets_few_datagrams_wait(agents, tmp_path):
    with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as file:
        short = int(file.read()) < 512
    agent = agents("/nowhere", {"type": "discard"}, state_dir=str(tmp_path), inputs=[
        {"name": "feed", "type": "unix_datagram", "path": f"{tmp_path}/feed", "parser": "json"}])
    done = command("doctor", "-c", agent.config)
    assert ("sysctl net.unix.max_dgram_qlen=512" in done.out) == short


def test_places_where_nothing_can_be_made(agents, tmp_path, findings):
    feed = {"name": "feed", "type": "unix_datagram", "parser": "ndjson"}
    agent = agents("/nowhere", {"type": "discard"}, state_dir=f"{tmp_path}/no/such/state",
                   control={"socket": f"{tmp_path}/no/such/control.sock"},
                   inputs=[{**feed, "path": f"{tmp_path}/no/such/feed.sock"}])
    found = findings(agent)
    assert {id_: severity for id_, (severity, _) in found.items()} == {
        "feed-directory": "error", "state-directory": "error", "control-directory": "warning"}
    agent.write(state_dir=str(tmp_path), control={"socket": f"{tmp_path}/control.sock"},
                inputs=[{**feed, "path": f"{tmp_path}/feed.sock"}])
    assert findings(agent) == {}


def test_agent_id_in_a_container(agents, tmp_log, findings):
    agent = agents(tmp_log, {"type": "discard"}, agent_id=socket.gethostname())
    for variables in ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {"container": "podman"}):
        found = findings(agent, env=environment(**variables))
        assert found["agent-id-container"][0] == "warning"
    agent.write(agent_id="web-1")
    assert findings(agent, env=environment(container="podman")) == {}


def test_database_that_does_not_answer(agents, tmp_log, findings):
    agent = agents(tmp_log, {"type": "postgres", "url": "postgresql://u@127.0.0.1:1/x"})
    assert findings(agent)["store-unreachable"][0] == "error"


def test_table_or_key_that_is_missing(empty_database, agents, tmp_log, findings):
    agent = agents(tmp_log, empty_database.store())
    assert "lastseen migrate" in findings(agent)["store-refuses"][1]
    assert command("migrate", "-c", agent.config).returncode == 0
    assert findings(agent) == {}
    empty_database.query("ALTER TABLE client_activity DROP CONSTRAINT client_activity_pkey")
    assert "unique" in findings(agent)["store-refuses"][1]


@pytest.mark.parametrize("right", ["UPDATE ON client_activity", "INSERT ON client_activity",
                                   "INSERT ON lastseen_quarantine", "UPDATE ON lastseen_position"])
def test_right_that_is_missing(well, database, findings, right):
    role = f"weak_{database.name}"
    database.query(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    try:
        database.query(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        database.query(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        well.write(store={"type": "postgres", "url": database.url(role)})
        assert findings(well) == {}
        database.query(f"REVOKE {right} FROM {role}")
        found = findings(well)
        assert set(found) & {"store-write", "store-refuses"}
        [(severity, text)] = found.values()
        assert severity == "error" and "GRANT" in text
    finally:
        database.query(f"DROP OWNED BY {role}")
        database.query(f"DROP ROLE {role}")


def test_table_that_makes_updates_dear(well, database, findings):
    database.query("CREATE INDEX by_time ON client_activity (last_seen)")
    database.query("ALTER TABLE client_activity RESET (fillfactor)")
    database.query("INSERT INTO client_activity SELECT 'c' || n FROM generate_series(1, 2000) n")
    database.query("ANALYZE client_activity")
    found = findings(well)
    assert {id_: severity for id_, (severity, _) in found.items()} == {
        "index-last-seen": "warning", "fillfactor": "note"}
    assert "by_time" in found["index-last-seen"][1]


def test_column_that_is_too_narrow_and_table_that_refuses_the_test(well, database, findings):
    database.query("ALTER TABLE client_activity ALTER client_id TYPE varchar(36)")
    database.query("ALTER TABLE client_activity ADD CHECK (client_id LIKE 'tenant-%')")
    found = findings(well)
    assert {id_: severity for id_, (severity, _) in found.items()} == {
        "id-column-narrow": "warning", "store-write-untested": "note"}
    assert "36" in found["id-column-narrow"][1]


@pytest.mark.parametrize("kind", ["uuid", "bigint"])
def test_ids_of_other_types_can_be_tried(well, database, findings, kind):
    database.query(f"ALTER TABLE client_activity ALTER client_id TYPE {kind} USING NULL")
    assert findings(well) == {}


def test_clock_of_the_database_that_is_off(well, findings):
    """The clock of this process is moved, since the server's cannot be."""
    lib = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    if not os.path.exists(lib):
        pytest.skip("no faketime here")
    found = findings(well, env=environment(LD_PRELOAD=lib, FAKETIME="-90s",
                                           FAKETIME_DONT_FAKE_MONOTONIC="1"))
    assert set(found) == {"clock-skew"}
    assert found["clock-skew"][0] == "warning" and "s ahead" in found["clock-skew"][1]


def test_sqlite_is_tried_too(agents, tmp_log, findings):
    agent = agents(tmp_log)
    assert findings(agent) == {}
    assert not os.path.exists(agent.database), "the agent makes it, not the doctor"
    assert agent.once().returncode == 0
    assert findings(agent) == {}
    assert sqlite_query(agent.database, "SELECT count(*) FROM lastseen_quarantine") == [(0,)]
    agent.write(store={"type": "sqlite", "path": f"{agent.directory}/no/such/x.db"})
    assert findings(agent)["store-write"][0] == "error"


def test_text_for_people_and_the_list_of_all_that_can_be_found(agents, tmp_log, etc):
    agent = agents(tmp_log + ".absent")
    done = command("doctor", "--etc", etc, "-c", agent.config)
    assert done.returncode == 0 and re.search(r"^warning +log-missing +input ", done.out, re.M)
    os.close(os.open(tmp_log + ".absent", os.O_CREAT))
    done = command("doctor", "--etc", etc, "-c", agent.config)
    assert done.out == "nothing found: logs, feeds and store are as they should be\n"
    listed = re.findall(r"^([a-z-]+) +(note|warning|error) +\S", command("doctor", "--list").out,
                        re.M)
    with open(__file__, encoding="utf-8") as file:
        tested = file.read()
    for name, _ in listed:
        assert f'"{name}"' in tested or f"({name}" in tested, f"no test makes {name} happen"
    assert len(listed) == 21
