"""What Prometheus and Grafana see: the page, the rules, the dashboard, and a real Prometheus."""
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import urllib.request

import pytest

from agent import ROOT, command
from logs import backlog, json_line
from servers import free_port, wait_until

GRAFANA = f"{ROOT}/packaging/grafana"


def text_of(name):
    with open(f"{GRAFANA}/{name}", encoding="utf-8") as file:
        return file.read()


def promtool(*args, **options):
    return subprocess.run(["promtool", *args], cwd=GRAFANA, capture_output=True, text=True,
                          check=False, **options)


@pytest.fixture
def page(agents, tmp_log):
    """/metrics of an agent that has read and committed."""
    backlog(tmp_log, 100, 10, seed=1)
    agent = agents(tmp_log).start()
    agent.settled(100)
    return agent.get("/metrics")[1]


def families(page):
    """{name: (type, label names, help)}; of a histogram without `le`."""
    found = {}
    for name, what in re.findall(r"^# HELP (\S+) (.*)$", page, re.M):
        kind = re.search(rf"^# TYPE {name} (\S+)$", page, re.M)[1]
        labels = re.search(rf"^{name}(?:_bucket)?(?:\{{(.*)\}})? ", page, re.M)
        assert labels, f"{name} has no sample"
        names = [x for x in re.findall(r'(\w+)="', labels[1] or "") if x != "le"]
        found[name] = (kind, ", ".join(names), what)
    return found


def used_in(text):
    """The families that expressions name."""
    names = set(re.findall(r"\blastseen_\w+", text)) - {"lastseen_quarantine"}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def test_metrics_satisfy_promtool(page):
    done = promtool("check", "metrics", input=page)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr


def test_table_of_metrics_is_the_page(page):
    table = {}
    rows = re.findall(r"^\| `(lastseen_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", text_of("README.md"),
                      re.M)
    for name, kind, labels, what in rows:
        table[name] = (kind, labels.replace("`", "").strip(), what)
    assert table == families(page)


def test_every_metric_of_the_rules_and_the_dashboard_is_served(page):
    served = set(families(page))
    for name in ("alerts.yaml", "alerts.test.yaml", "dashboard.json"):
        used = used_in(text_of(name))
        assert used and used <= served, (name, used - served)
    # Whatever is served is worth a place on the dashboard.
    left = served - used_in(text_of("dashboard.json")) - used_in(text_of("alerts.yaml"))
    assert left <= {"lastseen_files", "lastseen_store_last_commit_duration_seconds"}


def test_rules_are_valid_and_do_what_their_examples_say():
    for task in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")):
        done = promtool(*task)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_an_example_and_a_row_in_the_readme():
    alerts = set(re.findall(r"- alert: (\w+)", text_of("alerts.yaml")))
    assert len(alerts) == 13
    assert alerts == set(re.findall(r'alertname="(\w+)"', text_of("alerts.test.yaml")))
    assert alerts == set(re.findall(r"^\| `(Lastseen\w+)` \|", text_of("README.md"), re.M))


def test_dashboard_is_one_that_grafana_can_import():
    board = json.loads(text_of("dashboard.json"))
    assert board["title"] == "lastseen" and board["uid"] and board["schemaVersion"]
    places = set()
    for panel in board["panels"]:
        assert panel["title"] and panel["description"] and panel["targets"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & places, f"{panel['title']} covers another"
        places |= cells


@contextlib.contextmanager
def prometheus(target):
    """A real one that scrapes ten times a second, with our rules, told not to wait."""
    directory = tempfile.mkdtemp(prefix="ls-prometheus-", dir="/tmp")
    rules = re.sub(r"\bfor: \w+", "for: 0s", text_of("alerts.yaml"))
    with open(f"{directory}/alerts.yaml", "w", encoding="utf-8") as file:
        file.write(rules)
    with open(f"{directory}/prometheus.yml", "w", encoding="utf-8") as file:
        json.dump({"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms",
                              "evaluation_interval": "200ms"},
                   "rule_files": ["alerts.yaml"],
                   "scrape_configs": [{"job_name": "lastseen",
                                       "static_configs": [{"targets": [target]}]}]}, file)
    port = free_port()
    process = subprocess.Popen(
        ["prometheus", f"--config.file={directory}/prometheus.yml",
         f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as reply:
            return json.load(reply)["data"]

    try:
        yield ask
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def test_prometheus_scrapes_the_agent_and_alerts_fire(empty_database, agents, tmp_log):
    """Without tables the store holds; once they are there a row is refused."""
    port = free_port()
    agent = agents(tmp_log, empty_database.store(), control={"http": f"127.0.0.1:{port}"})
    agent.start(wait=False)
    with prometheus(f"127.0.0.1:{port}") as ask:
        def firing():
            return {alert["labels"]["alertname"]: alert for alert in ask("alerts")["alerts"]
                    if alert["state"] == "firing"}
        held = wait_until(lambda: {"LastseenNotReady", "LastseenStoreHolding"} <= set(firing())
                          and firing(), 20, what="the alerts of a store without tables")
        assert "LastseenDown" not in held
        assert f"127.0.0.1:{port}" in held["LastseenNotReady"]["annotations"]["summary"]

        assert command("migrate", "-c", agent.config).returncode == 0
        empty_database.query("ALTER TABLE client_activity ADD CHECK (client_id <> 'BAD')")
        wait_until(agent.is_ready, 20, what="agent ready")
        with open(tmp_log, "a", encoding="utf-8") as file:
            file.write(json_line(1795305600000, "GOOD") + json_line(1795305600000, "BAD"))
        agent.settled(2)
        refused = wait_until(lambda: firing().get("LastseenQuarantineGrowing"), 20,
                             what="the alert of a refused row")
        assert refused["labels"]["input"] == "nginx"
        wait_until(lambda: not {"LastseenNotReady", "LastseenStoreHolding"} & set(firing()), 20,
                   what="the end of the first alerts")

