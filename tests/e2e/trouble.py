"""What stands between the agent and its database when there is trouble: a standby, a pooler, a
proxy that goes silent, certificates."""
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time

from servers import Postgres, free_port, is_root, scratch, wait_until


def configure(server, **settings):
    """Before its start; what start() itself sets wins."""
    with open(f"{server.data}/postgresql.auto.conf", "a", encoding="utf-8") as file:
        for name, value in settings.items():
            file.write(f"{name} = '{value}'\n")


class Standby(Postgres):
    """A copy of a running primary that follows it."""

    def __init__(self, primary):  # pylint: disable=super-init-not-called
        self.bin, self.port, self.databases = primary.bin, None, primary.databases
        self.directory = scratch("ls-pg-")
        self.data = os.path.join(self.directory, "data")
        if is_root():
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        self._run(f"{self.bin}/pg_basebackup", "-D", self.data, "-h", primary.directory, "-p",
                  str(primary.port), "-U", "postgres", "-R", "-X", "stream", "-c", "fast",
                  "--no-sync")

    def query(self, sql):
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None

    def caught_up(self, primary):
        with contextlib.closing(primary.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_current_wal_lsn()")
            position = cursor.fetchone()[0]
        wait_until(lambda: self.query(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"), 20)

    def cut_off(self):
        """From now on it falls behind."""
        self.query("ALTER SYSTEM SET primary_conninfo = ''")
        self.query("SELECT pg_reload_conf()")
        wait_until(lambda: self.query("SELECT count(*) FROM pg_stat_wal_receiver") == 0, 20)

    def promote(self):
        assert self.query("SELECT pg_promote()")


class Pooler:
    """pgbouncer in transaction mode, few connections for many agents."""

    def __init__(self, server, databases, pool_size=2):
        self.directory = scratch("ls-pgb-")
        self.port = free_port()
        self.process = None
        self.config = f"{self.directory}/pgbouncer.ini"
        listed = "\n".join(f"{name} = host={server.directory} port={server.port} user=postgres"
                           for name in databases)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""[databases]
{listed}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
server_login_retry = 1
logfile = {self.directory}/log
""")
        os.chmod(self.directory, 0o755)
        if is_root():
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)

    def start(self):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        as_user = ["-u", "postgres"] if is_root() else []
        self.process = subprocess.Popen([program, "-q", *as_user, self.config],
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)
        return self

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def destroy(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class SilentProxy:
    """Forwards TCP to a server until silence(): then everything stays open and nothing moves."""

    def __init__(self, port):
        self.target = port
        self.silent = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(client)
            if self.silent:
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets.append(server)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source, sink):
        """A connection that was silenced once stays silent."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.silent:
                    return
                if not self._passes(data, source):
                    sink.shutdown(socket.SHUT_RDWR)
                    break
                sink.sendall(data)
            sink.close()

    def _passes(self, data, source):  # pylint: disable=unused-argument
        return True

    def store_of(self, database, **more):
        """The same, reached through here."""
        url = database.url().replace(str(database.server.port), str(self.port))
        return database.store(url=url, **more)

    def silence(self):
        self.silent = True

    def resume(self):
        self.silent = False

    def close(self):
        for each in [self.listener, *self.sockets]:
            each.close()


class HangingProxy(SilentProxy):
    """After hang() each new connection goes silent when it asks for a table of the agent."""

    def __init__(self, port):
        self.before, self.hangs = None, threading.Event()
        super().__init__(port)

    def hang(self):
        self.before = set(self.sockets)

    def _passes(self, data, source):
        if self.before is None or source in self.before:
            return True
        if b"lastseen_agent" in data:
            self.hangs.set()
        if self.hangs.is_set():  # both ways: the server's own timeouts do not get through either
            threading.Event().wait()
        return True


class SlowProxy(SilentProxy):
    """What passes takes 15 ms each way, as from far away."""

    def _passes(self, data, source):
        time.sleep(0.015)
        return True


class ForgetfulProxy(SilentProxy):
    """Loses the answer to the first commit, which is done, and the connection with it."""

    lost = False

    def _passes(self, data, source):
        answers = source.getpeername()[1] == self.target and b"COMMIT\0" in data
        if not answers or self.lost:
            return True
        self.lost = True
        return False


def certificates(directory, server):
    """A certificate authority and a server certificate for `localhost`; the server gets both.
    Returns the authority's certificate, and another authority's."""
    def run(*args):
        subprocess.run(["openssl", *args], check=True, cwd=directory, capture_output=True)
    for name in ("ca", "other"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.crt")
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key",
        "-out", "server.csr")
    with open(f"{directory}/san", "w", encoding="utf-8") as file:
        file.write("subjectAltName=DNS:localhost\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
        "-CAcreateserial", "-extfile", "san", "-out", "server.crt")
    for name, mode in (("server.crt", 0o644), ("server.key", 0o600)):
        copy = os.path.join(server.data, name)
        shutil.copy(f"{directory}/{name}", copy)
        os.chmod(copy, mode)
        if is_root():
            user = pwd.getpwnam("postgres")
            os.chown(copy, user.pw_uid, user.pw_gid)
    configure(server, ssl="on", ssl_cert_file="server.crt", ssl_key_file="server.key")
    return f"{directory}/ca.crt", f"{directory}/other.crt"
