"""A Debian 12 of its own with a real systemd, in a container that systemd-nspawn boots. It shares
the network of this machine, so its servers take ports that are free."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from servers import wait_until

MIRROR = os.environ.get("LASTSEEN_E2E_MIRROR", "http://deb.debian.org/debian")
# Not lastseen's affair, and long: what a fresh Debian is made of is kept here between runs.
CACHE = os.environ.get("LASTSEEN_E2E_DEBIAN", "/var/tmp/lastseen-e2e-bookworm")
PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,logrotate"


def debian():
    """A directory with a minimal Debian 12 that nothing else was done to."""
    if not os.path.exists(f"{CACHE}/etc/debian_version"):
        making = f"{CACHE}.new"
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm",
                        making, MIRROR], check=True, stdout=subprocess.DEVNULL)
        os.rename(making, CACHE)
    return CACHE


class Machine:
    def __init__(self):
        self.init = 0
        self.root = tempfile.mkdtemp(prefix="ls-machine-", dir="/var/tmp")
        subprocess.run(["cp", "-a", "--reflink=auto", f"{debian()}/.", self.root], check=True)
        self.log = tempfile.TemporaryFile()
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-D", self.root, "--boot", "--register=no", "--keep-unit",
             "--quiet"], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        try:
            self.init = wait_until(self._child, 20, what="an init in the container")
            wait_until(lambda: self.run("systemctl is-system-running", check=False).stdout.strip()
                       in ("running", "degraded"), 60, what="the container has booted", pause=0.5)
        except BaseException:
            self.destroy()
            raise

    def _child(self):
        with open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        for child in children:  # one that only prepares the container comes first
            with open(f"/proc/{child}/comm", encoding="utf-8") as file:
                if file.read().strip() == "systemd":
                    return int(child)
        return None

    def run(self, script, check=True, timeout=300):
        """In a shell inside, as root."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C",
             "sh", "-ec", f"cd /; {script}"],
            capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def out(self, script):
        return self.run(script).stdout.strip()

    def install(self, *packages):
        self.run("apt-get install -qy --no-install-recommends -o Dpkg::Use-Pty=0 "
                 + " ".join(packages), timeout=600)

    def write(self, path, text):
        inside = self.root + path
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        with open(inside, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(self.root + path, encoding="utf-8") as file:
            return file.read()

    def unit(self, *properties, name="lastseen"):
        """Of a service: {property: value}"""
        text = self.out(f"systemctl show {name} " + " ".join(f"-p {p}" for p in properties))
        return dict(line.split("=", 1) for line in text.splitlines())

    def status(self):
        return json.loads(self.out("lastseen status --json"))

    def destroy(self):
        self.nspawn.send_signal(signal.SIGTERM)
        try:
            self.nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()  # and with it its whole namespace of processes
            self.nspawn.wait(10)
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
