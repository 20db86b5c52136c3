"""The real servers that the tests put around the agent. Each test starts its own, on free ports and
in directories of its own, and stops only those: two runs can go on at once."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "s3cret-of-the-tests"  # must never appear in anything that lastseen prints


# How many times longer than usual something may take that is not measured: under a sanitizer.
PATIENCE = float(os.environ.get("LASTSEEN_E2E_PATIENCE", "1"))


def wait_until(predicate, timeout=30.0, what=None, pause=0.01):
    """Polls until predicate() is truthy and returns that; exceptions count as not yet."""
    deadline = time.monotonic() + timeout * PATIENCE
    last = None
    while True:
        try:
            last = predicate()
            if last:
                return last
        except (OSError, psycopg2.Error) as error:
            last = error
        if time.monotonic() > deadline:
            name = what or getattr(predicate, "__name__", "condition")
            raise AssertionError(f"not within {timeout} s: {name} (last: {last!r})")
        time.sleep(pause)


def scratch(prefix):
    """A new directory for a server's data: in memory where there is room, since deleting a cluster
    takes seconds on a disk that is told of each freed block."""
    memory = "/dev/shm"
    roomy = False
    with contextlib.suppress(OSError):
        room = os.statvfs(memory)
        roomy = room.f_bavail * room.f_frsize > 2 << 30 and os.access(memory, os.W_OK | os.X_OK)
    return tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else "/tmp")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_root():
    return os.geteuid() == 0


def stat_of(pid):
    """The fields of /proc/pid/stat from the third, the state of the process, on."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def cpu_ticks_of(pid):
    """What the process has used, in user mode and in the kernel, in ticks of the clock."""
    fields = stat_of(pid)
    return int(fields[11]) + int(fields[12])


def run_logrotate(directory, text):
    """Rotates now what the configuration names; it and logrotate's state are kept in directory."""
    config = os.path.join(directory, "logrotate.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(config, 0o644)
    subprocess.run([shutil.which("logrotate") or "/usr/sbin/logrotate", "-f", "-s",
                    os.path.join(directory, "logrotate.state"), config],
                   check=True, capture_output=True)


def children_of(pid):
    """Process ids whose parent is pid."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            child = int(path.split("/")[2])
            if int(stat_of(child)[1]) == pid:
                found.append(child)
    return found


class Postgres:
    """A cluster of its own, reached over TCP with a password and over its Unix socket without."""

    def __init__(self, template=None, directory=None):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.directory = directory or scratch("ls-pg-")
        self.data = os.path.join(self.directory, "data")
        self.port = None
        self.databases = 0
        if is_root():
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        if template:
            self._run("cp", "-a", template.data, self.data)
        else:
            self._initdb()

    def _run(self, *command, check=True):
        prefix = ["runuser", "-u", "postgres", "--"] if is_root() else []
        return subprocess.run([*prefix, *command], check=check, cwd=self.directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)

    def _initdb(self):
        secret = os.path.join(self.directory, "secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write(PASSWORD)
        os.chmod(secret, 0o644)
        self._run(f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "--no-sync",
                  "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}",
                  "--locale=C", "-E", "UTF8")

    def start(self, durable=False, more=""):
        """On the port of the last time, so that a started-again server is found. `more`: options
        that win over these."""
        for _ in range(5):
            port = self.port or free_port()
            options = (f"-p {port} -k {self.directory} -c listen_addresses=127.0.0.1 "
                       f"-c fsync={'on' if durable else 'off'} -c max_connections=40 "
                       f"-c shared_buffers=32MB -c log_min_messages=fatal {more}")
            done = self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-t", "30",
                             "-l", f"{self.directory}/log", "-o", options, "start", check=False)
            if done.returncode == 0:
                self.port = port
                return self
            if self.port:
                break
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as file:
            raise RuntimeError("PostgreSQL did not start: " + file.read()[-2000:])

    def stop(self, mode="fast"):
        self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-m", mode, "stop", check=False)

    def kill(self):
        """As the kernel does when memory is short: every process, without a word."""
        pids = self._pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))

    def destroy(self):
        self.resume()
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def _pids(self):
        with contextlib.suppress(OSError, ValueError):
            with open(f"{self.data}/postmaster.pid", encoding="utf-8") as file:
                pid = int(file.readline())
            return [pid, *children_of(pid)]
        return []

    def freeze(self):
        """Every process stands still: connections stay open and nobody answers."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def connect(self, database="postgres", user="postgres"):
        connection = psycopg2.connect(host=self.directory, port=self.port, dbname=database,
                                      user=user)
        connection.autocommit = True
        return connection

    def create_database(self):
        self.databases += 1
        name = f"t{self.databases}"
        with contextlib.closing(self.connect()) as connection:
            connection.cursor().execute(f"CREATE DATABASE {name}")
        return Database(self, name)


class Database:
    """One database of a cluster, with what tests ask of it."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def url(self, user="postgres", password=PASSWORD):
        return f"postgresql://{user}:{password}@127.0.0.1:{self.server.port}/{self.name}"

    def store(self, **more):
        return {"type": "postgres", "url": self.url(), **more}

    def query(self, sql, *values):
        with contextlib.closing(self.server.connect(self.name)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else None

    def rows(self, table="client_activity"):
        """{client_id: (last_seen ms, created_at ms)}"""
        return {client: (last, created) for client, last, created in self.query(
            "SELECT client_id, round(extract(epoch FROM last_seen) * 1000)::bigint,"
            f" round(extract(epoch FROM created_at) * 1000)::bigint FROM {table}")}

    def freeze_backend(self, besides=()):
        """The pid of the agent's backend, other than those, stopped while it waits for the agent.

        One that is at work goes on: what it has locked, inside the server too, nobody else gets.
        """
        def frozen():
            [(pid,)] = self.query(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'lastseen'"
                " AND datname = current_database() AND NOT pid = ANY (%s::int[])", list(besides))
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: stat_of(pid)[0] == "T")
            if self.query("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'idle'"
                          " AND wait_event = 'ClientRead'", pid):
                return pid
            os.kill(pid, signal.SIGCONT)
            return None
        return wait_until(frozen)

    def batch(self, agent_id="e2e"):
        found = self.query("SELECT batch FROM lastseen_agent WHERE agent_id = %s", agent_id)
        return found[0][0] if found else 0


class Upstream:
    """The application behind nginx: answers every request with a small JSON object."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, f"{HERE}/upstream.py", str(self.port)])
        wait_until(self._answers, what="upstream listens")

    def _answers(self):
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def destroy(self):
        self.process.terminate()
        self.process.wait()


NGINX = """\
daemon off;
{user}
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 512; }}
http {{
  log_format json_escape escape=json
    '{{"time":"$time_iso8601","msec":$msec,"remote_addr":"$remote_addr",'
    '"method":"$request_method","request":"$request","request_uri":"$request_uri","uri":"$uri",'
    '"args":"$args","status":$status,"bytes":$body_bytes_sent,"request_time":$request_time,'
    '"host":"$host","referer":"$http_referer","user_agent":"$http_user_agent",'
    '"x_client_id":"$http_x_client_id","cookie_client_id":"$cookie_client_id",'
    '"content_type":"$content_type","content_length":"$content_length",'
    '"request_body":"$request_body"}}';
  {http}
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    {server}
    access_log {directory}/json.log json_escape;
    access_log {directory}/combined.log combined;
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


class Nginx:
    """A real nginx in front of an Upstream, writing json.log and combined.log. `http` and
    `server` are put into those blocks."""

    def __init__(self, upstream, http="", server="client_body_buffer_size 16k;"):
        self.directory = tempfile.mkdtemp(prefix="ls-nginx-", dir="/tmp")
        self.port = free_port()
        self.json_log = os.path.join(self.directory, "json.log")
        self.combined_log = os.path.join(self.directory, "combined.log")
        config = os.path.join(self.directory, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            # As root the workers stay root: they write below a directory of root's alone.
            file.write(NGINX.format(user="user root root;" if is_root() else "", port=self.port,
                                    directory=self.directory, upstream=upstream.port,
                                    http=http, server=server))
        self.process = subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.directory, "-c", config,
             "-e", f"{self.directory}/error.log"], stderr=subprocess.DEVNULL)
        wait_until(self._answers, what="nginx listens")

    def _answers(self):
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def reopen(self):
        self.process.send_signal(signal.SIGUSR1)

    def destroy(self):
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
