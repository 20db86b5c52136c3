"""400 clients at 10,000 requests a second: what batching saves the database."""
import time

import pytest

from logs import Writer

RATE, CLIENTS = 10_000, 400


def replay(agent, seconds, tmp_log):
    with Writer(tmp_log, RATE, CLIENTS) as writer:
        agent.start()
        time.sleep(seconds)
        truth = writer.stop()
    agent.settled(truth.lines)
    assert truth.lines >= 0.8 * RATE * seconds, "the machine could not write that fast"
    return truth


@pytest.mark.parametrize("interval, seconds, rows_saved, statements_saved", [
    ("1s", 10, 20, 4000),  # the default: 400 clients in each flush
    ("6s", 11, 100, 4000),
])
def test_batching_spares_the_database(database, agents, tmp_log, interval, seconds, rows_saved,
                                      statements_saved):
    """What is saved grows with the rate: a writer that falls behind leaves as much less to save."""
    agent = agents(tmp_log, database.store(), flush={"interval": interval})
    before = database.batch()
    started = time.monotonic()
    truth = replay(agent, seconds, tmp_log)
    elapsed = time.monotonic() - started
    reached = truth.lines / (RATE * seconds)
    rows_saved, statements_saved = rows_saved * reached, statements_saved * reached
    status = agent.status()
    commits = database.batch() - before
    assert commits <= 2 * elapsed, f"{commits} commits in {elapsed:.1f} s"
    assert truth.sightings / commits >= statements_saved
    committed, rows = status["inputs"][0]["committed"], status["store"]["rows"]
    assert committed == truth.sightings
    assert committed / rows >= rows_saved, (committed, rows)
    assert database.rows() == truth.clients
    assert agent.stop() == 0
    # The same as PostgreSQL itself counts it.
    time.sleep(0.2)
    [(written,)] = database.query("SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables"
                                  " WHERE relname = 'client_activity'")
    assert truth.sightings / written >= rows_saved, (truth.sightings, written)
