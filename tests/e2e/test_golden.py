"""What each command prints, word for word: tests/e2e/golden/NAME.txt. What differs from run to run
is replaced. LASTSEEN_GOLDEN=write writes the files anew; read the difference before you commit it.
"""
import gzip
import os
import re

import pytest

from agent import LASTSEEN, ROOT, command
from logs import json_line
from test_cli import BELOW, COMMANDS

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
SEEN_MS = 1795305600123  # 2026-11-22T00:00:00.123Z


def same_everywhere(text, agent):
    for path, name in ((agent.directory, "DIR"), (os.path.dirname(agent.log_path), "LOGS"),
                       (ROOT, "ROOT")):
        text = text.replace(path, name)
    text = re.sub(r"lastseen \d+\.\d+\.\d+", "lastseen VERSION", text)
    text = re.sub(r"20(?!26-11-22T00:0)\d\d-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"\b\d+(\.\d+)? (ms|s|min|h|MiB|KiB)\b( \d+ (s|min)\b)?", "SOME", text)
    text = re.sub(r"\bpid \d+", "pid N", text)
    text = re.sub(r"\b(batch(?:es)?) \d+|\b\d+ (batches)", r"\1\2 N", text)
    text = re.sub(r"\b(idle|reading)$", "STATE", text, flags=re.M)
    # What is known of a file, and with it the widths of columns.
    return re.sub(r"(?m)^.*(?:\b[0-9a-f]{16}\b|INODE).*$", lambda line: re.sub(
        r" {2,}", "  ", re.sub(r"[0-9a-f]{16}(/\d+)?|\b\d+:\d{3,}\S*|\b\d{4,}\b", "#", line[0])),
                  text)


def check(name, agent, *runs, fails=()):
    """Each command, what it printed on both outputs, and its exit status."""
    text = ""
    for args in runs:
        stdin = None
        if isinstance(args, tuple):
            args, stdin = args
        done = command(*args.format(config=agent.config, socket=agent.socket, log=agent.log_path,
                                    directory=agent.directory).split(),
                       **({"input": stdin.encode()} if stdin else {}))
        text += f"$ lastseen {args}\n{done.out}{done.err}"
        text += f"(exit {done.returncode})\n" if done.returncode else ""
    text = same_everywhere(text, agent)
    path = f"{GOLDEN}/{name}.txt"
    if os.environ.get("LASTSEEN_GOLDEN") == "write":
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        assert file.read() == text


@pytest.fixture
def agent(agents, tmp_log):
    """With two clients in its log, and a line that names none."""
    made = agents(tmp_log, control={"tap": True})
    made.log_path = tmp_log
    with open(tmp_log, "w", encoding="utf-8") as file:
        file.write(json_line(SEEN_MS, "A") + json_line(SEEN_MS + 1000, "B\x1b[2J") + "nonsense\n")
    return made


def test_help(agent):
    check("help", agent, "--help", *(f"{name} --help" for name in COMMANDS + BELOW))


def test_what_needs_no_agent(agent):
    bad = f"{agent.directory}/bad.yaml"
    with open(bad, "w", encoding="utf-8") as file:
        file.write("inputs:\n- {name: x, path: /x, parser: jsno}\nflush: {intervall: 1s}\n")
    old = f"{agent.directory}/old.log.gz"
    with gzip.open(old, "wt", encoding="utf-8") as file:
        file.write(json_line(SEEN_MS - 1000, "OLD"))
    check("offline", agent,
          "--version", "statsu", "check -c {config}", "check -c {directory}/bad.yaml",
          "check -c {directory}/none.yaml", "parse -c {config} -i nginx {log}",
          ("parse -p json --explain", json_line(SEEN_MS, "A")),
          "migrate -c {config} --status", "migrate -c {config}", "run -c {config} --once",
          "backfill -c {config} -i nginx {directory}/old.log.gz",
          "clients -c {config}", "clients -c {config} --json", "clients -c {config} --count",
          "clients forget -c {config} A", "clients forget -c {config} nobody",
          "quarantine list -c {config}", "quarantine show -c {config} 1",
          "quarantine replay -c {config}", "quarantine drop -c {config}",
          "quarantine drop -c {config} --all", "positions set -c {config} nginx {log} 0",
          "positions forget -c {config} nginx", "positions take -c {config} --from nobody",
          "doctor --list", "completion nonsense", "quarantine lsit", "completion",
          *(f"{name} -s {{directory}}/none.sock" for name in ("status", "top", "tap", "flush",
                                                              "reload")))


def test_the_running_agent(agent):
    agent.start()
    agent.settled(3)
    check("running", agent, "flush -s {socket}", "reload -s {socket}", "status -s {socket}",
          "positions list -c {config}", "run -c {config} --once",
          "tap -s {socket} --input nobody", "tap -s {socket} --skipped nothing")
    assert os.path.exists(LASTSEEN)
