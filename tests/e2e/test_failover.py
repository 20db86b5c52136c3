"""The primary goes and a standby takes over, also one that lags. The data waits, readyz says why,
and what the standby lacks is read again or counted."""
import contextlib
import os
import time

from logs import Truth, Writer, backlog, json_line
from servers import PASSWORD, wait_until
from trouble import Standby

START = 1795305600000


@contextlib.contextmanager
def standby_of(primary):
    standby = Standby(primary)
    try:
        standby.start()
        standby.caught_up(primary)
        yield standby
    finally:
        standby.destroy()


def both(database, standby):
    return (f"postgresql://postgres:{PASSWORD}@127.0.0.1:{database.server.port},"
            f"127.0.0.1:{standby.port}/{database.name}")


def moved_to(database, standby):
    database.server = standby
    return database


def test_read_only_standby_alone_holds_until_it_is_promoted(own_database, agents, tmp_log):
    truth = backlog(tmp_log, 1000, 50, seed=1)
    with standby_of(own_database.server) as standby:
        primary, database = own_database.server, moved_to(own_database, standby)
        agent = agents(tmp_log, database.store()).start(wait=False)
        agent.waits_for("read-only", store="holding")
        assert agent.input()["lines_read"] == 0
        primary.stop("immediate")
        standby.promote()
        wait_until(agent.is_ready, 20)
        agent.assert_exact(database, truth)


def assert_exact_through(trouble, database, agents, tmp_log):
    """Whatever befalls an agent that knows both hosts, under load, the standby has it all then."""
    with standby_of(database.server) as standby:
        with Writer(tmp_log, rate=1000, clients=300) as writer:
            agent = agents(tmp_log, database.store(url=both(database, standby))).start()
            time.sleep(1)
            trouble(agent, database.server, standby)
            wait_until(agent.is_ready, 20)
            time.sleep(0.5)
            truth = writer.stop()
        agent.assert_exact(moved_to(database, standby), truth)
        assert agent.stop() == 0


def test_failover_to_the_other_host_of_the_url(own_database, agents, tmp_log):
    def primary_goes(agent, primary, standby):
        primary.stop("fast")  # sends what the standby lacks, then ends
        agent.waits_for()
        standby.promote()

    assert_exact_through(primary_goes, own_database, agents, tmp_log)


def test_failover_to_a_standby_that_lags_reads_again_what_it_lacks(own_database, agents, tmp_log):
    def standby_lags(agent, primary, standby):
        standby.caught_up(primary)
        standby.cut_off()
        behind = own_database.batch()
        wait_until(lambda: own_database.batch() > behind + 10)
        primary.stop("immediate")
        standby.promote()
        agent.says("the store is not where this agent left it", 20)

    assert_exact_through(standby_lags, own_database, agents, tmp_log)


def test_standby_that_lags_after_a_rotation_counts_what_is_gone(own_database, agents, tmp_log):
    """Lines that the standby lacks and no file holds any more are a counted loss."""
    with standby_of(own_database.server) as standby:
        primary = own_database.server
        agent = agents(tmp_log, own_database.store(url=both(own_database, standby))).start()
        standby.caught_up(primary)
        standby.cut_off()
        truth = backlog(tmp_log, 1000, 50, seed=1)
        agent.settled(1000)
        os.unlink(tmp_log)
        kept = Truth()
        with open(tmp_log, "w", encoding="utf-8") as file:
            for number in range(200):
                file.write(json_line(START + number, f"NEW_{number}"))
                kept.see(f"NEW_{number}", START + number)
        agent.settled(1200)
        primary.stop("immediate")
        standby.promote()
        agent.says("the store is not where this agent left it", 20)
        wait_until(agent.is_ready, 20)
        database = moved_to(own_database, standby)
        wait_until(lambda: kept.clients.items() <= database.rows().items(), 10)
        assert set(database.rows()) <= set(kept.clients) | set(truth.clients)
        agent.status()  # the equation holds
