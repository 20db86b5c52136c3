#!/usr/bin/python3
"""Fails when a line costs 10 % more instructions than budget.json allows, or 10 % less: then the
budget is to be lowered, so that the gain is kept. `--update` writes what is measured.

    tests/bench/budget.py [--update] [--lastseen build/lastseen] [--generator …/generate_log]"""
import argparse
import concurrent.futures
import json
import os
import sys

from formats import FORMATS
from instructions import Counter

BUDGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "budget.json")
ROOM = 0.10

# Beside the formats: each line names a client that no line before did, so all that is done for a
# client and a row weighs as much as can be.
NEW_CLIENTS = {"combined, each line a new client":
               ("combined", ("--format", "combined", "--clients", "1000000", "--zipf", "0"))}


def measured(lastseen, generator):
    counter = Counter(lastseen, generator)
    wanted = {found.name: (found.parser, found.options) for found in FORMATS} | NEW_CLIENTS
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = pool.map(lambda item: counter.a_line(*item), wanted.values())
        return {name: round(count) for name, count in zip(wanted, counted)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--lastseen", default="build/lastseen")
    parser.add_argument("--generator", default="build/release/tests/bench/generate_log")
    args = parser.parse_args()
    found = measured(args.lastseen, args.generator)
    if args.update:
        with open(BUDGET, "w", encoding="utf-8") as file:
            file.write(json.dumps(found, indent=2) + "\n")
    with open(BUDGET, encoding="utf-8") as file:
        budget = json.load(file)
    failed = budget.keys() != found.keys()
    for name, count in found.items():
        allowed = budget.get(name, 0)
        good = abs(count - allowed) <= allowed * ROOM
        failed |= not good
        print(f"{name}: {count:,} instructions a line, budget {allowed:,}"
              f"{'' if good else ': OUTSIDE ±10 %'}")
    if failed:
        print("If that is meant: tests/bench/budget.py --update", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
