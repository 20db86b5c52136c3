"""What is installed beside the program: units, users, directories, and where each file goes."""
import os
import re
import subprocess

import pytest

from agent import LASTSEEN, ROOT

UNIT = f"{ROOT}/packaging/systemd/lastseen.service"
EXPOSURE_MAX = 2.0


def said(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path):
    """The unit, of a program that exists here."""
    with open(UNIT, encoding="utf-8") as file:
        text = file.read().replace("/usr/bin/lastseen", LASTSEEN)
    (tmp_path / "lastseen.service").write_text(text)
    return str(tmp_path / "lastseen.service")


def test_systemd_has_nothing_to_say_about_the_units(unit, tmp_path):
    assert said("systemd-analyze", "verify", "--man=no", unit) == ""
    for path in ("feed/lastseen-nginx.socket", "systemd/lastseen.socket"):
        socket = tmp_path / os.path.basename(path)
        with open(f"{ROOT}/packaging/{path}", encoding="utf-8") as file:
            socket.write_text(file.read())
        assert said("systemd-analyze", "verify", "--man=no", str(socket), unit) == ""


def test_the_unit_is_confined(unit):
    told = said("systemd-analyze", "security", "--offline=true", unit)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", told)[1])
    assert exposure <= EXPOSURE_MAX


def test_each_line_of_the_sandbox_has_its_reason_before_it():
    with open(UNIT, encoding="utf-8") as file:
        lines = file.read().split("[Service]")[1].split("[Install]")[0].splitlines()
    sandbox = lines[next(i for i, line in enumerate(lines)
                         if line.startswith("CapabilityBoundingSet")):]
    commented = [line for line in sandbox if line.startswith("#")]
    assert len(commented) > 15
    assert all(line.startswith("#") or re.match(r"[A-Z]\w+=", line) for line in sandbox if line)


def test_the_unit_waits_longer_for_a_stop_than_the_agent_takes():
    with open(UNIT, encoding="utf-8") as file:
        stop = int(re.search(r"^TimeoutStopSec=(\d+)s$", file.read(), re.M)[1])
    with open(f"{ROOT}/config/lastseen.yaml", encoding="utf-8") as file:
        shutdown = int(re.search(r"^shutdown:.*?timeout: (\d+)s$", file.read(), re.M | re.S)[1])
    assert stop > shutdown + 5  # what the spill file may take besides


BUILD = next((directory for directory in (os.path.dirname(LASTSEEN), f"{ROOT}/build/release")
              if os.path.exists(f"{directory}/cmake_install.cmake")), None)


@pytest.fixture
def installed(tmp_path):
    if BUILD is None:
        pytest.skip("no build directory to install from")

    def install(prefix):
        said("cmake", "--install", BUILD, "--prefix", prefix,
             env={**os.environ, "DESTDIR": str(tmp_path)})
        return tmp_path
    return install


EXPECTED = """
usr/bin/lastseen usr/include/lastseen/plugin.h
usr/share/man/man1/lastseen.1 usr/share/man/man5/lastseen.yaml.5
usr/share/man/man7/lastseen-parsers.7
usr/share/bash-completion/completions/lastseen usr/share/zsh/vendor-completions/_lastseen
usr/share/fish/vendor_completions.d/lastseen.fish
etc/lastseen/lastseen.yaml etc/logrotate.d/lastseen
usr/lib/systemd/system/lastseen.service usr/lib/systemd/system/lastseen.socket
usr/lib/sysusers.d/lastseen.conf
usr/lib/tmpfiles.d/lastseen.conf usr/share/lastseen/migrations/postgres/0001_agent.sql
usr/share/doc/lastseen/README.md usr/share/doc/lastseen/examples/lastseen.yaml
usr/share/doc/lastseen/examples/feed/lastseen-nginx.socket
""".split()


def test_everything_is_installed_where_it_is_looked_for(installed):
    root = installed("/usr")
    assert [path for path in EXPECTED if not (root / path).is_file()] == []
    files = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    assert all(path in EXPECTED or re.match("usr/share/(doc/lastseen|lastseen/migrations)/", path)
               for path in files), files
    assert "ExecStart=/usr/bin/lastseen " in (
        root / "usr/lib/systemd/system/lastseen.service").read_text()


def test_another_prefix_is_in_the_unit_and_a_changed_configuration_stays(installed):
    root = installed("/usr/local")
    unit = (root / "usr/local/lib/systemd/system/lastseen.service").read_text()
    assert "ExecStart=/usr/local/bin/lastseen " in unit and "/usr/bin/lastseen" not in unit
    config = root / "etc/lastseen/lastseen.yaml"
    config.write_text("mine")
    assert installed("/usr/local") and config.read_text() == "mine"
    assert (installed("/opt/lastseen") / "opt/lastseen/etc/lastseen/lastseen.yaml").is_file()


def test_user_and_directories_are_made(installed):
    root = installed("/usr")
    (root / "etc/group").write_text("adm:x:4:\n")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    said("systemd-sysusers", f"--root={root}", "lastseen.conf")
    assert re.search(r"^lastseen:x:\d+:\d+:.*:/var/lib/lastseen:/usr/sbin/nologin$",
                     (root / "etc/passwd").read_text(), re.M)
    assert "adm:x:4:lastseen\n" in (root / "etc/group").read_text()


def test_logrotate_takes_the_snippet(installed):
    root = installed("/usr")
    told = said("logrotate", "--debug", str(root / "etc/logrotate.d/lastseen"))
    assert "error" not in told
