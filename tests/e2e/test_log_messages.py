"""Whoever reads a warning learns from it what to do."""
import glob
import re

from agent import ROOT

# The words of an order, or that none is needed.
ADVICE = re.compile(
    r"\b(add|ask|bring in|check|choose|close idle|correct|drop|give each|let|look|make|mend|move"
    r"|nothing has to be done|nothing is lost|put it back|raise|read it again|report|restart|run"
    r"|see|send|set|should be|start|stop|use)\b", re.I)
CALL = re.compile(r'\blog_?(?:\.|->)(?:warn|error)\(\s*(.*?)(?:,\s*\{\{|\);\n)', re.S)


def messages():
    """(file, text) of each warning and error whose words stand in the call."""
    for path in glob.glob(f"{ROOT}/agent/**/*.cc", recursive=True):
        with open(path, encoding="utf-8") as file:
            source = file.read()
        for call in CALL.findall(source):
            # What a Status says has its advice where it is made.
            if '"' in call and "status.message()" not in call and "place_and_message" not in call:
                yield path, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call))


def test_every_warning_says_what_to_do():
    found = list(messages())
    assert len(found) > 35
    silent = [f"{path}: {text}" for path, text in found if not ADVICE.search(text)]
    assert silent == []


def test_no_message_at_info_or_above_has_a_client_id():
    for path in glob.glob(f"{ROOT}/agent/**/*.cc", recursive=True):
        with open(path, encoding="utf-8") as file:
            for call in re.findall(r"\blog_?(?:\.|->)(?:info|warn|error)\((.*?)\);", file.read(),
                                   re.S):
                assert "client_id" not in re.sub(r'client_id\.\w+', "", call), path
