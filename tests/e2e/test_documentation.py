"""What the documents promise exists."""
import os
import re

import pytest

from agent import ROOT, command, environment
from load import post_json, request
from servers import Nginx, wait_until

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


def test_nginx_as_the_readme_sets_it_up(upstream, database, agents, tmp_log):
    http, server = blocks("nginx")
    server = server.replace("/var/log/nginx/activity.json.log", tmp_log)
    nginx = Nginx(upstream, http, server)
    try:
        agents(tmp_log, database.store()).start()
        post_json(nginx.port, "BODY", note='a "quoted" word\n')
        request(nginx.port, "GET", "/items?client_id=QUERY")
        wait_until(lambda: set(database.rows()) == {"BODY", "QUERY"})
    finally:
        nginx.destroy()


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
        for option in re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", rest):
            assert re.search(rf"{option}\b", done.out), f"lastseen {name} {option}"


def test_every_file_of_the_readme_exists():
    for path in re.findall(r"`((?:config|tests|agent|packaging|migrations)/[\w./-]+)`", README):
        assert os.path.exists(os.path.join(ROOT, path)), path
