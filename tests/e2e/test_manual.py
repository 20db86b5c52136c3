"""The manual, the README, the completions and the program name the same things."""
import glob
import os
import re
import subprocess

import pytest

from agent import ROOT, command, environment
from test_cli import COMMANDS

PAGES = sorted(glob.glob(f"{ROOT}/man/*.[1-9]"))


def page(name):
    with open(f"{ROOT}/man/{name}", encoding="utf-8") as file:
        return file.read()


def literal_blocks(text):
    return re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", text, re.M | re.S)


@pytest.mark.parametrize("path", PAGES, ids=os.path.basename)
def test_mandoc_has_nothing_to_say(path):
    done = subprocess.run(["mandoc", "-Tlint", path], capture_output=True, text=True, check=False)
    # Whether the pages that it refers to are installed is no matter of this page.
    told = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert not told


def test_every_command_is_in_the_manual_and_none_else():
    assert set(re.findall(r"^\.It Nm Cm (\w+)", page("lastseen.1"), re.M)) == set(COMMANDS)


def test_every_option_in_the_manual_exists():
    for entry in re.findall(r"^\.It Nm Cm (.*)$", page("lastseen.1"), re.M):
        name = entry.split()[0]
        text = command(name, "--help").out
        for option in re.findall(r"Fl -?([\w-]+)", entry):
            dashes = "--" if len(option) > 1 else "-"
            assert re.search(rf"^\s+(?:-\w,)?{dashes}{option}\b", text, re.M), (name, option)


def test_every_finding_of_doctor_is_in_the_manual_with_its_severity():
    told = re.findall(r"^\.It Li ([a-z-]+) Pq (note|warning|error)$", page("lastseen.1"), re.M)
    listed = re.findall(r"^([a-z-]+) +(note|warning|error) +\S", command("doctor", "--list").out,
                        re.M)
    assert told == listed


def test_every_metric_in_the_manual_is_served(agents, tmp_log):
    served = agents(tmp_log).start().get("/metrics")[1]
    named = re.findall(r"\blastseen_\w+", page("lastseen.1").split(".Sh METRICS")[1])
    assert len(named) >= 6
    for name in named:
        assert f"# TYPE {name} " in served, name


def test_every_reason_in_the_manual_is_one(agents, tmp_log):
    agent = agents(tmp_log).start()
    reasons = set(agent.status()["inputs"][0]["skipped"])
    told = page("lastseen-parsers.7").split(".Sh SKIPPED LINES")[1]
    assert set(re.findall(r"^\.It Li (\w+)$", told, re.M)) == reasons


def keys_and_values_of_the_example():
    """{key: values} of config/lastseen.yaml, which a unit test holds to the code."""
    found, levels = {}, []
    with open(f"{ROOT}/config/lastseen.yaml", encoding="utf-8") as file:
        for line in file:
            line = re.match(r"( *)(#?)(- )?([a-z_0-9]+):(?: +(.*))?$", line.rstrip())
            if not line:
                continue
            column = len(line[1]) + (2 if line[3] else 0)
            while levels and levels[-1][0] >= column:
                levels.pop()
            if line[3]:
                levels[-1] = (levels[-1][0], levels[-1][1].removesuffix("[]") + "[]")
            key = f"{levels[-1][1]}.{line[4]}" if levels else line[4]
            levels.append((column, key))
            value = re.sub(r"\s+#.*", "", line[5] or "")
            if value:
                found.setdefault(key, set()).add(value)
    return found


def test_every_key_is_in_the_manual_with_its_default():
    text = page("lastseen.yaml.5").replace("\\(dq", '"').replace("\\e", "\\")
    told = {}
    for entry in re.split(r"^\.It Ic ", text, flags=re.M)[1:]:
        told.setdefault(entry.split("\n")[0], []).append(entry)
    keys = keys_and_values_of_the_example()
    assert len(keys) > 40
    for key, values in keys.items():
        assert key in told, key
        for value in values:
            shown = "empty." if value == '""' else f".Ql {value} ."
            assert any(shown in entry for entry in told[key]), (key, value)
    with_values = {key for key, entries in told.items()
                   if any(re.search(r"^(Default|Example):", e, re.M) for e in entries)}
    assert with_values == set(keys)


def test_every_configuration_in_the_manual_is_accepted(tmp_path):
    examples = [text for text in literal_blocks(page("lastseen.yaml.5")) if "inputs:" in text]
    assert len(examples) >= 2
    for text in examples:
        path = tmp_path / "manual.yaml"
        path.write_text(text)
        done = command("check", "-c", path, env=environment(PG_PASSWORD="x"))
        assert done.returncode == 0, done.out + done.err


def test_the_least_grants_are_enough(database, agents, tmp_log):
    """The agent runs, doctor finds no right that is missing, and none can be left out."""
    grants = [line for text in literal_blocks(page("lastseen.1"))
              for line in re.findall(r"^GRANT .*;$", text, re.M)]
    assert len(grants) == 6
    role = f"least_{database.name}"
    database.query(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret-of-the-tests'")
    try:
        for grant in grants:
            database.query(grant.replace("TO lastseen;", f"TO {role};"))
        with open(tmp_log, "a", encoding="utf-8") as file:
            file.write('{"msec":1795305600.123,"uri":"/?client_id=A"}\n')
        agent = agents(tmp_log, {"type": "postgres", "url": database.url(role)})
        done = agent.once()
        assert done.returncode == 0, done.err
        assert set(database.rows()) == {"A"}
        done = command("doctor", "-c", agent.config)
        assert "error" not in done.out, done.out
    finally:
        database.query(f"DROP OWNED BY {role}")
        database.query(f"DROP ROLE {role}")
