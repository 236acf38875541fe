"""The web server of Backend.AI in front of a cluster, with the Redis that it needs, on loopback."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CONFIGURATION = """
[service]
ip = "127.0.0.1"
port = {port}
mode = "webui"
[service.wsproxy]
url = ""
[resources]
[environments]
[plugin]
[ui]
brand = "tested"
[api]
domain = "default"
endpoint = "{endpoint}"
text = "tested"
[session]
[session.redis]
addr = "127.0.0.1:{redis}"
[webserver]
ipc-base-path = "{folder}"
[logging]
level = "INFO"
drivers = ["console"]
[logging.console]
colored = false
format = "simple"
[logging.pkg-ns]
"" = "WARNING"
"ai.backend" = "INFO"
[debug]
enabled = false
"""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def redis_server(make_program, folder: Path) -> Iterator[int]:
    """Run a Redis that keeps nothing; gives its port."""
    port = free_port()
    place = ["--dir", str(folder), "--save", "", "--appendonly", "no"]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), *place]
    with make_program(command, folder).started() as running:
        running.wait_for("Ready to accept connections")
        yield port


@contextmanager
def web_server(
    make_program, folder: Path, python: Path, endpoint: str, redis: int
) -> Iterator[str]:
    """Run a web server in front of a cluster's endpoint; gives its own."""
    port = free_port()
    configuration = folder / "webserver.conf"
    configuration.write_text(
        _CONFIGURATION.format(port=port, endpoint=endpoint, redis=redis, folder=folder)
    )
    command: Sequence[str] = [str(python), "-m", "ai.backend.web.server", "-f", str(configuration)]
    with make_program(command, folder).started() as running:
        running.wait_for("started.", "err")
        yield f"http://127.0.0.1:{port}"


def forget_login(redis: int, cookie: str) -> None:
    """Have the web server know a login no more, as when it has expired."""
    with socket.create_connection(("127.0.0.1", redis), timeout=10) as stream:
        stream.sendall(f"DEL AIOHTTP_SESSION_{cookie}\r\n".encode())
        assert stream.recv(16) == b":1\r\n"
