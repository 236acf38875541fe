"""Bytes between a client and a program that listens on a preopened port of a session."""

import hashlib
import json
import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

DEADLINE = 60
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("kind", ["tcpproxy", "httpproxy"])
def test_bytes_go_both_ways(serve, session, port, tunnels, kind):
    serve("connection.sendall(connection.recv(100).upper())")
    with tunnels.open(session, port, kind) as tunnel:
        tunnel.send("text is no bytes")
        tunnel.send(b"hello \x00\xff")
        assert tunnels.everything(tunnel) == (b"HELLO \x00\xff", 1001)


def test_the_end_of_input_is_passed_on_and_answered(serve, session, port, tunnels):
    serve(
        "import hashlib",
        "sum = hashlib.sha256()",
        "while data := connection.recv(65536): sum.update(data)",
        "connection.sendall(sum.digest())",
    )
    data = os.urandom(5 * MEGABYTE)
    with tunnels.open(session, port) as tunnel:
        for start in range(0, len(data), 100_000):
            tunnel.send(data[start : start + 100_000])
        tunnel.send(b"")
        assert tunnels.everything(tunnel) == (hashlib.sha256(data).digest(), 1001)


def test_all_that_was_sent_before_the_end_arrives(serve, session, port, tunnels):
    serve("connection.sendall(bytes(range(256)) * 40_000)")
    with tunnels.open(session, port) as tunnel:
        assert tunnels.everything(tunnel) == (bytes(range(256)) * 40_000, 1001)


@pytest.mark.parametrize(
    "asked", [{"subprotocols": ["half-close.atoll"]}, {"query": {"half_close": "true"}}]
)
def test_a_service_may_end_its_half_first(serve, session, port, tunnels, client, asked):
    """To clients that ask for it, by a subprotocol or, through web servers, by the query."""
    serve(
        "connection.sendall(b'that is all')",
        "connection.shutdown(socket.SHUT_WR)",
        "global heard; heard = b''.join(iter(lambda: connection.recv(1000), b''))",
    )
    with tunnels.open(session, port, **asked) as tunnel:
        assert tunnel.recv(DEADLINE) == b"that is all"
        assert tunnel.recv(DEADLINE) == b""
        tunnel.send(b"and this is mine")
        tunnel.send(b"")
        assert tunnels.everything(tunnel) == (b"", 1001)
    assert "and this is mine" in client.console(client.run(session, "print(heard)"))


def test_an_aborted_connection_differs_from_one_that_ends(serve, session, port, tunnels):
    serve(
        "connection.recv(100)",
        "connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))",
    )
    with tunnels.open(session, port) as tunnel:
        tunnel.send(b"x")
        assert tunnels.everything(tunnel) == (b"", 1011)


def test_without_a_listener_the_client_may_try_later(session, port, tunnels, serve):
    with tunnels.open(session, port) as tunnel:
        assert tunnels.everything(tunnel) == (b"", 1013)
    serve("connection.sendall(b'now')")
    with tunnels.open(session, port) as tunnel:
        assert tunnels.everything(tunnel) == (b"now", 1001)


def test_ports_of_others_are_not_the_sessions(session, port, tunnels):
    with socket.create_server(("127.0.0.1", port)), tunnels.open(session, port) as tunnel:
        assert tunnels.everything(tunnel) == (b"", 1013)


@pytest.mark.parametrize("host", ["", "127.0.0.7"])
def test_a_program_may_listen_at_any_address(serve, session, port, tunnels, host):
    serve("connection.sendall(b'here')", host=host)
    with tunnels.open(session, port) as tunnel:
        assert tunnels.everything(tunnel) == (b"here", 1001)


def test_a_client_that_does_not_read_gets_no_more_data(
    serve, session, port, tunnels, client, shared
):
    serve(
        "global sent; sent = 0",
        "for _ in range(800): connection.sendall(bytes(500_000)); sent += 500_000",
    )
    with tunnels.open(session, port, max_queue=1) as tunnel:
        first = tunnel.recv(DEADLINE)
        # It stands still when what is between is full. How much fits there is the system's own
        # choice, tens of megabytes for some: it grows a socket's buffers as they are used.
        counts = [-1, 0]
        while counts[-1] != counts[-2]:
            told = client.console(client.run(session, "time.sleep(0.2); print(sent)"))
            counts.append(int(told.split()[-1]))
        assert counts[-1] < 200_000_000
        rest, code = tunnels.everything(tunnel)
        assert (len(first) + len(rest), code) == (400_000_000, 1001)


def test_pings_are_answered_between_the_frames(serve, session, port, tunnels):
    serve("connection.sendall(bytes(range(256)) * 80_000)")
    with tunnels.open(session, port, max_queue=1) as tunnel:
        first = tunnel.recv(DEADLINE)
        answers = [tunnel.ping() for _ in range(5)]
        rest, code = tunnels.everything(tunnel)
        assert (first + rest, code) == (bytes(range(256)) * 80_000, 1001)
    assert all(answer.wait(DEADLINE) for answer in answers)


def test_a_service_that_does_not_read_gets_no_more_data(serve, session, port, tunnels):
    serve(
        "gate.wait()", "while data := connection.recv(1 << 20): pass", "connection.sendall(b'read')"
    )
    sent = 0

    def send(tunnel):
        nonlocal sent
        for _ in range(100):
            tunnel.send(bytes(MEGABYTE))
            sent += MEGABYTE
        tunnel.send(b"")

    with tunnels.open(session, port) as tunnel:
        thread = threading.Thread(target=send, args=(tunnel,))
        thread.start()
        thread.join(1)
        assert sent < 40 * MEGABYTE
        tunnels.client.run(session, "gate.set()")
        assert tunnels.everything(tunnel) == (b"read", 1001)
        thread.join(DEADLINE)
    assert sent == 100 * MEGABYTE


def test_two_hundred_at_once_and_nothing_is_left(serve, session, port, tunnels, shared):
    serve("while data := connection.recv(100): connection.sendall(data)")
    open_files = Path(f"/proc/{shared.process.pid}/fd")
    with tunnels.open(session, port):
        before = len(list(open_files.iterdir()))
    with ExitStack() as stack:
        all_of_them = [stack.enter_context(tunnels.open(session, port)) for _ in range(200)]
        for number, tunnel in enumerate(all_of_them):
            tunnel.send(b"%d" % number)
        for number, tunnel in enumerate(all_of_them):
            assert tunnel.recv(DEADLINE) == b"%d" % number
    with tunnels.open(session, port) as tunnel:
        tunnel.send(b"")
        assert tunnels.everything(tunnel) == (b"", 1001)
        assert len(list(open_files.iterdir())) <= before + 2


def test_bytes_keep_a_session_from_being_idle(serve, session, port, tunnels, client):
    serve("while data := connection.recv(100): connection.sendall(data)")
    query = "{ compute_session_list(limit: 99, offset: 0) { items { name idle_checks } } }"

    def remaining():
        items = client.gql(query)["data"]["compute_session_list"]["items"]
        (checks,) = [json.loads(item["idle_checks"]) for item in items if item["name"] == session]
        return checks["network_timeout"]["remaining"]

    with tunnels.open(session, port) as tunnel:
        at_first = remaining()
        while (later := remaining()) > at_first - 0.3:
            pass  # Time goes by.
        tunnel.send(b"still here")
        assert tunnel.recv(DEADLINE) == b"still here"
        assert remaining() > later


def test_the_end_of_a_session_ends_its_tunnels(serve, session, port, tunnels, client):
    serve("connection.recv(100)")
    with tunnels.open(session, port) as tunnel:
        client.ask("DELETE", f"/session/{session}", params={"forced": "true"})
        with pytest.raises(ConnectionClosed):
            tunnel.recv(DEADLINE)


@pytest.mark.parametrize(
    ("app", "query", "status", "told"),
    [
        ("nothing", {}, 404, "object-not-found"),
        ("", {}, 400, "app is required"),
        ("PORT", {"port": "1"}, 400, "has no port 1"),
        ("PORT", {"arguments": "{"}, 400, "JSON"),
        ("PORT", {"arguments": {"--root": None}}, 400, "cannot be set"),
        ("PORT", {"envs": {"PATH": "/"}}, 400, "cannot be set"),
        ("PORT", {"envs": {"PATH": {}}}, 400, "map to texts"),
    ],
)
def test_an_unknown_service_is_refused_before_the_stream_opens(
    session, port, tunnels, app, query, status, told
):
    with pytest.raises(InvalidStatus) as refused:
        tunnels.open(session, app.replace("PORT", str(port)), query=query)
    assert refused.value.response.status_code == status
    assert told in refused.value.response.body.decode()
