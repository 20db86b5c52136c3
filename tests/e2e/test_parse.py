"""The corpus, through the command that people try formats with, and through the agent."""
import json
import os
import re
from datetime import datetime, timezone

import pytest

from agent import ROOT, command
from logs import json_line

CORPUS = f"{ROOT}/tests/corpus"
FORMATS = [("nginx/json_escape", "json"), ("nginx/combined", "combined"),
           ("apache/combined", "combined")]


def lines_of(text):
    return [json.loads(line) for line in text.split("\n") if line]


def ms_of(stamp):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp), stamp
    at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(at.timestamp() * 1000)


def is_right(answer, truth):
    if answer["client_id"] != truth["client_id"] \
            and answer["client_id"] not in truth.get("accept", []):
        return False
    if truth["why"] in ("too_long", "invalid_utf8") and answer["why"] != truth["why"]:
        return False
    if truth["ts"] and answer["client_id"] is not None:
        return abs(ms_of(answer["ts"]) - ms_of(truth["ts"])) <= 1
    return True


@pytest.mark.parametrize("name, parser", FORMATS)
def test_every_line_of_the_corpus(name, parser):
    done = command("parse", "-p", parser, f"{CORPUS}/{name}.log")
    assert done.returncode == 0, done.err
    with open(f"{CORPUS}/{name}.truth.jsonl", encoding="utf-8") as file:
        truth = lines_of(file.read())
    answers = lines_of(done.out)
    assert [a["line"] for a in answers] == [t["line"] for t in truth]
    wrong = [(a, t) for a, t in zip(answers, truth) if not is_right(a, t)]
    assert not wrong


@pytest.mark.parametrize("name, parser", FORMATS)
def test_the_agent_says_the_same_as_parse(agents, name, parser):
    """The same code: the table after a run is what parse said, client by client."""
    said = lines_of(command("parse", "-p", parser, f"{CORPUS}/{name}.log").out)
    newest = {}
    for answer in said:
        if answer["client_id"] is not None:
            newest[answer["client_id"]] = max(ms_of(answer["ts"]),
                                              newest.get(answer["client_id"], 0))
    agent = agents(f"{CORPUS}/{name}.log", parser=parser)
    assert agent.once().returncode == 0
    assert {c: last for c, (last, _) in agent.rows().items()} == newest


def test_from_standard_input(tmp_path):
    done = command("parse", "-p", "json", input=json_line(1795305600123, "A").encode())
    assert lines_of(done.out) == [
        {"line": 1, "client_id": "A", "ts": "2026-11-22T00:00:00.123Z", "why": "body"}]


def test_by_an_input_of_a_configuration(agents, tmp_log):
    config = agents(tmp_log).config
    done = command("parse", "-c", config, "-i", "nginx",
                   input=json_line(1795305600123, "A", "query").encode())
    assert lines_of(done.out)[0]["client_id"] == "A"
    done = command("parse", "-c", config, "-i", "other", input=b"")
    assert done.returncode == 2 and "nginx" in done.err


def test_a_missing_log_is_said():
    done = command("parse", "-p", "json", "/nowhere/access.log")
    assert done.returncode == 1 and "/nowhere/access.log" in done.err


def test_output_stays_json_whatever_the_line_holds():
    noise = b"\x00\xff\xfe{\"\n" + json_line(1795305600123, 'q"\\\n\u2028').encode()
    done = command("parse", "-p", "json", input=noise)
    answers = lines_of(done.stdout.decode())
    assert [a["client_id"] for a in answers] == [None, 'q"\\\n\u2028']


def test_unfinished_last_line_of_a_file_is_shown(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(json_line(1795305600123, "A").rstrip("\n"))
    assert lines_of(command("parse", "-p", "json", path).out)[0]["client_id"] == "A"
    assert os.path.exists(path)
