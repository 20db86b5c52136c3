"""Thousands of logs, and fewer descriptors than logs."""
import os
import resource

from logs import json_line

START_MS = 1795305600000


def write_logs(directory, count, name):
    for number in range(count):
        with open(f"{directory}/site{number:05d}.log", "a", encoding="utf-8") as file:
            file.write(json_line(START_MS + number, f"{name}_{number}"))


def few_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_more_logs_than_descriptors_are_read_in_turns(store, agents, tmp_path):
    directory = str(tmp_path)
    write_logs(directory, 300, "A")
    agent = agents(f"{directory}/*.log", store.store())
    agent.start(preexec_fn=few_descriptors(200))
    agent.settled(300)
    write_logs(directory, 300, "B")
    agent.settled(600)
    entry = agent.input()
    assert len(entry["files"]) == 300
    assert "idle, closed" in {file["state"] for file in entry["files"]}
    assert agent.log().count("LimitNOFILE=") == 1
    assert len(os.listdir(f"/proc/{agent.process.pid}/fd")) < 100
    agent.kill()
    write_logs(directory, 300, "C")
    agent.start(preexec_fn=few_descriptors(200))
    agent.settled(900)
    assert len(store.rows()) == 900
    assert agent.stop() == 0


def test_thousands_of_logs_start_at_once(database, agents, tmp_path):
    directory = str(tmp_path)
    write_logs(directory, 4000, "A")
    agent = agents(f"{directory}/*.log", database.store())
    agent.start()
    agent.settled(4000, timeout=60)  # 1.2 s where the machine is free; it was a minute
    assert agent.log().count("LimitNOFILE=") == 0
    assert agent.stop() == 0
