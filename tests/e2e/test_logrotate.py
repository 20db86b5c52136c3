"""Each way in which logrotate can be set, with each kind of name that a log can have."""
import os
import time

import pytest

from logs import json_line
from servers import run_logrotate, wait_until

NAMES = ["access.log", "worker-1.log", "site.8080.log", "app.1.log", "b-2026.log", "app_01.log",
         "access-2026-11-30.log", "api-v2.log", "node-10.20.30.40.log", "app.log.1.log"]
SETTLED_SECONDS = 1.5  # a copy that is read as a new file has come by then


class Logs:
    """A directory for each name, and in one input by the name, in another by a glob."""

    def __init__(self, directory, agents):
        self.directory, self.seen = directory, {}
        inputs = []
        for name in NAMES:
            for pattern in (name, "*.log"):
                part = directory / str(len(inputs))
                part.mkdir()
                self.seen[str(part / name)] = 0
                inputs.append({"name": f"i{len(inputs)}", "path": str(part / pattern),
                               "start": "begin", "parser": "json"})
        self.append(20)
        self.agent = agents("", inputs=inputs)

    def append(self, lines):
        for log in self.seen:
            with open(log, "a", encoding="utf-8") as file:
                for _ in range(lines):
                    self.seen[log] += 1
                    file.write(json_line(1795305600000, f"client-{self.seen[log]}"))

    def rotate(self, options):
        run_logrotate(self.directory, "\n".join([*self.seen, "{", "rotate 9", *options, "}"]))

    def wrong(self):
        """{log: what the ledger says} of those of which a line is missing or counted twice."""
        ledgers = [(entry["committed"], sum(entry["lost_bytes"].values()))
                   for entry in self.agent.status()["inputs"]]
        return {log: ledger for (log, lines), ledger in zip(self.seen.items(), ledgers)
                if ledger != (lines, 0)}


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("options", [
    ["create"], ["create", "compress"], ["create", "compress", "extension .log", "start 0"],
    ["create", "compress", "extension .log", "dateext"], ["copytruncate"],
    ["copytruncate", "extension .log"], ["copytruncate", "compress", "extension .log", "start 0"],
    ["copytruncate", "dateext", "dateformat .%s"]], ids=" ".join)
def test_each_line_is_counted_once(agents, tmp_path, options, down):
    os.chmod(tmp_path, 0o755)
    logs = Logs(tmp_path, agents)
    logs.agent.start()
    wait_until(lambda: not logs.wrong(), what="all is read")
    if down:
        logs.agent.kill()
        logs.append(3)
    logs.rotate(options)
    logs.append(5)
    if down:
        logs.agent.start()
    wait_until(lambda: not logs.wrong(), 10)
    time.sleep(SETTLED_SECONDS)
    assert not logs.wrong()
