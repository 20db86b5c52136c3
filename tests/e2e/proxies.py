"""HAProxy, Caddy and Apache, as the recipes in packaging/ set them up. nginx is in servers.py."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from servers import free_port, is_root, wait_until

RECIPES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "packaging")


def recipe(name, **replaced):
    """A file below packaging/, with texts replaced; each must be there."""
    with open(f"{RECIPES}/{name}", encoding="utf-8") as file:
        text = file.read()
    for old, new in replaced.pop("texts", {}).items():
        assert old in text, f"{name}: {old}"
        text = text.replace(old, new)
    return text


class Proxy:
    """A process with one configuration file, in a directory of its own."""
    stop_signal = signal.SIGTERM
    time_zone = "UTC"

    def __init__(self, make_config):
        self.directory = tempfile.mkdtemp(prefix="ls-proxy-", dir="/tmp")
        self.port = free_port()
        self.config = os.path.join(self.directory, "config")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(make_config(self))
        self.stderr = open(f"{self.directory}/stderr", "wb")
        self.process = subprocess.Popen(
            self.command(), stdout=self.stderr, stderr=self.stderr, cwd=self.directory,
            env={**os.environ, "HOME": self.directory, "TZ": self.time_zone})
        wait_until(self._answers, 10, what=f"{type(self).__name__} listens")

    def command(self):
        raise NotImplementedError

    def _answers(self):
        if self.process.poll() is not None:
            with open(f"{self.directory}/stderr", encoding="utf-8", errors="replace") as file:
                raise AssertionError(file.read())
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def destroy(self):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Haproxy(Proxy):
    def command(self):
        return [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", self.config]


class Caddy(Proxy):
    time_zone = "America/Lima"  # Caddy's times without an offset are UTC all the same

    def command(self):
        return [shutil.which("caddy") or "/usr/bin/caddy", "run", "--adapter", "caddyfile",
                "--config", self.config]


class Apache(Proxy):
    def command(self):
        return ["/usr/sbin/apache2", "-X", "-f", self.config]


APACHE = """\
ServerRoot {directory}
ServerName localhost
PidFile {directory}/pid
ErrorLog {directory}/error.log
DefaultRuntimeDir {directory}
Listen 127.0.0.1:{port}
{user}
{modules}
HttpProtocolOptions Unsafe
ProxyPass / http://127.0.0.1:{upstream}/
{log}
"""


def apache_config(proxy, upstream_port, log):
    modules = ("mpm_event", "authz_core", "authn_core", "proxy", "proxy_http")
    loads = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                      for name in modules)
    return APACHE.format(directory=proxy.directory, port=proxy.port, modules=loads,
                         upstream=upstream_port, log=log,
                         user="User www-data\nGroup www-data" if is_root() else "")
