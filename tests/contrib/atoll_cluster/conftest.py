"""A cluster that is really started, and a small client that signs what it asks."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, field, frozen
from websockets.sync.client import ClientConnection, connect

from atoll_cluster.api.request.signing import SignedRequest, sign

VERSION = "v7.20230615"
DEADLINE = 60.0


START_DEADLINE = 60.0


@frozen
class Event:
    """A server-sent event."""

    name: str
    data: dict[str, Any]


@frozen
class Client:
    """Asks a cluster as one keypair."""

    endpoint: str
    access_key: str
    secret_key: str
    http: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a signed request; options are httpx's."""
        request = self.http.build_request(method, self.endpoint + path, **options)
        request.headers.setdefault("Content-Type", "text/plain")
        target, kind = request.url.raw_path.decode(), request.headers["Content-Type"]
        request.headers.update(self.headers(method, target, kind))
        return self.http.send(request)

    def headers(
        self, method: str, target: str, content_type: str = "", date: str | None = None
    ) -> dict[str, str]:
        """Sign; without a content type as streams do."""
        date = date or datetime.now(UTC).isoformat()
        signed = SignedRequest(
            method=method,
            target=target,
            host=self.endpoint.removeprefix("http://"),
            date=date,
            content_type=content_type,
            version=VERSION,
        )
        signature = sign(signed, self.secret_key)
        return {
            "Date": date,
            "X-BackendAI-Version": VERSION,
            "Authorization": "BackendAI signMethod=HMAC-SHA256, "
            f"credential={self.access_key}:{signature}",
        }

    def create(self, name: str, **body: Any) -> dict[str, Any]:
        """Create a session; returns the answer, which must be 201."""
        answer = self.ask("POST", "/session", json={"name": name, "image": "python", **body})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def run(self, name: str, code: str, **body: Any) -> list[dict[str, Any]]:
        """Run code by polling; returns all turns up to the last."""
        turns: list[dict[str, Any]] = []
        body = {"mode": "query", "code": code, "runId": None, **body}
        while not turns or turns[-1]["status"] != "finished":
            answer = self.ask("POST", f"/session/{name}", json=body)
            assert answer.status_code == 200, answer.text
            turns.append(answer.json()["result"])
            body = {"mode": "continue", "code": "", "runId": turns[-1]["runId"]}
        return turns

    @staticmethod
    def console(turns: list[dict[str, Any]], stream: str = "stdout") -> str:
        """Return what a run wrote."""
        items = [item for turn in turns for item in turn["console"]]
        return "".join(text for kind, text in items if kind == stream)

    def gql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask GraphQL; returns the answer with `data` and `errors`."""
        body = {"query": query, "variables": variables}
        answer = self.ask("POST", "/admin/gql", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stream(self, name: str, kind: str = "execute") -> ClientConnection:
        """Open a stream of a session, that which executes or another."""
        path = f"/stream/session/{name}/{kind}"
        headers = self.headers("GET", path)
        # The library writes a Date of its own only if there is none.
        return connect(f"ws{self.endpoint[4:]}{path}", additional_headers=headers)

    @contextmanager
    def events(self, query: str = "") -> Iterator[Iterator[Event]]:
        """Listen to session events."""
        path = f"/events/session{query}"
        url, headers = self.endpoint + path, self.headers("GET", path)
        with self.http.stream("GET", url, headers=headers, timeout=DEADLINE) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            yield _read_events(lines)


def _read_events(lines: Iterator[str]) -> Iterator[Event]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield Event(name, json.loads(line.removeprefix("data: ")))


@define
class Program:
    """A cluster program on a data folder, started and stopped as often as a test wants."""

    data: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = None
    log: list[str] = field(factory=list)
    """The lines that it has logged so far."""
    _listener: threading.Thread | None = None

    def start(self) -> "Program":
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "atoll_cluster", "--data", str(self.data), *self.arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        answering = threading.Event()
        self.log.clear()
        self._listener = threading.Thread(target=self._listen, args=(self.process, answering))
        self._listener.start()
        answering.wait(START_DEADLINE)
        if not any("answering at" in line for line in self.log):
            pytest.fail(f"the program ended before it answered: {self.log[-1:]}")
        return self

    def _listen(self, process: "subprocess.Popen[str]", answering: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line)
            if "answering at" in line:
                answering.set()
        answering.set()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        assert self.process.stderr is not None
        assert self._listener is not None
        self.process.send_signal(number)
        self._listener.join()
        self.process.stderr.close()
        code = self.process.wait(DEADLINE)
        self.process = None
        return code

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        found: str = json.loads((self.data / "server.json").read_text())["endpoint"]
        return found

    def client(self, http: httpx.Client, who: str = "admin") -> Client:
        """Return a client with one of the keypairs made at the first start."""
        keys = json.loads((self.data / "credentials.json").read_text())[who]
        return Client(self.endpoint, keys["access_key"], keys["secret_key"], http)

    def supervisor(self, kernel_id: str) -> int:
        """Return the process that owns a kernel."""
        state = self.data / "kernels" / kernel_id / "run" / "supervisor.json"
        found: int = json.loads(state.read_text())["pid"]
        return found


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=DEADLINE, trust_env=False) as client:
        yield client


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """A cluster of the test's own, not started yet."""
    found = Program(tmp_path / "data")
    yield found
    if found.process is not None:
        found.end()


@pytest.fixture(scope="module")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """A cluster that the tests of a module share; each uses session names of its own.

    It gets the arguments that the module has as `ARGUMENTS`, too.
    """
    arguments = ("--slots", "cpu=10", *getattr(request.module, "ARGUMENTS", ()))
    found = Program(tmp_path_factory.mktemp("cluster") / "data", arguments)
    found.start()
    yield found
    assert found.end() == 0


@pytest.fixture
def client(shared: Program, http: httpx.Client) -> Client:
    return shared.client(http)


@pytest.fixture
def user(shared: Program, http: httpx.Client) -> Client:
    return shared.client(http, "user")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
