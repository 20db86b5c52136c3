"""The command that people try formats with; test_corpus.py has every format."""
import json
import os
import subprocess

import pytest

from agent import LASTSEEN, ROOT, command
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


COMBINED = (b'127.0.0.1 - - [22/Nov/2026:04:45:05 +0000] "GET /?client_id=A HTTP/1.1" 200 12 '
            b'"-" "curl/8"\n')


def test_a_format_is_tried_without_a_configuration():
    tried = ("parse", "-p", "log_format", "--dialect", "nginx", "--log-format")
    form = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ' \
        '"$http_referer" "$http_user_agent"'
    done = command(*tried, form, input=COMBINED)
    assert lines_of(done.out) == [
        {"line": 1, "client_id": "A", "ts": "2026-11-22T04:45:05.000Z", "why": "query"}]
    done = command(*tried, form + " $", input=COMBINED)
    assert done.returncode == 2 and done.err.splitlines()[-1].strip() == "^"
    done = command("parse", "-p", "log_format", "--dialect", "nginx", input=b"")
    assert done.returncode == 2 and "format" in done.err
    done = command("parse", "--dialect", "nginx", input=b"")
    assert done.returncode == 2 and "--parser" in done.err


def test_every_parser_can_be_named():
    syslog = b"<134>Nov 22 04:45:19 haproxy[4812]: "
    assert lines_of(command("parse", "-p", "combined", "--syslog", input=syslog + COMBINED).out)[0][
        "client_id"] == "A"
    done = command("parse", "-p", "log_format", "--dialect", "nginx", "--preset", "combined",
                   input=COMBINED)
    assert lines_of(done.out)[0]["client_id"] == "A"
    done = command("parse", "-p", "regex", "--regex", r"\[(?P<time>[^]]+)\] \"(?P<uri>[^\"]*)",
                   input=COMBINED)
    assert lines_of(done.out)[0]["client_id"] == "A"


def test_explain_is_for_people():
    done = command("parse", "-p", "combined", "--explain", input=COMBINED + b"nonsense\n")
    assert done.returncode == 0, done.err
    assert "line 1: client_id 'A', seen 2026-11-22T04:45:05.000Z\n" in done.out
    assert "query.client_id         gives the id; field r, bytes 44-69" in done.out
    assert "line 2: skipped, malformed" in done.out


def test_a_reader_that_leaves_is_no_error(tmp_path):
    log = tmp_path / "long.log"
    log.write_bytes(COMBINED * 20_000)
    piped = subprocess.run(["bash", "-c", f"{LASTSEEN} parse -p combined {log} | head -n 1"],
                           capture_output=True, check=True, timeout=30)
    assert piped.stdout.count(b"\n") == 1 and piped.stderr == b""


def test_check_names_every_bad_format_with_its_place(tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("inputs:\n"
                      "  - name: a\n    path: /a\n    parser:\n      type: log_format\n"
                      "      dialect: nginx\n      format: '$status $ x'\n"
                      "  - {name: b, path: /b, parser: {type: log_format, dialect: haproxy, "
                      "preset: nope}}\n")
    done = command("check", "-c", config)
    assert done.returncode == 2
    assert f"{config}:7:15: log_format: a variable's name must follow the `$`" in done.err
    assert "  $status $ x\n          ^\n" in done.err
    assert f"{config}:8:" in done.err and "there is no preset `nope`" in done.err
