"""Sessions with something in them to connect to, and tunnels there."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email import message_from_bytes
from pathlib import Path
from urllib.parse import urlencode

import pytest
from attrs import evolve, frozen
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DEADLINE = 60
RELAY = Path(__file__).with_name("relay.py")

SERVE = """
import socket, struct, threading, time
gate = threading.Event()
def serve(connection):
    with connection:
{body}
def accept(listener):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
listener = socket.create_server(("{host}", {port}), backlog=300)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
"""


@frozen
class Tunnels:
    """Opens websockets to services of sessions, and reads them."""

    client: object

    def open(
        self,
        session: str,
        app: object,
        kind: str = "tcpproxy",
        query: dict | None = None,
        **options,
    ) -> ClientConnection:
        """Connect; what in the query is no text becomes JSON."""
        texts = {"app": str(app), **(query or {})}
        for name, value in texts.items():
            texts[name] = value if isinstance(value, str) else json.dumps(value)
        path = f"/stream/session/{session}/{kind}?{urlencode(texts)}"
        headers = self.client.headers("GET", path)
        options = {"max_size": None, "compression": None, **options}
        url = f"ws{self.client.endpoint[4:]}{path}"
        return connect(url, additional_headers=headers, **options)

    @staticmethod
    def everything(tunnel: ClientConnection) -> tuple[bytes, int]:
        """Read until the other side closes; returns the bytes and the code."""
        pieces = []
        try:
            while True:
                pieces.append(tunnel.recv(DEADLINE))
        except ConnectionClosed as closed:
            return b"".join(pieces), closed.rcvd.code


@pytest.fixture
def tunnels(client) -> Tunnels:
    return Tunnels(client)


@pytest.fixture
def local(tunnels) -> Iterator[Callable[..., str]]:
    """Have a service at a port of ours, as programs that know nothing of tunnels want it."""
    with ExitStack() as stack:

        def local(session: str, app: str, **query) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            start(accept, listener, session, app, query)
            return "127.0.0.1:{}".format(*listener.getsockname()[1:])

        def accept(listener, session, app, query) -> None:
            with suppress(OSError):  # It ends by being shut down.
                while True:
                    start(relay, listener.accept()[0], session, app, query)

        def relay(connection, session, app, query) -> None:
            with connection, tunnels.open(session, app, query=query, open_timeout=60) as tunnel:
                start(upward, connection, tunnel)
                with suppress(OSError, ConnectionClosed):
                    while True:
                        connection.sendall(tunnel.recv())
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

        yield local


def start(target: Callable, *args: object) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


def upward(connection: socket.socket, tunnel: ClientConnection) -> None:
    with suppress(OSError, ConnectionClosed):
        while data := connection.recv(65536):
            tunnel.send(data)
        tunnel.close()


@pytest.fixture
def port() -> int:
    """Find a port that nobody has: sessions share the machine's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: int = listener.getsockname()[1]
    return found


@pytest.fixture
def session(client, request, port) -> Iterator[str]:
    """Have a session with a preopened port."""
    name = re.sub(r"\W+", "-", request.node.name[5:50]).strip("-")
    client.create(name, config={"preopen_ports": [port]})
    yield name
    client.ask("DELETE", f"/session/{name}", params={"forced": "true"})


@pytest.fixture
def serve(client, session, port) -> Callable[..., None]:
    """Have the session listen at its port, and do `lines` with each `connection`."""

    def serve(*lines: str, host: str = "127.0.0.1") -> None:
        body = "\n".join(f"        {line}" for line in lines)
        turns = client.run(session, SERVE.format(body=body, port=port, host=host))
        assert turns[-1]["exitCode"] == 0, client.console(turns, "stderr")

    return serve


@frozen
class Login:
    """OpenSSH's clients, each told to trust the host key that the API tells and nothing else."""

    folder: Path
    environ: dict[str, str]
    options: list[str]

    @classmethod
    def to(cls, client, session: str, folder: Path) -> "Login":
        """Make what it takes to log in to a session."""
        identity, known = folder / "id_container", folder / "known_hosts"
        identity.write_bytes(download(client, session, "id_container"))
        identity.chmod(0o600)
        known.write_text(f"here {cls.host_key(client, session)}\n")
        options = {
            "ProxyCommand": f"{sys.executable} {RELAY} {client.endpoint} {session} sshd",
            "UserKnownHostsFile": known,
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": identity,
            "BatchMode": "yes",
        }
        told = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        keys = {"ACCESS_KEY": client.access_key, "SECRET_KEY": client.secret_key}
        environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return cls(folder, {**environ, **keys, "HOME": str(folder)}, ["-F", "none", *told])

    @staticmethod
    def host_key(client, session: str) -> str:
        """Return the public key that the API tells of a session's server."""
        apps = client.ask("GET", f"/stream/session/{session}/apps").json()
        (sshd,) = [app for app in apps if app["name"] == "sshd"]
        assert (sshd["protocol"], sshd["ports"]) == ("tcp", [2200])
        found: str = sshd["host_key"]
        return found

    def with_key(self, name: str) -> "Login":
        """Make a new key, and log in with that one."""
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.folder / name])
        given, other = f"{self.folder}/id_container", f"{self.folder}/{name}"
        return evolve(self, options=[word.replace(given, other) for word in self.options])

    def run(self, program: str, *words: str, **settings) -> subprocess.CompletedProcess:
        """Run `ssh`, `scp` or `sftp`; the host is called `here`."""
        settings = {"capture_output": True, "timeout": DEADLINE, "text": True, **settings}
        return subprocess.run([program, *self.options, *words], env=self.environ, **settings)

    def ssh(self, *words: str, **settings) -> subprocess.CompletedProcess:
        """Run a command in the session, with further `options`."""
        return self.run("ssh", *settings.pop("options", ()), "work@here", *words, **settings)


def download(client, session: str, path: str) -> bytes:
    """Return a file of a session's home."""
    answer = client.ask("POST", f"/session/{session}/download", json={"files": [path]})
    head = f"Content-Type: {answer.headers['content-type']}\n\n".encode()
    part = message_from_bytes(head + answer.content).get_payload()[0].get_payload(decode=True)
    with tarfile.open(fileobj=io.BytesIO(part)) as archive:
        return archive.extractfile(path).read()


@pytest.fixture
def log_in(tmp_path) -> Callable[..., Login]:
    """Return the function that makes what it takes to log in: client, session."""
    return lambda client, session: Login.to(client, session, tmp_path)


@pytest.fixture
def login(log_in, client, session) -> Login:
    return log_in(client, session)
