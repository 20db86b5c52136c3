"""packaging/feed: the programs and one-liners as they stand there; sockets that systemd keeps."""
import os
import shutil
import socket
import subprocess
import time

import pytest

from agent import LASTSEEN, ROOT, command, environment
from feeds import datagram_socket, feed, ndjson, stream_socket
from servers import wait_until

EXAMPLES = f"{ROOT}/packaging/feed"
QUOTES = 'a "quoted" \\ id ñ'


@pytest.fixture
def app(agents):
    """An agent with the inputs of packaging/feed/lastseen.yaml."""
    agent = agents("/nowhere")
    agent.write(inputs=[
        feed("app", "unix_datagram", agent.directory),
        feed("logger", "unix_datagram", agent.directory,
             parser={"type": "ndjson", "syslog": True}),
        feed("stream", "unix_stream", agent.directory),
        feed("fifo", "fifo", agent.directory)])
    return agent.start()


def place(agent, name):
    return next(i["path"] for i in agent.settings["inputs"] if i["name"] == name)


def assert_seen(agent, client):
    last, _ = wait_until(lambda: agent.rows().get(client), what=f"a row of {client}")
    assert abs(last - time.time() * 1000) < 30_000


@pytest.mark.parametrize("example, program, input_name", [
    ("seen.sh", "bash", "fifo"), ("seen.sh", "socat", "app"), ("seen.py", "python3", "app"),
    ("seen.js", "node", "stream"), ("seen.go", "go", "app"), ("seen.php", "php", "app")])
def test_example_makes_a_row(app, example, program, input_name, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    command = [f"{EXAMPLES}/{example}"]
    if program == "go":
        command = ["go", "run", *command]
    subprocess.run([*command, place(app, input_name), QUOTES], check=True, timeout=60,
                   env=environment(GOCACHE=str(tmp_path), GOFLAGS="-mod=mod"))
    assert_seen(app, QUOTES)


@pytest.mark.parametrize("example, program", [
    ("seen.sh", "bash"), ("seen.py", "python3"), ("seen.js", "node"), ("seen.php", "php")])
def test_example_does_not_wait_for_an_agent_that_is_not_there(example, program, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    nowhere = tmp_path / "nobody"
    if example == "seen.sh":
        os.mkfifo(nowhere)
    subprocess.run([f"{EXAMPLES}/{example}", nowhere, "A"], check=True, timeout=5)


def one_liners():
    with open(f"{EXAMPLES}/README.md", encoding="utf-8") as file:
        block = file.read().split("```sh\n")[1].split("```")[0]
    return block.splitlines()


@pytest.mark.parametrize("line", one_liners())
def test_one_liner_of_the_readme_makes_a_row(app, line):
    if "socat" in line and not shutil.which("socat"):
        pytest.skip("socat is not installed")
    for name, path in (("app.fifo", "fifo"), ("app.sock", "app"), ("logger.sock", "logger")):
        line = line.replace(f"/run/lastseen/{name}", place(app, path))
    subprocess.run(["bash", "-c", line], check=True, timeout=10)
    assert_seen(app, "A")


def socket_of(agent, name):
    return os.path.join(agent.directory, f"{name}.sock")


class Keeper:
    """What systemd does: makes sockets, and passes them to each process anew."""

    def __init__(self, agent, *kinds):
        self.agent, self.sockets, self.names = agent, [], []
        for name, kind in kinds:
            made = socket.socket(socket.AF_UNIX, kind)
            made.bind(socket_of(agent, name))
            if kind == socket.SOCK_STREAM:
                made.listen(100)
            self.sockets.append(made)
            self.names.append(name)

    def start(self, **more):
        shell = "".join(f"exec {3 + i}<&{s.fileno() + 100}; " for i, s in enumerate(self.sockets))
        for made in self.sockets:
            os.dup2(made.fileno(), made.fileno() + 100)
        script = f'{shell}LISTEN_PID=$$ exec "$@"'
        self.agent.start(program=["bash", "-c", script, "bash", LASTSEEN],
                         pass_fds=[s.fileno() + 100 for s in self.sockets],
                         env=environment(LISTEN_FDS=str(len(self.sockets)),
                                         LISTEN_FDNAMES=":".join(self.names)), **more)
        for made in self.sockets:
            os.close(made.fileno() + 100)


def test_passed_sockets_lose_nothing_over_a_restart(agents):
    agent = agents("/nowhere")
    agent.write(inputs=[feed("a", "unix_datagram", agent.directory),
                        feed("b", "unix_stream", agent.directory)])
    keeper = Keeper(agent, ("a", socket.SOCK_DGRAM), ("b", socket.SOCK_STREAM))
    keeper.start()
    sender = datagram_socket(place(agent, "a"))
    sender.send(ndjson("one", 1_795_000_000_000))
    wait_until(lambda: "one" in agent.rows())
    assert agent.stop() == 0
    assert os.path.exists(place(agent, "a"))
    sender.send(ndjson("while nobody listens", 1_795_000_000_000))
    with stream_socket(place(agent, "b")) as writer:
        writer.sendall(ndjson("connected to nobody", 1_795_000_000_000) + b"\n")
    keeper.start()
    wait_until(lambda: set(agent.rows()) == {"one", "while nobody listens", "connected to nobody"})
    assert agent.stop() == 0


def named(agent, *inputs):
    """Inputs of passed datagram sockets: their names and those of their sockets."""
    return [{**feed(name, "unix_datagram", agent.directory), "path": socket_of(agent, at)}
            for name, at in inputs]


def test_passed_sockets_stay_with_their_paths_when_inputs_are_renamed(agents):
    agent = agents("/nowhere")
    agent.write(inputs=named(agent, ("c", "a")))
    keeper = Keeper(agent, ("a", socket.SOCK_DGRAM), ("c", socket.SOCK_DGRAM))
    keeper.start()
    sent = 0
    for inputs in ([("a", "a"), ("c", "c")], [("a", "c"), ("f", "a")], [("c", "a"), ("a", "c")]):
        agent.write(inputs=named(agent, *inputs))
        assert command("reload", "-s", agent.socket).returncode == 0
        for restart in (False, True):
            if restart:
                assert agent.stop() == 0
                keeper.start()
            for at in "ac":
                with datagram_socket(socket_of(agent, at)) as sender:
                    sender.send(ndjson(f"{at}-{sent}", 1_795_000_000_000))
            sent += 1
            wait_until(lambda: len(agent.rows()) == 2 * sent)  # pylint: disable=cell-var-from-loop
    assert agent.stop() == 0


def test_a_reload_that_a_start_would_give_other_passed_sockets_is_refused(agents):
    agent = agents("/nowhere")
    agent.write(inputs=named(agent, ("c", "spelled")))
    Keeper(agent, ("a", socket.SOCK_DGRAM), ("c", socket.SOCK_DGRAM)).start()
    agent.write(inputs=named(agent, ("a", "spelled")))
    reload = command("reload", "-s", agent.socket)
    assert reload.returncode == 2 and "restart instead" in reload.err
    assert agent.stop() == 0


def test_passed_control_socket_answers_who_asked_while_nobody_ran(agents):
    agent = agents("/nowhere")
    agent.write(inputs=[feed("a", "unix_datagram", agent.directory)])
    keeper = Keeper(agent, ("a", socket.SOCK_DGRAM), ("control", socket.SOCK_STREAM))
    keeper.start()
    assert agent.stop() == 0
    assert os.path.exists(agent.socket)  # it is systemd's
    with stream_socket(agent.socket) as asking:
        asking.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        keeper.start()
        asking.settimeout(10)
        assert asking.recv(100).startswith(b"HTTP/1.0 200 ")
    assert command("flush", "-s", agent.socket).returncode == 0
    assert "belongs to no input" not in agent.log()
    assert agent.stop() == 0


def test_passed_control_socket_of_another_kind_is_an_error(agents):
    agent = agents("/nowhere")
    agent.write(inputs=[feed("a", "unix_datagram", agent.directory)])
    Keeper(agent, ("a", socket.SOCK_DGRAM), ("control", socket.SOCK_DGRAM)).start(wait=False)
    assert agent.wait() == 1
    assert "its .socket unit should have ListenStream=" in agent.log()


def test_passed_socket_is_known_by_its_path_and_an_unknown_one_is_said(agents):
    agent = agents("/nowhere")
    agent.write(inputs=[feed("a", "unix_datagram", agent.directory)])
    keeper = Keeper(agent, ("a", socket.SOCK_DGRAM), ("other", socket.SOCK_DGRAM))
    keeper.names = ["lastseen.socket", "lastseen.socket"]
    keeper.start()
    datagram_socket(place(agent, "a")).send(ndjson("A", 1_795_000_000_000))
    wait_until(lambda: "A" in agent.rows())
    assert "belongs to no input" in agent.log() and "other.sock" in agent.log()
