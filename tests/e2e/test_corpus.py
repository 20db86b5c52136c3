"""Every line of every format of the corpus, through the command with which people try a format.

tests/corpus/README.md says what a right answer is. A format's input is the one of its name in
tests/corpus/lastseen.yaml.
"""
import base64
import glob
import json
import os
import re

import pytest

from agent import ROOT, command
from logs import ms_of

CORPUS = f"{ROOT}/tests/corpus"
TRUTHS = sorted(glob.glob(f"{CORPUS}/*/*.truth.jsonl"))
REASONS = ("too_long", "invalid_utf8")


def objects_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def log_of(stem, directory):
    """The file to give to the command: the log, or the bytes that reads or datagrams hold."""
    for log in (f"{stem}.log", f"{stem}.log.gz"):
        if os.path.exists(log):
            return log
    decoded = directory / "decoded.log"
    if os.path.exists(f"{stem}.jsonl"):
        reads = objects_of(f"{stem}.jsonl")
        decoded.write_bytes(b"".join(base64.b64decode(read["b64"]) for read in reads))
    else:
        datagrams = [base64.b64decode(d["b64"]) for d in objects_of(f"{stem}.dgram.jsonl")]
        decoded.write_bytes(b"".join(d.removesuffix(b"\n") + b"\n" for d in datagrams))
    return decoded


def is_right(answer, truth):
    accepted = [truth["client_id"], *truth.get("accept", [])]
    if answer["client_id"] not in accepted:
        return False
    for reason in REASONS:
        if answer["client_id"] is None and truth["why"].startswith(reason) \
                and answer["why"] != reason:
            return False
    if truth["ts"] is None or answer["ts"] is None:
        return truth["ts"] == answer["ts"]
    return abs(ms_of(answer["ts"]) - ms_of(truth["ts"])) <= 1


def format_of(truth_path):
    return os.path.relpath(truth_path, CORPUS).removesuffix(".truth.jsonl").replace("/", "-")


@pytest.mark.parametrize("truth_path", TRUTHS, ids=format_of)
def test_every_line_is_read_as_its_truth_says(truth_path, tmp_path):
    stem = truth_path.removesuffix(".truth.jsonl")
    done = command("parse", "-c", f"{CORPUS}/lastseen.yaml", "-i", format_of(truth_path),
                   log_of(stem, tmp_path))
    assert done.returncode == 0, done.err
    answers = [json.loads(line) for line in done.stdout.split(b"\n") if line]
    truths = {truth.get("line", truth.get("n")): truth for truth in objects_of(truth_path)}
    assert [a["line"] for a in answers] == list(range(1, len(truths) + 1))
    wrong = [(a, truths[a["line"]]) for a in answers if not is_right(a, truths[a["line"]])]
    assert not wrong


@pytest.mark.parametrize("truth_path", TRUTHS, ids=format_of)
def test_every_line_is_explained(truth_path, tmp_path):
    stem = truth_path.removesuffix(".truth.jsonl")
    arguments = ("parse", "-c", f"{CORPUS}/lastseen.yaml", "-i", format_of(truth_path),
                 log_of(stem, tmp_path))
    ids = [json.loads(line)["client_id"] for line in command(*arguments).stdout.splitlines()]
    explained = command(*arguments, "--explain").out
    heads = re.findall(r"^line \d+: (client_id|skipped)", explained, re.MULTILINE)
    assert heads == ["skipped" if i is None else "client_id" for i in ids]


def test_each_input_has_a_truth():
    with open(f"{CORPUS}/lastseen.yaml", encoding="utf-8") as file:
        names = [line.split()[-1] for line in file if line.startswith("  - name: ")]
    assert len(TRUTHS) >= 33
    assert sorted(names) == sorted(map(format_of, TRUTHS))
