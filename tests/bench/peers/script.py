#!/usr/bin/python3
"""What many would write for a log and a table: one pass with json and a dict, flushed each second
by one statement.   script.py LOG CONNINFO"""
import json
import sys
import time
from urllib.parse import parse_qs

import psycopg2
from psycopg2.extras import execute_values

UPSERT = """INSERT INTO client_activity (client_id, last_seen, created_at) VALUES %s
ON CONFLICT (client_id) DO UPDATE SET last_seen = EXCLUDED.last_seen
WHERE client_activity.last_seen < EXCLUDED.last_seen"""


def client_of(line):
    if line["request_body"]:
        try:
            body = json.loads(line["request_body"])
        except ValueError:
            body = None
        if isinstance(body, dict) and body.get("client_id"):
            return body["client_id"]
    if "client_id=" in line["args"]:
        return parse_qs(line["args"]).get("client_id", [None])[0]
    return None


def flush(connection, seen):
    if not seen:
        return
    with connection, connection.cursor() as cursor:
        execute_values(cursor, UPSERT, sorted((client, newest, oldest) for client, (newest, oldest)
                                              in seen.items()), page_size=1000,
                       template="(%s, to_timestamp(%s), to_timestamp(%s))")
    seen.clear()


def main(log, conninfo):
    connection = psycopg2.connect(conninfo)
    seen, due = {}, time.monotonic() + 1
    with open(log, encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file):
            line = json.loads(text)
            client = client_of(line)
            if client:
                newest, oldest = seen.get(client, (0, line["msec"]))
                seen[client] = (max(newest, line["msec"]), oldest)
            if number % 1000 == 0 and time.monotonic() >= due:
                flush(connection, seen)
                due = time.monotonic() + 1
    flush(connection, seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
