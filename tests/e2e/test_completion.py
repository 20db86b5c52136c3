"""Completions, in the real shells."""
import re
import subprocess

import pytest

from agent import command
from test_cli import COMMANDS


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request):
    return request.param


@pytest.fixture
def script(shell, tmp_path):
    path = tmp_path / f"lastseen.{shell}"
    done = command("completion", shell)
    assert done.returncode == 0
    path.write_text(done.out)
    return path


def run(*args, **options):
    return subprocess.run(args, capture_output=True, text=True, check=False, timeout=20, **options)


def offered(shell, script, line):
    """What the shell offers at the end of the line."""
    if shell == "fish":
        done = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'")
        return {entry.split("\t")[0] for entry in done.stdout.splitlines()}
    if shell == "bash":
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        done = run("bash", "--norc", "-c", f"source {script}; COMP_WORDS=({quoted}); "
                   f"COMP_CWORD={len(words) - 1}; _lastseen 2>/dev/null; "
                   "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return set(done.stdout.split())
    words = " ".join(f"'{word}'" for word in line.split(" "))
    done = run("zsh", "-f", "-c", "compdef() { }; _files() { print -l FILES }; "
               "_describe() { print -l -- ${${(P)2}%%:*} }; "
               f"source {script}; words=({words}); CURRENT=${{#words}}; PREFIX=${{words[-1]}}; "
               "_lastseen")
    assert done.stderr == ""
    return set(done.stdout.split())


def test_script_is_valid(shell, script):
    done = run(shell, "-n", str(script))
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_shell_offers_commands_options_and_what_is_below_a_command(shell, script):
    assert set(COMMANDS) <= offered(shell, script, "lastseen ")
    assert {"list", "show", "replay", "drop"} <= offered(shell, script, "lastseen quarantine ")
    assert "--active-within" in offered(shell, script, "lastseen clients --")
    assert "--force" in offered(shell, script, "lastseen positions set --")
    assert "--force" not in offered(shell, script, "lastseen positions list --")


def test_every_option_of_every_command_is_offered(shell, script):
    text = script.read_text()
    for name in COMMANDS:
        for option in re.findall(r"^\s+(?:-\w,)?--([\w-]+)", command(name, "--help").out, re.M):
            assert option in text, (name, option)


def test_unknown_shell_is_wrong_usage():
    assert command("completion", "tcsh").returncode == 2
