#!/usr/bin/python3
"""House rules that a compiler does not check. Fails with FILE:LINE: message.

    tests/tidy.py              checks every file that git tracks (or would track)
    tests/tidy.py --self-test  shows for each rule that it can fail

agent/ARCHITECTURE.md, "Who may include whom", is the table below for people.
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys

# What code of ours may include of ours; the first pattern that matches a path decides.
# "*": everything.
ROOMS = [
    ("config/config.h", []),
    ("config/*", ["config/", "base/status.h", "base/reason.h", "base/regex.h",
                  "base/json_writer.h"]),
    ("parsers/*", ["parsers/", "base/status.h", "base/reason.h", "base/regex.h",
                   "base/shared_object.h", "base/equal_text.h", "config/config.h"]),
    ("agent/base/*", ["base/"]),
    ("agent/source/*", ["source/", "base/", "config/config.h"]),
    ("agent/store/*", ["store/", "base/", "config/config.h"]),
    ("agent/pipeline/*", ["pipeline/", "source/source.h", "source/ended_source.h", "store/store.h",
                          "parsers/parser.h", "base/", "config/config.h"]),
    ("agent/control/*", ["control/", "store/store.h", "pipeline/commit_listener.h", "base/",
                         "config/config.h", "config/config_json.h"]),
    ("agent/*", "*"),  # main, daemon, cli: the composition root
    ("tests/*", "*"),
]

# Each third-party header has one place.
THIRD_PARTY = [
    ("uv.h", ["agent/source/watcher.cc"]),
    ("boost/asio*", ["agent/control/*", "agent/daemon*"]),
    ("boost/beast*", ["agent/control/*"]),
    ("pqxx/*", ["agent/store/postgres_*"]),
    ("libpq-fe.h", ["agent/store/postgres_*"]),
    ("sqlite3.h", ["agent/store/sqlite_*"]),
    ("yaml-cpp/*", ["config/load.cc"]),
    ("rapidjson/*", ["parsers/*", "agent/base/json_*"]),
    ("spdlog/*", ["agent/base/log.cc"]),
    ("fmt/*", ["agent/base/log.cc"]),
    ("CLI/*", ["agent/cli*.cc"]),
    ("systemd/*", ["agent/daemon*.cc", "agent/base/journal.cc"]),
    ("zlib.h", ["agent/base/gzip.cc"]),
    ("re2/*", ["agent/base/regex.cc"]),
    ("gtest/*", ["tests/*"]),
    ("gmock/*", ["tests/*"]),
    ("benchmark/*", ["tests/bench/*"]),
]
# Tests look at a store with its own library, past our code.
THIRD_PARTY_IN_TESTS = ["tests/*"]

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono
cinttypes climits clocale cmath compare complex concepts condition_variable coroutine csetjmp
csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
execution filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd
iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers
numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set
utility valarray variant vector version
""".split())
C_STANDARD = {"stddef.h", "stdint.h"}  # for headers that C reads too
INTRINSICS = {"immintrin.h", "emmintrin.h", "nmmintrin.h", "arm_neon.h"}
POSIX = re.compile(r"^(sys|linux|net|netinet|arpa)/|^(unistd|fcntl|poll|signal|glob|fnmatch|dirent"
                   r"|pwd|grp|errno|termios|pthread|sched|dlfcn|getopt|malloc|time|netdb"
                   r"|syslog|limits|stdlib)\.h$")
# These decide nothing about the world: they get bytes and times handed in.
WITHOUT_POSIX = ["parsers/*", "agent/pipeline/*", "config/config.h"]

# A file of tests is a list of cases: long ones hurt less.
LINES_ERROR, LINES_WARNING, COLUMNS = 600, 450, 100
TEST_LINES_ERROR, TEST_LINES_WARNING = 1000, 700
CODE = (".cc", ".h", ".py", ".sh", ".sql", ".ci/run")
EXEMPT = ["tests/corpus/*", "LICENSE", "tests/e2e/golden/*", "tests/fuzz/corpus/*",
          "*.gz", "*.png", "*.svg"]
MACHINE_PATH = re.compile(r"(?<![\w.}-])/wor" r"k/|\.\./share" r"d\b|(?<![\w.}-])/roo" r"t/")
CONTRIBUTING_LINES = 80
CLANG_FORMAT_VERSION = 14  # Debian 12's; another formats a few places otherwise


class Findings:
    def __init__(self):
        self.errors, self.warnings = [], []

    def error(self, path, line, message):
        self.errors.append(f"{path}:{line}: {message}")

    def warning(self, path, line, message):
        self.warnings.append(f"{path}:{line}: warning: {message}")


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def room_of(path):
    return next((allowed for pattern, allowed in ROOMS if fnmatch.fnmatchcase(path, pattern)), "*")


def check_our_include(path, number, header, findings):
    allowed = room_of(path)
    if allowed == "*":
        return
    if not any(header == a or (a.endswith("/") and header.startswith(a)) for a in allowed):
        findings.error(path, number, f'may not include "{header}"; allowed here: '
                                     + (", ".join(allowed) or "the standard library alone"))


def check_foreign_include(path, number, header, findings):
    if header in STANDARD | C_STANDARD | INTRINSICS:
        return
    if POSIX.search(header):
        if matches(path, WITHOUT_POSIX):
            findings.error(path, number, f"may not include <{header}>: no system calls here")
        return
    places = next((p for pattern, p in THIRD_PARTY if fnmatch.fnmatchcase(header, pattern)), None)
    if places is None:
        findings.error(path, number, f"<{header}> has no place yet: name it in tests/tidy.py")
    elif not matches(path, places) and not matches(path, THIRD_PARTY_IN_TESTS):
        findings.error(path, number, f"<{header}> belongs into {', '.join(places)} alone")


INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def check_includes(path, lines, findings):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found and found[1]:
            check_our_include(path, number, found[1], findings)
        elif found:
            check_foreign_include(path, number, found[2], findings)


def check_shape(path, text, lines, findings):
    if path.endswith((".cc", ".h")):
        most, many = LINES_ERROR, LINES_WARNING
        if path.startswith("tests/"):
            most, many = TEST_LINES_ERROR, TEST_LINES_WARNING
        if len(lines) > most:
            findings.error(path, most + 1, f"{len(lines)} lines, at most {most}: split the file "
                                           "by what it does")
        elif len(lines) > many:
            findings.warning(path, many + 1, f"{len(lines)} lines: time to split the file?")
    for number, line in enumerate(lines, 1):
        if path.endswith(CODE) and len(line) > COLUMNS:
            findings.error(path, number, f"{len(line)} columns, at most {COLUMNS}")
        if line.endswith((" ", "\t")):
            findings.error(path, number, "blanks at the end of the line")
        if re.search("[\ud800-\udfff]", line):  # as surrogateescape leaves them
            findings.error(path, number, "not UTF-8")
        if "\r" in line:
            findings.error(path, number, "carriage return")
        machine = MACHINE_PATH.search(line)
        if machine:
            findings.error(path, number, f"a path of one machine: {machine[0]}")
    if text and not text.endswith("\n"):
        findings.error(path, len(lines), "no newline at the end of the file")


def code_of_markdown(lines):
    """Yields (line number, text) of code blocks and `inline code`."""
    fenced = False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line
        else:
            for inline in re.findall(r"`([^`]+)`", line):
                yield number, inline


def check_document(path, lines, files, exists, findings):
    """Commands and links that a document names exist."""
    makefile = files.get("Makefile", "")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.M))
    cli = "".join(text for name, text in files.items() if re.match(r"agent/cli\w*\.cc$", name))
    for number, code in code_of_markdown(lines):
        for target in re.findall(r"(?:^|[\s;&(])make ([a-z][a-z0-9-]*)", code):
            if target not in targets:
                findings.error(path, number, f"`make {target}`: the Makefile has no such target")
        for command in re.findall(r"(?:^|[\s;&(/])lastseen ([a-z]+)\b(?![-:=.])", code):
            if cli and f'"{command}"' not in cli:
                findings.error(path, number, f"`lastseen {command}`: there is no such command")
    for number, line in enumerate(lines, 1):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            target = os.path.normpath(os.path.join(os.path.dirname(path), link))
            if "://" not in link and not exists(target):
                findings.error(path, number, f"link to {link}, which does not exist")
    if path == "CONTRIBUTING.md" and len(lines) > CONTRIBUTING_LINES:
        findings.error(path, CONTRIBUTING_LINES + 1,
                       f"{len(lines)} lines, at most {CONTRIBUTING_LINES}")


def check(files, exists=None):
    """`files`: path → text. Everything but formatting, which needs files on disk. `exists`:
    whether a linked path does, where `files` are not all there is."""
    exists = exists or files.__contains__
    findings = Findings()
    for path, text in sorted(files.items()):
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        check_shape(path, text, lines, findings)
        if path.endswith((".cc", ".h")):
            check_includes(path, lines, findings)
        if path.endswith(".md"):
            check_document(path, lines, files, exists, findings)
    return findings


def check_format(paths, findings):
    clang_format = shutil.which("clang-format")
    if not clang_format:
        return
    version = subprocess.run([clang_format, "--version"], capture_output=True, text=True).stdout
    if f"version {CLANG_FORMAT_VERSION}." not in version:
        return
    sources = [p for p in paths if p.endswith((".cc", ".h"))]
    run = subprocess.run([clang_format, "--dry-run", *sources], capture_output=True, text=True)
    seen = set()
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: warning: code should be", run.stderr, re.M):
        if path not in seen:
            seen.add(path)
            findings.error(path, line, "not formatted; run clang-format -i on it")


def tracked():
    """Paths of the repository's files, also those not yet added; without git, all that is not
    made by building and running."""
    paths = []
    if shutil.which("git"):
        run = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True)
        paths = os.fsdecode(run.stdout).split("\0")
    if len(paths) < 2:  # no git, or none that wants to look at this directory
        paths = [os.path.relpath(os.path.join(top, name), ".")
                 for top, directories, names in os.walk(".") for name in names]
        paths = [p for p in paths if not re.match(r"build/|\.git(/|$)|lastseen\.db", p)
                 and "__pycache__" not in p and ".pytest_cache" not in p]
    return sorted({p for p in paths if p and os.path.isfile(p) and not matches(p, EXEMPT)})


# For each rule: files that break it, and what the finding says.
SELF_TEST = [
    ("a room includes another",
     {"agent/source/a.cc": '#include "store/store.h"\n'}, "may not include"),
    ("base looks up", {"agent/base/a.h": '#include "config/config.h"\n'}, "may not include"),
    ("a parser looks at the agent", {"parsers/a.cc": '#include "base/log.h"\n'}, "may not include"),
    ("config.h includes ours",
     {"config/config.h": '#include "base/status.h"\n'}, "may not include"),
    ("pipeline knows a store",
     {"agent/pipeline/a.cc": '#include "store/sqlite_store.h"\n'}, "may not include"),
    ("a library elsewhere", {"agent/base/a.cc": "#include <pqxx/pqxx>\n"}, "belongs into"),
    ("an unknown library", {"agent/cli.cc": "#include <zstd.h>\n"}, "has no place yet"),
    ("a system call in a parser", {"parsers/a.cc": "#include <unistd.h>\n"}, "no system calls"),
    ("a long file", {"agent/cli.cc": "\n" * 601}, "601 lines"),
    ("a long file of tests", {"tests/unit/a_test.cc": "\n" * 1001}, "1001 lines"),
    ("a long line", {"x.py": "#" * 101 + "\n"}, "101 columns"),
    ("a blank at the end", {"README.md": "x \n"}, "blanks at the end"),
    ("bytes that are no text", {"a.py": "\udcff\n"}, "not UTF-8"),
    ("a carriage return", {"a.py": "x\r\n"}, "carriage return"),
    ("no last newline", {"a.py": "x"}, "no newline"),
    ("a machine's path", {"a.py": "x = open('/roo" "t/x')\n"}, "a path of one machine"),
    ("a target that is not", {"README.md": "`make fly`\n", "Makefile": "run:\n"}, "such target"),
    ("a command that is not",
     {"README.md": "`lastseen fly`\n", "agent/cli.cc": '"run"\n'}, "no such command"),
    ("a dead link", {"README.md": "[x](y.md)\n"}, "does not exist"),
    ("long contributing", {"CONTRIBUTING.md": "x\n" * 81}, "81 lines"),
]
GOOD = {
    "agent/source/a.cc": '#include <vector>\n#include <sys/stat.h>\n#include "base/log.h"\n',
    "agent/daemon.cc": '#include "store/registry.h"\n#include <systemd/sd-daemon.h>\n',
    "parsers/a.cc": '#include <rapidjson/reader.h>\n#include "base/reason.h"\n',
    "tests/unit/base/a_test.cc": '#include <gtest/gtest.h>\n',
    "agent/cli.cc": '"run"\n',
    "README.md": "`make run` and `lastseen run`, [code](agent/cli.cc), the file lastseen.db\n",
    "Makefile": "run: build\n",
}


def self_test():
    failures = [f"good files are refused: {error}" for error in check(GOOD).errors]
    for name, files, expected in SELF_TEST:
        errors = check(files).errors
        if not any(expected in error for error in errors):
            failures.append(f"{name}: expected '{expected}', got {errors}")
    if len(check({"agent/cli.cc": "\n" * 451}).warnings) != 1:
        failures.append("a file that outgrows its room is not warned of")
    print("\n".join(failures) or f"{len(SELF_TEST) + 2} rules hold")
    return 1 if failures else 0


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    paths = tracked()
    files = {}
    for path in paths:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            files[path] = file.read()
    findings = check(files, os.path.exists)
    check_format(paths, findings)
    for line in findings.warnings + findings.errors:
        print(line)
    if not findings.errors:
        print(f"{len(files)} files in order")
    return 1 if findings.errors else 0


if __name__ == "__main__":
    sys.exit(main())
