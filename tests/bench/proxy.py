"""What a request through nginx costs with the agent beside it and without: wrk at half of what
nginx can do here, on the same machine."""
import json
import os
import shutil
import socket
import subprocess
import tempfile

import measure
from bench import Database
from live import Running
from servers import free_port, is_root, wait_until
from table import Row

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 64
NOISE_MAX = 0.5  # between runs of one side, beyond which a comparison tells nothing
NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 512; }}
http {{
  log_format activity escape=json '{{"msec":$msec,"request_uri":"$request_uri",'
                                  '"status":$status,"request_body":"$request_body"}}';
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
  upstream app {{ server unix:{directory}/app.sock; keepalive 64; }}
  server {{
    listen unix:{directory}/app.sock;
    access_log off;
    return 200 "{{}}";
  }}
  server {{
    listen 127.0.0.1:{port};
    client_body_buffer_size 16k;
    access_log {directory}/json.log activity;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


def rows(bench):
    what = "nginx at half of its capacity, latency"
    if not shutil.which("wrk"):
        yield Row(what, "left out (apt-get install wrk)", 0, "")
        return
    with tempfile.TemporaryDirectory(prefix="ls-bench-nginx-", dir="/tmp") as directory, \
            Database(bench) as database:
        port = free_port()
        config = os.path.join(directory, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(directory=directory, port=port,
                                    user="user root root;" if is_root() else ""))
        nginx = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", directory, "-c", config, "-e",
                 f"{directory}/error.log"]
        with measure.background(nginx):
            wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None,
                   what="nginx answers")
            yield from _compare(bench, database.fresh(), what, port, f"{directory}/json.log")


def _compare(bench, database, what, port, log):
    seconds = 2 if bench.quick else 5
    full = _wrk(port, seconds, 0)
    capacity = full["requests"] / full["seconds"]
    # Each connection waits so long that all of them together ask for half.
    delay_ms = max(1, round(CONNECTIONS / (capacity / 2) * 1000))

    def with_agent():
        with Running(bench, log, database, flush={"interval": "1s"}):
            return _sample(_wrk(port, seconds, delay_ms))

    samples = measure.interleaved(
        {"without": lambda: _sample(_wrk(port, seconds, delay_ms)), "with": with_agent},
        bench.rounds)
    rate = measure.median([sample.more["rate"] for sample in samples["without"]])
    for name in ("p50", "p99"):
        values = {side: [sample.more[name] for sample in runs] for side, runs in samples.items()}
        medians = {side: measure.median(found) for side, found in values.items()}
        yield Row(f"{what}, {name} ({rate:,.0f} of {capacity:,.0f} requests/s)", "without",
                  medians["without"], "µs", measure.spread(values["without"]))
        ratio = medians["with"] / medians["without"]
        # Within what the same side differs from itself; where that is much, nothing is said.
        noise = measure.spread(values["without"])
        met = ratio - 1 <= noise if noise <= NOISE_MAX else None
        target = "no measurable difference" + ("" if noise <= NOISE_MAX else " (too noisy to tell)")
        yield Row(f"{what}, {name} ({rate:,.0f} of {capacity:,.0f} requests/s)", "with lastseen",
                  medians["with"], "µs", measure.spread(values["with"]), ratio,
                  target, met)


def _sample(found):
    return measure.Sample(found["seconds"], 0, more={"rate": found["requests"] / found["seconds"],
                                                     "p50": found["p50"], "p99": found["p99"]})


def _wrk(port, seconds, delay_ms):
    run = subprocess.run(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s",
                          f"{HERE}/delay.lua", f"http://127.0.0.1:{port}/", "--", str(delay_ms)],
                         check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout.decode().splitlines()[-1])
