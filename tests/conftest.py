"""What all tests share: trio for async tests, a home that is nobody's, and servers on loopback.

One does what a test tells it to, so that faults can be forced on the wire; one is a git repository.
"""

import base64
import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import h11
import pytest
import trio
from attrs import define, field, frozen
from hypothesis import HealthCheck, settings

from atoll._api import slow_answers

# A busy machine must not make a test fail: neither by slow examples, nor by the line that a command
# writes when a cluster is slow.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
slow_answers._SLOW = 60.0

# Here, because pytest takes it from a top folder alone.
pytest_plugins = ["atoll.testing"]

PACKAGES = {
    "bwrap": "bubblewrap",
    "chromium": "chromium",
    "fish": "fish",
    "git": "git",
    "groff": "groff",
    "redis-server": "redis-server",
    "rsync": "rsync",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "zsh": "zsh",
}
"""Programs that no Python package brings, and Debian's packages that do."""
_PROGRAM_PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
_NOT_INSTALLED = "not installed: "


def pytest_configure() -> None:
    r"""Take Ctrl-C and Ctrl-\ where a shell has started the tests in the background, which ignores
    them: programs that are started here would ignore them, too.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have pytest-trio run the async tests, without a word in each of them.

    Those of the embedded cluster, an asyncio program, say `pytest.mark.anyio`: anyio's plugin runs
    them.
    """
    # Here, because pytest wants to be the first to import what it takes for a plugin.
    from atoll.testing._marks import is_async

    for item in items:
        if is_async(item) and item.get_closest_marker("anyio") is None:
            item.add_marker(pytest.mark.trio)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked with `needs` when a program that it names is not installed."""
    skip_without(*(name for mark in item.iter_markers("needs") for name in mark.args))


def skip_without(*programs: str) -> None:
    """Skip the present test when one of these programs is not installed."""
    missing = {name for name in programs if shutil.which(name, path=_PROGRAM_PATH) is None}
    if missing:
        pytest.skip(_NOT_INSTALLED + ", ".join(sorted(missing)))


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Return the function that skips a test when a program is not installed."""
    return skip_without


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell in one line how to install what tests were skipped for."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    missing = [reason.partition(_NOT_INSTALLED)[2] for reason in reasons]
    packages = {PACKAGES[name] for name in PACKAGES for words in missing if name in _words(words)}
    if packages:
        terminalreporter.write_line(
            "Tests were skipped for want of programs; to run them: "
            f"apt-get install {' '.join(sorted(packages))}"
        )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ATOLL_HOME, and an environment that names no cluster."""
    for variable in ("ATOLL_PROFILE", "ATOLL_PLUGINS", "BACKEND_ENDPOINT", "BACKEND_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ATOLL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@frozen
class Seen:
    """A request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Seen, trio.abc.Stream], Awaitable[bool | None]]


@define
class ScriptedServer:
    """Serves HTTP/1.1; the handler writes raw answers and returns True to keep the connection."""

    handler: Handler
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    requests: list[Seen] = field(factory=list)

    @property
    def url(self) -> str:
        """The endpoint to give to a profile."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection."""
        self.connections += 1
        if self.tls:
            stream = trio.SSLStream(stream, self.tls, server_side=True, https_compatible=True)
        async with stream:
            try:
                await self._requests_of(stream)
            except h11.RemoteProtocolError:
                await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # The client has gone, as some tests have it do.

    async def _requests_of(self, stream: trio.abc.Stream) -> None:
        while (seen := await read_request(stream)) is not None:
            self.requests.append(seen)
            if not await self.handler(seen, stream):
                return


async def read_request(stream: trio.abc.Stream) -> Seen | None:
    """Read one request, or return None at the end of the connection."""
    parser = h11.Connection(h11.SERVER)
    head, body = None, b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await stream.receive_some(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode(): value.decode() for name, value in head.headers}
            return Seen(head.method.decode(), head.target.decode(), headers, body)
        else:
            return None


def http_answer(
    body: bytes = b"{}",
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Sequence[str] = (),
) -> bytes:
    """Spell out a whole answer."""
    lines = [
        f"HTTP/1.1 {status} Status",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def answer():
    """Return the function that spells out an answer."""
    return http_answer


@pytest.fixture
def serve():
    """Return a context manager that serves a handler, in which `async with` gives the server."""

    @asynccontextmanager
    async def scripted(
        handler: Handler, *, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[ScriptedServer]:
        server = ScriptedServer(handler, tls)
        async with trio.open_nursery() as nursery:
            start = partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1")
            listeners = await nursery.start(start)
            server.port = listeners[0].socket.getsockname()[1]
            yield server
            nursery.cancel_scope.cancel()

    return scripted


@frozen
class GitRepository:
    """A bare repository over HTTP; `first` is the commit before the tip of its branch 19.09.

    A file named `file` says "first" there, "second" at the tip.
    """

    url: str
    first: str
    user: str = "me"
    password: str = "p@ss'w\"ord $(x)"


@pytest.fixture(scope="module")
def make_repository(
    tmp_path_factory: pytest.TempPathFactory, needs: Callable[..., None]
) -> Iterator[Callable[..., Any]]:
    """Return the function that makes a GitRepository; `private` asks for its password."""
    needs("git")
    with ExitStack() as stack:

        def make(*, private: bool = False) -> GitRepository:
            folder = tmp_path_factory.mktemp("git")
            first = commit_twice(folder)
            wanted = GitRepository("", "") if private else None
            port = stack.enter_context(served(folder, wanted))
            return GitRepository(f"http://127.0.0.1:{port}/agent.git", first)

        yield make


def commit_twice(folder: Path) -> str:
    """Make a bare repository `agent.git`; returns its first commit."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environ |= {f"GIT_{role}_NAME": "somebody", f"GIT_{role}_EMAIL": "somebody@example.org"}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environ, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch", "19.09", "work")
    for content in ("first", "second"):
        (folder / "work" / "file").write_text(content)
        git("-C", "work", "add", "file")
        git("-C", "work", "commit", "--quiet", "--message", content)
    git("clone", "--quiet", "--bare", "work", "agent.git")
    git("-C", "agent.git", "update-server-info")
    return git("-C", "work", "rev-parse", "HEAD~1")


@contextmanager
def served(folder: Path, private: GitRepository | None) -> Iterator[int]:
    """Serve a folder over HTTP, if `private` to who has its password; gives the port."""
    credentials = f"{private.user}:{private.password}" if private else ""
    wanted = f"Basic {base64.b64encode(credentials.encode()).decode()}" if private else None

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if wanted in (None, self.headers.get("Authorization")):
                super().do_GET()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
