#!/usr/bin/python3
"""Runs the fuzzers: tests/fuzz/run.py SECONDS [FUZZER...], --jobs of them at a time

Each begins with what was kept of earlier runs (tests/fuzz/corpus/FUZZER.jsonl: one input a line,
in base64) and with the lines of tests/corpus, as far as they are short. With --keep, inputs that
reach new code are merged into that file. What breaks a fuzzer is left in build/fuzz/artifacts and
belongs into its corpus once it is mended.
"""
import argparse
import base64
import concurrent.futures
import glob
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = f"{ROOT}/tests/fuzz"
BINARIES = f"{ROOT}/build/fuzz/tests/fuzz"
ARTIFACTS = f"{ROOT}/build/fuzz/artifacts"
INPUT_BYTES_MAX = 4096  # longer ones make every step slow; linear time is tested elsewhere
KEPT_BYTES_MAX = 100_000  # of one corpus file
SECONDS_PER_INPUT = 5


def corpus_lines():
    for path in sorted(glob.glob(f"{ROOT}/tests/corpus/*/*")):
        if path.endswith((".log", ".log.gz")):
            opened = gzip.open if path.endswith(".gz") else open
            with opened(path, "rb") as file:
                yield from file.read().split(b"\n")
        elif path.endswith(".dgram.jsonl"):
            with open(path, "rb") as file:
                yield from (base64.b64decode(json.loads(line)["b64"]) for line in file)


def kept_inputs(fuzzer):
    path = f"{HERE}/corpus/{fuzzer}.jsonl"
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return [base64.b64decode(json.loads(line)) for line in file]


def write_inputs(directory, inputs):
    os.makedirs(directory, exist_ok=True)
    for data in inputs:
        if 0 < len(data) <= INPUT_BYTES_MAX:
            with open(f"{directory}/{hashlib.sha1(data).hexdigest()}", "wb") as file:
                file.write(data)


def keep(fuzzer, grown):
    """The smallest set that covers what all inputs cover, shortest first."""
    with tempfile.TemporaryDirectory() as merged:
        subprocess.run([f"{BINARIES}/{fuzzer}", "-merge=1", f"-max_len={INPUT_BYTES_MAX}",
                        merged, grown], stderr=subprocess.DEVNULL, check=True)
        inputs = []
        for name in os.listdir(merged):
            with open(f"{merged}/{name}", "rb") as file:
                inputs.append(file.read())
    total = 0
    os.makedirs(f"{HERE}/corpus", exist_ok=True)
    with open(f"{HERE}/corpus/{fuzzer}.jsonl", "w", encoding="ascii") as file:
        for data in sorted(inputs, key=lambda data: (len(data), data)):
            line = json.dumps(base64.b64encode(data).decode()) + "\n"
            total += len(line)
            if total > KEPT_BYTES_MAX:
                break
            file.write(line)


def run(fuzzer, seconds, keep_inputs):
    with tempfile.TemporaryDirectory() as grown:
        write_inputs(grown, kept_inputs(fuzzer))
        write_inputs(grown, corpus_lines())
        os.makedirs(ARTIFACTS, exist_ok=True)
        command = [f"{BINARIES}/{fuzzer}", f"-max_total_time={seconds}", "-print_final_stats=1",
                   f"-max_len={INPUT_BYTES_MAX}", f"-timeout={SECONDS_PER_INPUT}",
                   f"-artifact_prefix={ARTIFACTS}/{fuzzer}-", grown]
        dictionary = f"{HERE}/{fuzzer}.dict"
        if os.path.exists(dictionary):
            command.insert(1, f"-dict={dictionary}")
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        said = done.stderr.decode(errors="replace")
        stats = dict(line[6:].split(":", 1) for line in said.splitlines()
                     if line.startswith("stat::") and ":" in line[6:])
        if done.returncode != 0:
            print(f"{fuzzer}: FAILED\n{said[-6000:]}", flush=True)
            return False
        inputs, rss = (stats.get(name, "?").strip()
                       for name in ("number_of_executed_units", "peak_rss_mb"))
        print(f"{fuzzer}: {seconds} s, {inputs} inputs, {rss} MB", flush=True)
        if keep_inputs:
            keep(fuzzer, grown)
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int)
    parser.add_argument("fuzzer", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="update tests/fuzz/corpus")
    arguments = parser.parse_args()
    fuzzers = arguments.fuzzer or sorted(
        os.path.basename(path)[:-3] for path in glob.glob(f"{HERE}/fuzz_*.cc"))
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        done = list(pool.map(lambda name: run(name, arguments.seconds, arguments.keep), fuzzers))
    failed = [name for name, well in zip(fuzzers, done) if not well]
    if failed:
        sys.exit("failed: " + " ".join(failed))


if __name__ == "__main__":
    main()
