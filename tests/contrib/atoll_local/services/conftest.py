"""Sessions with something in them to connect to, and tunnels there."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from attrs import frozen
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

DEADLINE = 15

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
