"""Listeners to what happens to sessions, while the prompt is open."""

import json
import sys
from types import SimpleNamespace

import pytest
import trio

import atoll_rest
import atoll_sessions
from atoll import Profile, ShellState, hookimpl
from atoll._paths import Paths
from atoll._profiles import ProfileStore
from atoll._shell.contexts import shell_context
from atoll.outages import Backoff
from atoll_sessions.hooks import SessionListener
from atoll_sessions.listening import listen

HERE = "test_listening_plugin"


def event(name: str, session: str = "one", key: str = "AK") -> bytes:
    data = {"sessionId": session, "sessionName": f"my-{session}", "ownerAccessKey": key}
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Said(ShellState):
    """A prompt that keeps what is said above it, and is left then."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = []
        self.scope = trio.CancelScope()

    def say(self, text: str) -> None:
        """Keep it, and leave."""
        self.lines.append(text)
        self.scope.cancel()


@pytest.fixture
def listened(serve, answer, shell, monkeypatch):
    """Return what has these events sent to these listeners; it gives what was said, and asked."""

    async def run(events: list[bytes], *listeners: SessionListener, environ=(), **functions):
        async def handle(seen, stream):
            if not seen.target.startswith("/events/session"):
                await stream.send_all(answer(b'{"version": "v6.20220615"}'))
                return True
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            await stream.send_all(head + b"".join(events))
            await trio.sleep_forever()
            return False

        monkeypatch.setitem(sys.modules, HERE, SimpleNamespace(**functions))
        shell.environ.update(environ)
        shell.add(atoll_sessions, "sessions")
        shell.add(atoll_rest, "rest")
        shell.add(SimpleNamespace(atoll_session_events=hookimpl(lambda: listeners)))
        async with serve(handle) as server:
            paths = Paths.from_environment({"ATOLL_HOME": str(shell.home)})
            ProfileStore(paths).save(
                Profile(name="lab", endpoint=server.url, access_key="AK", secret_key="SK")
            )
            program, said = shell.program(), Said()
            with trio.fail_after(60), said.scope:
                await listen(shell_context(program, said), said)
            await program.aclose()
            return said.lines, [seen.target for seen in server.requests]

    return run


async def test_listeners_hear_of_the_users_own_sessions_once(listened):
    """Not of others', nor of what is sent twice, nor of containers alone."""
    heard = []

    async def changed(change, _context, _shell) -> None:
        heard.append((change.session_name, change.event, change.is_end))
        if len(heard) == 3:
            raise SystemExit("enough")

    sent = [
        event("session_started"),
        event("session_started"),
        event("kernel_started"),
        event("session_started", "other", key="SOMEBODY"),
        event("session_started", "two"),
        b"event: session_started\ndata: nonsense\n\n",
        event("session_terminated"),
    ]
    said, _ = await listened(sent, SessionListener("mine", f"{HERE}:changed"), changed=changed)

    assert heard == [
        ("my-one", "session_started", False),
        ("my-two", "session_started", False),
        ("my-one", "session_terminated", True),
    ]
    (line,) = said
    assert "plugin 'tested' (atoll-tested 1.0): its listener 'mine' raised SystemExit" in line


async def test_nothing_is_asked_where_nobody_listens(listened):
    """Neither for the toolbar, nor to say what happens."""
    nobody = {"ATOLL_SESSIONS_ANNOUNCE": "no", "ATOLL_SESSIONS_TOOLBAR": "no"}
    said, asked = await listened([event("session_terminated")], environ=nobody)
    assert (said, asked) == ([], [])


async def test_a_stream_that_breaks_off_is_asked_for_again(listened, monkeypatch):
    """And so it is when the prompt turns to another profile."""
    monkeypatch.setattr("atoll_sessions.changes._OUTAGE", Backoff(first=0.01))
    heard = []

    async def changed(change, _context, shell) -> None:
        heard.append(change.session_name)
        shell.profile_name = f"profile-{len(heard)}"
        if len(heard) == 3:
            raise SystemExit("enough")

    _, asked = await listened(
        [event("session_started")], SessionListener("mine", f"{HERE}:changed"), changed=changed
    )
    assert heard == ["my-one"] * 3
    assert sum(target.startswith("/events") for target in asked) == 3
