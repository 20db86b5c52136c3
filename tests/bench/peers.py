"""The other ways of doing it, each on the same log into the same table. Each is a fair small
implementation in peers/; what is not on the machine is left out by name."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import measure

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
RSYSLOG_SECONDS_MAX = 600


def missing(bench):
    """{peer: why it cannot run here}; installs what npm has to."""
    found = {}
    if not _rsyslogd() or not _rsyslog_writes_postgres():
        found["rsyslog"] = "apt-get install rsyslog rsyslog-pgsql"
    if not shutil.which("node"):
        found["Express buffer"] = "apt-get install nodejs npm"
    elif why := _install_express(bench):
        found["Express buffer"] = why
    return found


def python_script(database, log):
    return measure.run(["/usr/bin/python3", f"{HERE}/script.py", log.path, database.conninfo()])


def express_buffer(bench, database, log):
    conninfo = {"host": database.server.directory, "port": database.server.port,
                "database": database.database.name, "user": "postgres"}
    return measure.run(["node", f"{_express(bench)}/express.js", log.path, json.dumps(conninfo)])


def rsyslog(bench, database, log):
    """Runs until the last sighting is in the table; rsyslog itself never ends."""
    directory = os.path.join(bench.build, "rsyslog")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    with open(f"{HERE}/rsyslog.conf", encoding="utf-8") as file:
        text = file.read().format(directory=directory, log=log.path, conninfo=_url(database))
    config = os.path.join(directory, "rsyslog.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    start = time.monotonic()
    process = subprocess.Popen([_rsyslogd(), "-n", "-f", config, "-i", f"{directory}/pid"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _last_is_there(database, log.last_ms):
            if process.poll() is not None or time.monotonic() - start > RSYSLOG_SECONDS_MAX:
                raise RuntimeError("rsyslog does not write the log's last line to the table")
            time.sleep(0.1)
        wall, cpu = time.monotonic() - start, measure.cpu_seconds(process.pid)
        rss = measure.memory(process.pid)["Rss"]
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()
    return measure.Sample(wall, cpu, rss)


def _url(database):
    """ompgsql takes no blanks."""
    return (f"postgresql://postgres@/{database.database.name}?host={database.server.directory}"
            f"&port={database.server.port}")


def _last_is_there(database, last_ms):
    [(newest,)] = database.query(
        "SELECT round(extract(epoch FROM max(last_seen)) * 1000)::bigint FROM client_activity")
    return newest == last_ms


def _rsyslogd():
    return shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")


def _rsyslog_writes_postgres():
    return any(os.path.exists(f"{at}/rsyslog/ompgsql.so")
               for at in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"))


def _express(bench):
    return os.path.join(bench.build, "express")


def _install_express(bench):
    """npm's packages go below the build directory; why not, or None."""
    directory = _express(bench)
    os.makedirs(directory, exist_ok=True)
    for name in ("express.js", "middleware.js", "package.json"):
        shutil.copy(f"{HERE}/{name}", directory)
    if os.path.isdir(f"{directory}/node_modules/pg"):
        return None
    if not shutil.which("npm"):
        return "apt-get install npm"
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], check=False,
                          cwd=directory, capture_output=True)
    return None if done.returncode == 0 else "npm install: " + done.stderr.decode()[-200:]
