"""The recipes of packaging/, started for real, and odd requests sent to them."""
import contextlib
import json
import re
import time

import pytest

from agent import ROOT, command
from logs import ms_of
from odd_requests import CASES, ids_of, send_all
from proxies import Apache, Caddy, Haproxy, apache_config, recipe
from servers import Nginx, wait_until


def parsed(config, name, log):
    done = command("parse", "-c", config, "-i", name, log)
    assert done.returncode == 0, done.err
    return [json.loads(line) for line in done.stdout.split(b"\n") if line]


def check(answers, proxy, bodies):
    found = [a["client_id"] for a in answers if a["client_id"] is not None]
    assert not [answer for answer in answers if "DECOY" in (answer["client_id"] or "")]
    wanted = ids_of(proxy, bodies)
    missing = [client for client in wanted if client not in found]
    too_many = [client for client in found if client not in wanted]
    assert (missing, too_many, len(found)) == ([], [], len(wanted))
    times = [ms_of(a["ts"]) for a in answers if a["ts"]]
    assert max(times) - min(times) < 60_000
    assert abs(time.time() * 1000 - max(times)) < 60_000


@contextlib.contextmanager
def started(proxy):
    try:
        yield proxy
    finally:
        proxy.destroy()


@pytest.mark.parametrize("proxy", ["nginx", "haproxy", "caddy", "apache", "envoy"])
def test_input_of_each_recipe_is_accepted(proxy):
    done = command("check", "-c", f"{ROOT}/packaging/{proxy}/lastseen.yaml")
    assert done.returncode == 0, done.err


def test_nginx(upstream, tmp_path):
    log = tmp_path / "activity.json.log"
    http = recipe("nginx/lastseen.conf")
    server = recipe("nginx/lastseen-server.conf",
                    texts={"/var/log/nginx/activity.json.log": str(log)})
    server += f"access_log {tmp_path}/activity.json.log.gz lastseen gzip=4 flush=100ms;"
    config = tmp_path / "lastseen.yaml"
    config.write_text(recipe("nginx/lastseen.yaml"))
    with started(Nginx(upstream, http, server)) as nginx:
        send_all(nginx.port)
        wait_until(lambda: log.read_text(errors="replace").count("\n") >= len(CASES) - 2)
    check(parsed(config, "nginx", log), "nginx", True)
    check(parsed(config, "nginx", f"{log}.gz"), "nginx", True)


CORPUS = f"{ROOT}/tests/corpus"
# Formats that keep all that was sent, and whether they hold the body.
NGINX_FORMATS = {"combined_custom": False, "combined_body": True, "json_escape": True,
                 "json_default": True, "logfmt": True, "ltsv": True}


def test_nginx_in_the_formats_of_the_corpus(upstream, tmp_path):
    with open(f"{CORPUS}/README.md", encoding="utf-8") as file:
        found = re.findall(r"^(log_format (\w+) .*?';)$", file.read(), re.M | re.S)
    formats = {name: text for text, name in found}
    http = "\n".join(formats[name] for name in NGINX_FORMATS if name != "json_escape")
    server = "client_body_buffer_size 16k;\n" + "\n".join(
        f"access_log {tmp_path}/{name}.log {name};" for name in NGINX_FORMATS)
    with started(Nginx(upstream, http, server)) as nginx:
        send_all(nginx.port)
        last = tmp_path / "ltsv.log"
        wait_until(lambda: last.read_text(errors="replace").count("\n") >= len(CASES) - 2)
        logs = {f"nginx-{name}": (tmp_path / f"{name}.log", bodies)
                for name, bodies in NGINX_FORMATS.items()}
        for name, (log, bodies) in {**logs, "nginx-combined": (nginx.combined_log, False)}.items():
            check(parsed(f"{CORPUS}/lastseen.yaml", name, log), "nginx", bodies)


def caddyfile_for(caddy, upstream, log, encoding="format json"):
    return "{\n admin off\n auto_https off\n}\n" + recipe("caddy/Caddyfile", texts={
        ":8080": f"http://:{caddy.port}", "/var/log/caddy/activity.json.log": str(log),
        "format json": encoding, "127.0.0.1:9000": f"127.0.0.1:{upstream.port}"})


def test_caddy(upstream, tmp_path):
    log = tmp_path / "activity.json.log"
    config = tmp_path / "lastseen.yaml"
    config.write_text(recipe("caddy/lastseen.yaml"))
    with started(Caddy(lambda caddy: caddyfile_for(caddy, upstream, log))) as caddy:
        send_all(caddy.port)
    check(parsed(config, "caddy", log), "caddy", False)


@pytest.mark.parametrize("name, encoding", [
    ("console", "format console"),
    ("json_rfc3339", "format json {\ntime_format rfc3339_nano\ntime_key time\n}"),
    *(("json_default", "format json {\ntime_format %s\n}" % form) for form in (
        "unix_milli_float", "unix_nano", "iso8601", "wall_milli", "common_log"))])
def test_caddy_in_the_formats_of_the_corpus(upstream, tmp_path, name, encoding):
    log = tmp_path / "access.log"
    with started(Caddy(lambda caddy: caddyfile_for(caddy, upstream, log, encoding))) as caddy:
        send_all(caddy.port)
    check(parsed(f"{CORPUS}/lastseen.yaml", f"caddy-{name}", log), "caddy", False)


def test_apache(upstream, tmp_path):
    log = tmp_path / "activity.log"
    config = tmp_path / "lastseen.yaml"
    config.write_text(recipe("apache/lastseen.yaml"))

    def httpd_conf(apache):
        lines = recipe("apache/lastseen.conf", texts={"/var/log/apache2/activity.log": str(log)})
        with open(f"{CORPUS}/README.md", encoding="utf-8") as file:
            lines += "\n".join(re.findall(r"^LogFormat .*combined$", file.read(), re.M))
        for name in ("combined", "vhost_combined"):
            lines += f"\nCustomLog {tmp_path}/{name}.log {name}"
        return apache_config(apache, upstream.port, lines)

    with started(Apache(httpd_conf)) as apache:
        send_all(apache.port)
    check(parsed(config, "apache", log), "apache", False)
    for name in ("combined", "vhost_combined"):
        answers = parsed(f"{CORPUS}/lastseen.yaml", f"apache-{name}", tmp_path / f"{name}.log")
        check(answers, "apache", False)


HAPROXY = """\
defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
backend app
  mode http
  server app 127.0.0.1:{upstream}
{frontend}
"""


def recipe_frontend(haproxy, socket_path):
    return recipe("haproxy/lastseen.cfg", texts={
        "bind :8080": f"bind 127.0.0.1:{haproxy.port}",
        "/run/lastseen/haproxy.sock": socket_path})


def test_haproxy_into_the_running_agent(upstream, agents, tmp_path):
    """HAProxy drops what does not fit into the socket's queue, so each line is waited for."""
    socket_path = str(tmp_path / "haproxy.sock")
    agent = agents("unused", inputs=[{
        "name": "haproxy", "type": "unix_datagram", "path": socket_path, "parser": {
            "type": "json", "uri": "uri_b64", "body": "body_b64",
            "base64": ["uri_b64", "body_b64"]}}])
    agent.start()
    with started(Haproxy(lambda haproxy: HAPROXY.format(
            upstream=upstream.port, frontend=recipe_frontend(haproxy, socket_path)))) as haproxy:
        for number, case in enumerate(CASES):
            wait_until(lambda: agent.input()["lines_read"] >= number, what=case.name)
            send_all(haproxy.port, [case])
        agent.get("/flush", "POST")
    assert set(agent.rows()) == set(ids_of("haproxy", True))
    agent.stop()


HTTPLOG = """\
frontend httplog
  bind 127.0.0.1:{port}
  mode http
  log stdout len 8192 format {format} local0 info
  option httplog
  {captures}
  default_backend app
"""
CAPTURES = """option http-buffer-request
  declare capture request len 8192
  http-request capture req.body id 0
  http-request capture req.hdr(X-Client-Id) len 64"""


@pytest.mark.parametrize("name, header, bodies", [
    ("httplog_rfc3164", "rfc3164", False), ("httplog_capture_rfc5424", "rfc5424", True)])
def test_haproxy_in_the_formats_of_the_corpus(upstream, name, header, bodies):
    def config(haproxy):
        return HAPROXY.format(upstream=upstream.port, frontend=HTTPLOG.format(
            port=haproxy.port, format=header, captures=CAPTURES if bodies else ""))

    with started(Haproxy(config)) as haproxy:
        send_all(haproxy.port)
        log = f"{haproxy.directory}/stderr"
        answers = parsed(f"{CORPUS}/lastseen.yaml", f"haproxy-{name}", log)
    check([a for a in answers if a["why"] != "malformed"], f"haproxy {name}", bodies)
