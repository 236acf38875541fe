"""The terminal in the browser: ttyd, in a session."""

import json
from contextlib import suppress

import pytest
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from atoll_cluster.engine.services.installed import Installed

DEADLINE = 60

pytestmark = pytest.mark.skipif(
    Installed.discover().ttyd is None, reason="ttyd is not installed: pip install '.[apps]'"
)


def terminal(address, **options):
    origin = options.pop("origin", f"http://{address}")
    return connect(f"ws://{address}/ws", subprotocols=["tty"], origin=origin, **options)


def show(socket, text):
    """Read the screen until it shows something; returns what was read, cut wherever frames end."""
    seen = b""
    while text.encode() not in seen:
        frame = socket.recv(DEADLINE)
        seen += frame[1:] if frame[:1] == b"0" else b""
    return seen.decode(errors="replace")


def until_silence(socket):
    """Yield frames until none has come for a while."""
    with suppress(TimeoutError):
        while True:
            yield socket.recv(0.5)


def test_a_command_is_typed(session, local, http):
    address = local(session, "ttyd")
    page = http.get(f"http://{address}/")
    assert "<html" in page.text
    with terminal(address) as socket:
        socket.send(json.dumps({"AuthToken": "", "columns": 91, "rows": 25}).encode())
        show(socket, "$ ")
        socket.send(b"0stty size; echo $BACKENDAI_SESSION_NAME $((6 * 7))\r")
        # One frame may have both answers.
        assert "25 91" in show(socket, f"{session} 42")


def test_it_can_be_for_readers_only(session, local):
    address = local(session, "ttyd", arguments={"--readonly": None})
    with terminal(address) as socket:
        socket.send(json.dumps({"AuthToken": ""}).encode())
        show(socket, "$ ")
        socket.send(b"0echo $((6 * 7))\r")
        assert b"42" not in b"".join(until_silence(socket))


def test_pages_of_others_are_kept_out(session, local):
    with pytest.raises(WebSocketException):
        terminal(local(session, "ttyd"), origin="http://evil.example").recv(DEADLINE)


def test_options_that_it_must_not_have_are_refused(session, tunnels):
    with pytest.raises(InvalidStatus) as refused:
        tunnels.open(session, "ttyd", query={"arguments": {"--interface": "lo"}})
    assert refused.value.response.status_code == 400
    assert "--readonly" in refused.value.response.body.decode()
