"""Instructions that the agent spends on a line, counted by valgrind: they repeat where time does
not. Two lengths of one log are read, and their difference is divided by the lines between them, so
that start and end cancel out."""
import json
import os
import re
import subprocess
import tempfile

SHORT, LONG = 2_000, 12_000  # lines


class Counter:
    def __init__(self, lastseen, generator):
        self.lastseen, self.generator = lastseen, generator

    def a_line(self, parser, options):
        """Of one format; parser and options of generate_log as in formats.py."""
        few, many = (self._run(parser, options, lines, self._total) for lines in (SHORT, LONG))
        return (many - few) / (LONG - SHORT)

    def a_line_by_function(self, parser, options):
        """{function: instructions with what it calls}"""
        few, many = (self._run(parser, options, lines, self._functions)
                     for lines in (SHORT, LONG))
        return {name: (spent - few.get(name, 0)) / (LONG - SHORT) for name, spent in many.items()}

    def _run(self, parser, options, lines, read):
        with tempfile.TemporaryDirectory(prefix="ls-count-") as directory:
            log, profile = f"{directory}/access.log", f"{directory}/profile"
            subprocess.run([self.generator, "--lines", str(lines), *options, "--output", log],
                           check=True)
            config = os.path.join(directory, "lastseen.yaml")
            with open(config, "w", encoding="utf-8") as file:
                json.dump({"agent_id": "count", "store": {"type": "discard"},
                           "inputs": [{"name": "log", "path": log, "parser": parser}],
                           "state_dir": directory, "control": {"socket": ""},
                           # On a busy machine valgrind may stand still for longer than the default.
                           "shutdown": {"timeout": "10m"}, "log": {"level": "warn"}}, file)
            subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}",
                            self.lastseen, "run", "--once", "-c", config],
                           check=True, capture_output=True)
            return read(profile)

    @staticmethod
    def _total(profile):
        with open(profile, encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file
                        if line.startswith(("summary:", "totals:")))

    @staticmethod
    def _functions(profile):
        said = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile],
                              check=True, capture_output=True, text=True).stdout
        found = {}
        for line in said.splitlines():
            if match := re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+\S*?:(lastseen::.*?) \[", line):
                name = re.sub(r"'\d+$", "", match[2])
                found[name] = max(found.get(name, 0), int(match[1].replace(",", "")))
        return found
