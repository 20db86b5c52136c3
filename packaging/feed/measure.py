#!/usr/bin/env python3
"""How many of nginx's syslog datagrams arrive at lastseen, for each length of the kernel's queue.

    sudo packaging/feed/measure.py [--lastseen build/lastseen] [--rate 20000] [--seconds 10]
                                   [--queues 10,512]

Runs in a network namespace of its own, so net.unix.max_dgram_qlen changes for nobody else. Prints a
table: requests answered, datagrams that arrived, those that nginx says it dropped, and how many are
unaccounted for (which should be 0).
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 64; }}
http {{
  log_format lastseen escape=json '{{"msec":$msec,"request_uri":"$request_uri","status":$status,'
                                  '"user_agent":"$http_user_agent","body":"$request_body"}}';
  access_log syslog:server=unix:{directory}/feed.sock lastseen;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
  server {{ listen 127.0.0.1:8080; location / {{ return 204; }} }}
}}
"""


def status_of(directory):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(f"{directory}/control.sock")
        control.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: control.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])["inputs"][0]


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.02)
    sys.exit("measure.py: it did not start")


def send(rate, seconds):
    """Requests over 4 connections, some every millisecond; how many were answered."""
    connections = [socket.create_connection(("127.0.0.1", 8080)) for _ in range(4)]
    answered = [0] * len(connections)

    def read(index):
        while data := connections[index].recv(1 << 16):
            answered[index] += data.count(b"HTTP/1.1 204")

    readers = [threading.Thread(target=read, args=(i,)) for i in range(len(connections))]
    for reader in readers:
        reader.start()
    sent, began = 0, time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * rate) - sent
        if due > 0:
            lines = b"".join(
                b"GET /items?client_id=client-%d HTTP/1.1\r\nHost: x\r\nUser-Agent: measure\r\n\r\n"
                % ((sent + n) % 400) for n in range(due))
            connections[(sent // 64) % 4].sendall(lines)
            sent += due
        time.sleep(0.001)
    time.sleep(1)
    for connection in connections:
        connection.shutdown(socket.SHUT_RDWR)
    for reader in readers:
        reader.join()
    return sum(answered)


def measure(arguments, queue):
    with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="utf-8") as file:
        file.write(str(queue))
    directory = tempfile.mkdtemp(prefix="lastseen-measure-")
    config = {"agent_id": "measure", "state_dir": directory,
              "inputs": [{"name": "nginx", "type": "unix_datagram",
                          "path": f"{directory}/feed.sock",
                          "parser": {"type": "json", "syslog": True}}],
              "store": {"type": "sqlite", "path": f"{directory}/lastseen.db"},
              "control": {"socket": f"{directory}/control.sock"}}
    for name, text in (("lastseen.yaml", json.dumps(config)), ("nginx.conf", NGINX.format(
            directory=directory, user="user root root;"))):
        with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    agent = subprocess.Popen([arguments.lastseen, "run", "-c", f"{directory}/lastseen.yaml"],
                             stderr=subprocess.DEVNULL)
    until(lambda: status_of(directory))
    nginx = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-p", directory, "-c",
                              f"{directory}/nginx.conf", "-e", f"{directory}/error.log"])
    until(lambda: socket.create_connection(("127.0.0.1", 8080)).close() or True)
    try:
        answered = send(arguments.rate, arguments.seconds)
        time.sleep(0.5)
        arrived = status_of(directory)["lines_read"]
        with open(f"/proc/{agent.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        processor = 100 * ticks / os.sysconf("SC_CLK_TCK") / arguments.seconds
        with open(f"{directory}/error.log", encoding="utf-8") as file:
            dropped = sum("to syslog failed" in line for line in file)
        print(f"| {queue} | {answered / arguments.seconds:,.0f} | {answered:,} | {arrived:,} "
              f"| {dropped:,} | {answered - arrived - dropped:,} | {processor:.0f} % |", flush=True)
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait()
        agent.send_signal(signal.SIGTERM)
        agent.wait()
        shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lastseen", default="build/lastseen")
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--queues", default="10,512")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("measure.py: it needs root, for a network namespace of its own")
    if not arguments.inside:
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv, "--inside"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print("| max_dgram_qlen | requests/s | answered | arrived | dropped by nginx | unaccounted "
          "| agent's processor |\n|---|---|---|---|---|---|---|", flush=True)
    for queue in arguments.queues.split(","):
        measure(arguments, int(queue))


if __name__ == "__main__":
    main()
