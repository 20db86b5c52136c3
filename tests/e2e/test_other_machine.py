"""A program for another kind of machine leaves what this machine's does.

    make arm64      # LASTSEEN=build/arm64/under-qemu LASTSEEN_E2E_NATIVE=build/lastseen
"""
import os
import subprocess

import pytest
import yaml

from agent import LASTSEEN, ROOT, environment, sqlite_query
from servers import PATIENCE

NATIVE = os.environ.get("LASTSEEN_E2E_NATIVE")
pytestmark = pytest.mark.skipif(not NATIVE, reason="LASTSEEN_E2E_NATIVE names no program")

# The identity of a file holds hashes of its bytes: a database may move to another machine.
TABLES = {
    "client_activity": "client_id, last_seen, created_at",
    "lastseen_position": "input, path, position, discarding, device, inode, birth_ns, "
                         "head_bytes, head_hash, tail_bytes, tail_hash, size, ledger",
    "lastseen_quarantine": "input, client_id, message, first_seen, last_seen, lines",
}


def corpus_config(directory):
    """Every log file of the corpus into SQLite."""
    with open(f"{ROOT}/tests/corpus/lastseen.yaml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["inputs"] = [{**entry, "start": "begin"} for entry in config["inputs"]
                        if "type" not in entry and os.path.exists(f"{ROOT}/{entry['path']}")]
    assert len(config["inputs"]) >= 20
    config |= {"store": {"type": "sqlite", "path": str(directory / "lastseen.db")},
               "state_dir": str(directory)}
    path = directory / "lastseen.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def left_by(program, directory):
    directory.mkdir()
    done = subprocess.run([program, "run", "--once", "-c", corpus_config(directory)], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=60 * PATIENCE,
                          env=environment())
    assert done.returncode == 0, done.stderr
    return {table: sqlite_query(directory / "lastseen.db",
                                f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            for table, columns in TABLES.items()}


def test_the_corpus_leaves_the_same_rows_on_both_machines(tmp_path):
    rows = left_by(LASTSEEN, tmp_path / "here")
    assert rows == left_by(NATIVE, tmp_path / "native")
    assert len(rows["client_activity"]) > 50 and len(rows["lastseen_position"]) >= 20
