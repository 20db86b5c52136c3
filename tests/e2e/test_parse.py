"""The command that people try formats with; test_corpus.py has every format."""
import json
import os

import pytest

from agent import ROOT, command
from logs import json_line, ms_of

CORPUS = f"{ROOT}/tests/corpus"
FORMATS = [("nginx/json_escape", "json"), ("nginx/combined", "combined"),
           ("apache/combined", "combined")]


def lines_of(text):
    return [json.loads(line) for line in text.split("\n") if line]


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
