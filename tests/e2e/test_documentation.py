"""What the documents promise exists."""
import glob
import os
import re
import subprocess
import time

import pytest

from agent import LASTSEEN, ROOT, command, environment, http_call, sqlite_query
from load import post_json, request
from logs import json_line
from servers import PASSWORD, Nginx, wait_until

with open(f"{ROOT}/README.md", encoding="utf-8") as readme:
    README = readme.read()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_every_configuration_of_the_readme_is_accepted(number, tmp_path):
    text = blocks("yaml")[number]
    if "inputs:" not in text:  # a part: put what every configuration needs before it
        text = "inputs: [{name: x, path: /x, parser: json}]\n" + text
    path = tmp_path / "readme.yaml"
    path.write_text(text)
    done = command("check", "-c", path, env=environment(PG_PASSWORD="x"))
    assert done.returncode == 0, done.out + done.err


def section(title):
    return re.search(rf"^## {title}\n(.*?)^## ", README, re.S | re.M)[1]


@pytest.fixture
def steps(empty_database, tmp_path):
    """Runs the commands of a block of the README as they stand there, in a directory of its own."""
    database = empty_database
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lastseen").symlink_to(LASTSEEN)
    text = next(block for block in blocks("yaml") if "inputs:" in block and "postgres" in block)
    for theirs, ours in (("/var/log/nginx/", f"{tmp_path}/"), ("//lastseen:", "//postgres:"),
                         ("db.example.com/app",
                          f"127.0.0.1:{database.server.port}/{database.name}")):
        assert theirs in text
        text = text.replace(theirs, ours)
    # Where they are by default another agent of this machine may have its own.
    (tmp_path / "lastseen.yaml").write_text(
        text + f"state_dir: {tmp_path}\ncontrol: {{socket: {tmp_path}/control.sock}}\n")

    def start(line):
        return subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(PG_PASSWORD=PASSWORD, PATH=f"{tmp_path}/bin:{os.environ['PATH']}"))

    start.database, start.directory = database, tmp_path
    return start


def lines_of(text, command_name):
    return re.findall(rf"^lastseen {command_name}.*?(?=  |$)", text, re.M)


def test_nginx_in_three_minutes_as_it_stands_there(upstream, steps):
    text = section("nginx in three minutes")
    http, server = re.findall(r"```nginx\n(.*?)```", text, re.S)
    assert len((http + server).splitlines()) == 4
    commands = re.findall(r"```sh\n(.*?)```", text, re.S)[0].splitlines()
    assert [line.split()[1] for line in commands] == ["check", "migrate", "run"]
    nginx = Nginx(upstream, http, server.replace("/var/log/nginx/", f"{steps.directory}/"))
    agent = None
    try:
        for line in commands[:-1]:
            done = steps(line)
            assert (done.communicate(timeout=30)[0], done.returncode)[1] == 0, line
        agent = steps(commands[-1])
        wait_until(lambda: http_call(f"{steps.directory}/control.sock", "GET", "/readyz")[0] == 200)
        post_json(nginx.port, "BODY", note='a "quoted" word\n')
        request(nginx.port, "GET", "/items?client_id=QUERY")
        wait_until(lambda: set(steps.database.rows()) == {"BODY", "QUERY"})
    finally:
        nginx.destroy()
        if agent:
            agent.terminate()
            said, _ = agent.communicate(timeout=20)
            assert agent.returncode == 0, said


def test_the_table_answers_as_the_readme_asks_it(steps, tmp_path):
    text = section("Ask the table")
    ages = {"NOW": 1, "HOUR": 1800, "DAY": 4 * 3600, "AWAY": 30 * 3600, "LONG": 300 * 3600}
    now_ms = int(time.time() * 1000)
    log = tmp_path / "activity.json.log"
    log.write_text("".join(json_line(now_ms - 1000 * age, client) for client, age in ages.items()))
    for line in ("lastseen migrate -c lastseen.yaml", "lastseen run --once -c lastseen.yaml"):
        assert steps(line).wait(30) == 0
    wanted = [["NOW", "HOUR"], ["AWAY", "LONG"], 5]

    asked = lines_of(text, "clients -c")
    shown = [steps(line).communicate(timeout=30)[0].splitlines() for line in asked]
    assert [[row.split()[0] for row in rows[1:]] for rows in shown[:2]] == wanted[:2]
    assert shown[2] == ["5"]

    postgres, sqlite = re.findall(r"```sql\n(.*?)```", text, re.S)
    found = [steps.database.query(sql) for sql in postgres.strip().splitlines()]
    assert [[row[0] for row in rows] for rows in found[:2]] + [found[2][0][0]] == wanted

    config = (tmp_path / "lastseen.yaml").read_text()
    store = f"store: {{type: sqlite, path: {tmp_path}/x.db}}\n"
    (tmp_path / "lastseen.yaml").write_text(re.sub(r"store:\n.*?\n.*?\n", store, config))
    assert steps("lastseen run --once -c lastseen.yaml").wait(30) == 0
    found = [sqlite_query(f"{tmp_path}/x.db", sql) for sql in sqlite.strip().splitlines()]
    assert [[row[0] for row in rows] for rows in found[:2]] + [found[2][0][0]] == wanted


def source_text():
    """All literals of the program, in one line each as the compiler sees them."""
    paths = glob.glob(f"{ROOT}/agent/**/*.cc", recursive=True) + glob.glob(f"{ROOT}/config/*.cc")
    text = ""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text += re.sub(r'"\s*\n\s*"', "", file.read())
    return text


def test_every_message_of_the_readme_is_one_of_the_program():
    told = [text for row in section("Troubleshooting").splitlines() if row.startswith("| ")
            for text in re.findall(r"`([^`]+ [^`]+ [^`]+)`", row.split("|")[1])]
    assert len(told) >= 4
    source = source_text()
    for message in told:
        assert message in source, message


def test_every_metric_of_the_readme_is_served(agents, tmp_log):
    named = set(re.findall(r"`(lastseen_\w+)`", README))
    tables = {"lastseen_agent", "lastseen_position", "lastseen_quarantine", "lastseen_schema"}
    served = agents(tmp_log).start().get("/metrics")[1]
    missing = {name for name in named - tables if not re.search(rf"^{name}\b", served, re.M)}
    assert not missing


def test_every_command_and_option_of_the_readme_exists():
    text = "\n".join(blocks("sh") + blocks("console") + re.findall(r"`(lastseen [^`]+)`", README))
    used = re.findall(r"(?:^|[\s/`$|])lastseen ([a-z]+)((?: [^\n|#]*)?)", text)
    assert used
    for name, rest in used:
        done = command(name, "--help")
        assert done.returncode == 0, name
        words = rest.split()
        if words and re.search(rf"^  {re.escape(words[0])} ", done.out.partition("Subcommands:")[2],
                               re.M):
            done = command(name, words[0], "--help")
        for option in re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", rest):
            assert re.search(rf"{option}\b", done.out), f"lastseen {name} {option}"


def test_every_file_of_the_readme_exists():
    for path in re.findall(r"`((?:config|tests|agent|packaging|migrations)/[\w./-]+)`", README):
        assert os.path.exists(os.path.join(ROOT, path)), path
