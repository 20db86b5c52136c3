"""A real nginx, a real upstream, and the rows that appear."""
import json
import time

import pytest

from load import Load, post_json, request
from logs import truth_of_nginx
from servers import wait_until

LATENCY_MS = 200  # beyond the flush interval


def last_line_ms(path):
    """The newest time: a worker that was held up may write its older line last."""
    with open(path, encoding="utf-8") as file:
        return max(round(json.loads(line)["msec"] * 1000) for line in file.read().splitlines())


def test_json_body_makes_a_row_with_the_logs_own_time(nginx, store, agents):
    agents(nginx.json_log, store.store()).start()
    assert post_json(nginx.port, "ARAUC_XALAP", operation="create", records=[{}]) == 200
    row = wait_until(lambda: store.rows().get("ARAUC_XALAP"))
    at = last_line_ms(nginx.json_log)
    assert row == (at, at)


def test_second_request_moves_last_seen_and_leaves_created_at(nginx, store, agents):
    agents(nginx.json_log, store.store()).start()
    post_json(nginx.port, "A")
    first = wait_until(lambda: store.rows().get("A"))
    post_json(nginx.port, "A")
    second = wait_until(lambda: store.rows()["A"] != first and store.rows()["A"])
    assert second == (last_line_ms(nginx.json_log), first[1])
    assert second[0] > first[0]


def test_ndjson_is_known_by_its_query(nginx, store, agents):
    agents(nginx.json_log, store.store()).start()
    target = "/items?client_id=XALAP_BRUNO&operation=create&table_name=CANOTA"
    body = '{"field1": "value1"}\n{"client_id": "decoy"}\n'
    request(nginx.port, "POST", target, body, "text/plain")
    wait_until(lambda: "XALAP_BRUNO" in store.rows())
    assert store.rows() == {"XALAP_BRUNO": (last_line_ms(nginx.json_log),) * 2}


def test_requests_without_a_client_are_counted_and_make_no_row(nginx, store, agents):
    agent = agents(nginx.json_log, store.store()).start()
    before = agent.input()
    for _ in range(5):
        request(nginx.port, "GET", "/items")
    after = agent.settled(before["lines_read"] + 5)
    assert (after["skipped"]["no_client_id"]
            == before["skipped"].get("no_client_id", 0) + 5)
    assert store.rows() == {}


@pytest.mark.parametrize("sent, client", [
    ({"client_id": 12345678901234567890}, "12345678901234567890"),
    ({"client_id": "tienda_🚀"}, "tienda_🚀"),
    ({"client_id": "a\\\"b\n\t'; DROP TABLE x--{}"}, "a\\\"b\n\t'; DROP TABLE x--{}"),
    ({"client_id": "ñ" * 50}, "ñ" * 50),
])
def test_unusual_ids_arrive_as_sent(nginx, database, agents, sent, client):
    agents(nginx.json_log, database.store()).start()
    for ascii_only in (True, False):
        request(nginx.port, "POST", "/items", json.dumps(sent, ensure_ascii=ascii_only))
    wait_until(lambda: database.rows().get(client, (0,))[0] == last_line_ms(nginx.json_log))
    assert list(database.rows()) == [client]


@pytest.mark.parametrize("body, reason", [
    ({"client_id": "x" * 51}, "too_long"),
    ({"client_id": "nul\0"}, "invalid_utf8"),
    ({"client_id": None}, "no_client_id"),
    ({"client_id": {"client_id": "nested"}}, "no_client_id"),
])
def test_ids_that_are_none_are_skipped_with_their_reason(nginx, database, agents, body, reason):
    agent = agents(nginx.json_log, database.store()).start()
    before = agent.input()
    request(nginx.port, "POST", "/items", json.dumps(body))
    after = agent.settled(before["lines_read"] + 1)
    assert after["skipped"].get(reason, 0) == before["skipped"].get(reason, 0) + 1
    assert database.rows() == {}


def test_combined_log_of_the_same_nginx(nginx, store, agents):
    agents(nginx.combined_log, store.store(), parser="combined").start()
    request(nginx.port, "GET", "/items?client_id=A%20B+C&x=%7B")
    wait_until(lambda: "A B C" in store.rows())
    last, created = store.rows()["A B C"]
    assert last == created and last % 1000 == 0
    assert 0 <= last_line_ms(nginx.json_log) - last < 1000


def test_rows_appear_within_the_flush_interval_and_200_ms(nginx, store, agents):
    interval_ms = 300
    agents(nginx.json_log, store.store(), flush={"interval": f"{interval_ms}ms"}).start()
    waits = []
    for number in range(10):
        post_json(nginx.port, f"A{number}")
        sent = time.monotonic()
        wait_until(lambda: f"A{number}" in store.rows(), pause=0.002)
        waits.append((time.monotonic() - sent) * 1000)
        time.sleep(0.037 * number)  # another phase of the interval each time
    # One may have met a hiccup of the machine's scheduler.
    assert sorted(waits)[-2] <= interval_ms + LATENCY_MS, waits


def test_default_interval_shows_a_row_within_1200_ms(nginx, database, agents):
    agents(nginx.json_log, database.store(), flush=None).start()
    post_json(nginx.port, "A")
    sent = time.monotonic()
    wait_until(lambda: "A" in database.rows())
    assert time.monotonic() - sent <= 1.2


def test_sigterm_under_load_loses_nothing(nginx, store, agents):
    agent = agents(nginx.json_log, store.store(), flush={"interval": "1s"}).start()
    with Load(nginx.port) as load:
        time.sleep(1.5)
        status = agent.status()
        assert agent.stop() == 0
        assert load.sent > 500
        time.sleep(0.3)
    before = store.rows()
    assert len(before) == 50 and status["inputs"][0]["lines_read"] > 500
    truth = truth_of_nginx([nginx.json_log])
    agent.start()
    assert agent.settled(truth.lines)["committed"] == truth.sightings
    assert store.rows() == truth.clients
    assert all(store.rows()[client][1] == created for client, (_, created) in before.items())


def test_what_was_read_before_sigterm_is_in_the_table_after_it(nginx, store, agents):
    """With a flush interval of an hour only the stop itself can have committed."""
    agent = agents(nginx.json_log, store.store(), flush={"interval": "1h"}).start()
    for number in range(20):
        post_json(nginx.port, f"A{number}")
    wait_until(lambda: agent.input()["pending"] == 20)
    assert agent.stop() == 0
    truth = truth_of_nginx([nginx.json_log])
    assert store.rows() == {c: t for c, t in truth.clients.items() if c.startswith("A")}
