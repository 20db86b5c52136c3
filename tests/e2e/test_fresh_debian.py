"""From the package to rows on a Debian 12 that has never seen the repository: install, the README's
steps, upgrade, reload, rotation, the watchdog, stop and purge, under a real systemd.

    make package && LASTSEEN_E2E_DEB=build/package/lastseen_0.1.0_amd64.deb \\
        /usr/bin/python3 -m pytest tests/e2e/test_fresh_debian.py

The tests are one story: they run in this order, on one machine."""
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

import pytest

from agent import http_call
from machine import Machine
from servers import free_port, scratch, wait_until
from test_documentation import blocks

DEB = os.environ.get("LASTSEEN_E2E_DEB")
FORMER = os.environ.get("LASTSEEN_E2E_FORMER_DEB", DEB)  # what is installed before the upgrade
pytestmark = pytest.mark.skipif(not DEB, reason="LASTSEEN_E2E_DEB names no package")

CONFIG = "/etc/lastseen/lastseen.yaml"
SECRET = "pass word'%"


class Web:
    """nginx in the machine: its plain log, and the site of the README's steps."""

    def __init__(self, machine):
        self.machine = machine
        self.plain, self.site, self.app = free_port(), free_port(), free_port()

    def listen(self):
        default = f"{self.machine.root}/etc/nginx/sites-enabled/default"
        with open(default, encoding="utf-8") as file:
            text = re.sub(r"^\s*listen .*\n", "", file.read(), flags=re.M)
        self.machine.write("/etc/nginx/sites-available/default", text.replace(
            "server {", f"server {{ listen 127.0.0.1:{self.plain} default_server;", 1))

    def get(self, client, port=None, body=None):
        query = "" if body else f"?client_id={client}"
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.plain}/{query}",
                                         data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


@pytest.fixture(scope="module")
def machine():
    machine = Machine()
    yield machine
    machine.destroy()


@pytest.fixture(scope="module")
def web(machine):
    return Web(machine)


def clients(machine):
    text = machine.out("lastseen clients --json")
    return {json.loads(line)["client_id"] for line in text.splitlines()}


def postgres_clients(machine):
    return set(machine.out("su postgres -c \"psql -p $(cat /srv/port) -At app -c"
                           " 'SELECT client_id FROM client_activity'\"").split())


def ready(machine):
    socket = f"/proc/{machine.init}/root/run/lastseen/control.sock"
    return os.path.exists(socket) and http_call(socket, "GET", "/readyz")[0] == 200


def test_install_and_rows_within_three_minutes(machine, web):
    """nginx and PostgreSQL from apt, lastseen from the file, and the first row."""
    started = time.monotonic()
    shutil.copy(FORMER, f"{machine.root}/srv/lastseen.deb")
    machine.run("apt-get update -qq")
    # Which port a server of Debian's takes is decided before it starts: ours are free ones.
    machine.run("printf '#!/bin/sh\\nexit 101\\n' "
                "> /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d")
    machine.install("nginx", "postgresql")
    machine.run("rm /usr/sbin/policy-rc.d")
    web.listen()
    port = free_port()
    machine.write("/srv/port", str(port))
    machine.run(f"sed -i 's/^port = .*/port = {port}/' /etc/postgresql/15/main/postgresql.conf;"
                " systemctl restart nginx postgresql")
    machine.install("/srv/lastseen.deb")
    assert machine.unit("ActiveState", "SubState", "Type") == {
        "ActiveState": "active", "SubState": "running", "Type": "notify"}
    # `start: end`: what is logged from now on. The input is there when its log is.
    wait_until(lambda: ready(machine), 20, what="lastseen is ready")
    for client in ("A", "B", "A"):
        web.get(client)
    wait_until(lambda: clients(machine) == {"A", "B"}, 20, what="rows of A and B")
    took = time.monotonic() - started
    print(f"\nfrom nothing to rows: {took:.0f} s")
    # What others do on this machine is not lastseen's: 88 s alone, 469 s at a load of 14.
    if os.getloadavg()[0] < 2 * os.cpu_count():
        assert took < 180


def test_it_runs_as_its_user_and_confined(machine):
    unit = machine.unit("User", "MainPID")
    assert unit["User"] == "lastseen"
    status = machine.out(f"cat /proc/{unit['MainPID']}/status")
    user = machine.out("id -u lastseen")
    assert re.search(rf"^Uid:\s+{user}\s", status, re.M)
    assert "adm" in machine.out("id -Gn lastseen").split()
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^Seccomp:\s+2$", status, re.M)
    assert machine.out("stat -c %U:%G:%a /var/lib/lastseen") == "lastseen:lastseen:750"
    told = machine.out("systemd-analyze security lastseen.service | tail -n 1")
    assert float(re.search(r"([\d.]+) OK", told)[1]) <= 2.0, told


def test_journal_has_entries_with_fields(machine):
    entry = json.loads(machine.out(
        "journalctl -u lastseen AGENT_ID=$(hostname) -o json -n 1 --no-pager"))
    assert entry["PRIORITY"] == "6" and entry["INPUTS"] == "1"
    assert entry["MESSAGE"].startswith("lastseen ")


def test_status_tells_rates(machine):
    wait_until(lambda: re.search(r"following 1 file, [\d,]+ lines/s, lag 0 bytes",
                                 machine.unit("StatusText")["StatusText"]), 20)


def readme_configuration(machine):
    """The README's file, with this machine's database in the place of db.example.com."""
    text = next(block for block in blocks("yaml") if "inputs:" in block and "postgres" in block)
    port = machine.read("/srv/port")
    return text.replace("db.example.com", f"127.0.0.1:{port}")


def test_readme_steps_lead_to_rows_in_postgres(machine, web):
    started = time.monotonic()
    http, server = blocks("nginx")
    machine.write("/etc/nginx/conf.d/lastseen.conf", f"""{http}
server {{
    listen 127.0.0.1:{web.site};
    {server}
    location / {{ proxy_pass http://127.0.0.1:{web.app}; }}
}}
server {{ listen 127.0.0.1:{web.app}; access_log off; location / {{ return 200 ok; }} }}
""")
    machine.run("nginx -t && systemctl reload nginx")
    quoted = SECRET.replace("'", "''")
    machine.write("/srv/role.sql", f"CREATE ROLE lastseen LOGIN PASSWORD '{quoted}';\n")
    machine.run("su postgres -c 'psql -q -p $(cat /srv/port) -f /srv/role.sql"
                " && createdb -p $(cat /srv/port) -O lastseen app'")
    machine.write(CONFIG, readme_configuration(machine))
    machine.write("/etc/default/lastseen", f'PG_PASSWORD="{SECRET}"\n')
    machine.run(f"export PG_PASSWORD=\"{SECRET}\"; lastseen check -c {CONFIG}"
                f" && lastseen migrate -c {CONFIG}")
    machine.run("systemctl restart lastseen")
    wait_until(lambda: ready(machine), 20)
    web.get("QUERY", web.site)
    web.get("BODY", web.site, b'{"client_id": "BODY"}')
    wait_until(lambda: postgres_clients(machine) == {"QUERY", "BODY"}, 20)
    print(f"\nREADME's steps: {time.monotonic() - started:.0f} s")
    assert SECRET not in machine.out("journalctl -u lastseen --no-pager")


def test_password_as_a_credential(machine, web):
    machine.write("/etc/lastseen/postgres.password", SECRET + "\n")
    machine.run("chmod 600 /etc/lastseen/postgres.password; rm /etc/default/lastseen;"
                "mkdir -p /etc/systemd/system/lastseen.service.d")
    machine.write("/etc/systemd/system/lastseen.service.d/credential.conf",
                  "[Service]\nLoadCredential=postgres:/etc/lastseen/postgres.password\n")
    url = re.sub(r":\$\{PG_PASSWORD\}", "", readme_configuration(machine))
    machine.write(CONFIG, url.replace(
        "store:\n", "store:\n  password_file: /run/credentials/lastseen.service/postgres\n"))
    machine.run("systemctl daemon-reload; systemctl restart lastseen")
    wait_until(lambda: ready(machine), 20)
    web.get("CREDENTIAL", web.site)
    wait_until(lambda: "CREDENTIAL" in postgres_clients(machine), 20)


def test_reload_takes_a_good_file_and_refuses_a_bad_one(machine, web):
    before = machine.unit("MainPID", "NRestarts")
    good = machine.read(CONFIG)
    machine.write(CONFIG, good + "flush: {intervall: 2s}\n")
    done = machine.run("systemctl reload lastseen", check=False)
    assert done.returncode != 0
    assert "intervall" in machine.out("journalctl -u lastseen -n 20 --no-pager")
    machine.write(CONFIG, good + "flush: {interval: 100ms}\n")
    machine.run("systemctl reload lastseen")
    wait_until(lambda: "reloaded" in machine.out("journalctl -u lastseen -n 20 --no-pager"), 20)
    assert machine.unit("MainPID", "NRestarts") == before
    assert machine.unit("ActiveState") == {"ActiveState": "active"}
    web.get("RELOADED", web.site)
    wait_until(lambda: "RELOADED" in postgres_clients(machine), 20)


def test_systemd_may_keep_the_control_socket(machine, web):
    machine.run("systemctl stop lastseen; systemctl enable --now lastseen.socket;"
                " systemctl start lastseen")
    wait_until(lambda: ready(machine), 20)
    assert machine.out("stat -c %U:%G:%a /run/lastseen/control.sock") == "lastseen:adm:660"
    # A question waits for its answer while the agent starts again …
    asked = machine.run("systemctl restart --no-block lastseen;"
                        " for i in $(seq 50); do lastseen status --json | wc -l; sleep 0.1; done")
    assert asked.stdout.split() == ["1"] * 50 and asked.stderr == ""
    # … and starts one that was stopped.
    machine.run("systemctl stop lastseen")
    web.get("WAKING", web.site)
    assert machine.unit("ActiveState") == {"ActiveState": "inactive"}
    machine.run("lastseen status")
    assert machine.unit("ActiveState") == {"ActiveState": "active"}
    wait_until(lambda: "WAKING" in postgres_clients(machine), 20)
    machine.run("systemctl disable --now lastseen.socket; systemctl restart lastseen")
    wait_until(lambda: ready(machine), 20)


def lines_read(machine):
    return machine.status()["inputs"][0]["lines_read"]


def test_rotation_by_debian_s_logrotate_loses_nothing(machine, web):
    before = lines_read(machine)
    for round_number in range(2):
        for number in range(50):
            web.get(f"R{round_number}-{number}", web.site)
        machine.run("logrotate -f /etc/logrotate.d/nginx")
        for number in range(50):
            web.get(f"S{round_number}-{number}", web.site)
    wait_until(lambda: lines_read(machine) == before + 200, 20, what="200 more lines")
    time.sleep(1)
    assert lines_read(machine) == before + 200
    assert {f"S1-{n}" for n in range(50)} <= postgres_clients(machine)


def test_an_agent_that_hangs_is_started_again(machine, web):
    drop_in = "/etc/systemd/system/lastseen.service.d/watchdog.conf"
    machine.write(drop_in, "[Service]\nWatchdogSec=2s\n")
    machine.run("systemctl daemon-reload; systemctl restart lastseen")
    wait_until(lambda: ready(machine), 20)
    time.sleep(5)  # fed: nothing happens
    before = machine.unit("MainPID", "NRestarts")
    assert before["NRestarts"] == "0"
    lines = lines_read(machine)
    machine.run("kill -STOP " + before["MainPID"])
    web.get("HUNG", web.site)
    wait_until(lambda: machine.unit("NRestarts")["NRestarts"] == "1", 30, what="a restart")
    wait_until(lambda: "HUNG" in postgres_clients(machine), 30)
    # Woken to be killed, it may have committed that itself; then the next one is about to load.
    wait_until(lambda: lines_read(machine) == lines + 1, 20)
    machine.run(f"rm {drop_in}; systemctl daemon-reload; systemctl restart lastseen")
    wait_until(lambda: ready(machine), 20)


def newer_package(directory):
    """The same program under a higher version."""
    subprocess.run(["dpkg-deb", "-R", DEB, f"{directory}/tree"], check=True)
    control = f"{directory}/tree/DEBIAN/control"
    with open(control, encoding="utf-8") as file:
        text = re.sub(r"^Version: .*$", "Version: 99.0", file.read(), flags=re.M)
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", f"{directory}/tree",
                    f"{directory}/newer.deb"], check=True, stdout=subprocess.DEVNULL)
    return f"{directory}/newer.deb"


def test_upgrade_keeps_positions_and_the_configuration(machine, web):
    directory = scratch("ls-newer-")
    shutil.copy(newer_package(directory), f"{machine.root}/srv/newer.deb")
    shutil.rmtree(directory)
    config, lines = machine.read(CONFIG), lines_read(machine)
    pid = machine.unit("MainPID")
    machine.run("systemctl stop lastseen")
    for number in range(10):
        web.get(f"STOPPED-{number}", web.site)
    machine.run("systemctl start lastseen")
    # As unattended-upgrades does, where the example in the package has changed too.
    machine.install("-o Dpkg::Options::=--force-confold", "/srv/newer.deb")
    assert machine.out("dpkg-query -W -f '${Version}' lastseen") == "99.0"
    assert machine.read(CONFIG) == config
    assert machine.unit("MainPID") != pid
    wait_until(lambda: ready(machine), 20)
    web.get("UPGRADED", web.site)
    wait_until(lambda: lines_read(machine) == lines + 11, 20)
    assert {"STOPPED-9", "UPGRADED"} <= postgres_clients(machine)


def test_a_wrong_configuration_is_not_tried_again_and_again(machine):
    config = machine.read(CONFIG)
    machine.write(CONFIG, "inputs: []\n")
    machine.run("systemctl restart lastseen", check=False)
    time.sleep(4)
    unit = machine.unit("ActiveState", "NRestarts", "ExecMainStatus")
    assert unit == {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "2"}
    machine.write(CONFIG, config)
    machine.run("systemctl restart lastseen")


def test_stop_is_clean_and_purge_leaves_nothing(machine):
    wait_until(lambda: ready(machine), 20)
    machine.run("systemctl stop lastseen")
    assert machine.unit("Result", "ActiveState") == {"Result": "success",
                                                     "ActiveState": "inactive"}
    assert "everything that was read is committed" in machine.out(
        "journalctl -u lastseen -n 5 --no-pager")
    machine.run("apt-get remove -qy lastseen")
    assert machine.out(f"test -e {CONFIG} && test -d /var/lib/lastseen && echo kept") == "kept"
    machine.run("rm -r /etc/systemd/system/lastseen.service.d /etc/lastseen/postgres.password")
    machine.run("apt-get purge -qy lastseen")
    left = machine.out("for p in /etc/lastseen /var/lib/lastseen /var/log/lastseen /run/lastseen "
                       "/usr/bin/lastseen /etc/logrotate.d/lastseen /usr/share/doc/lastseen "
                       "/usr/lib/sysusers.d/lastseen.conf /lib/systemd/system/lastseen.service "
                       "/etc/systemd/system/multi-user.target.wants/lastseen.service; "
                       "do if test -e $p; then echo $p; fi; done; getent passwd lastseen || true")
    assert left == ""
    assert "R0-0" in postgres_clients(machine)  # a database's rows are its own
