"""Every command, facing a cluster whose answers are not what its API says.

What the embedded cluster answers is recorded once; then each command runs again in process, for
each part of each answer, which is replaced by something else. None of that is atoll's own fault.
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, chdir, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from itertools import cycle
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from trio.testing import MockClock

import atoll_admin
import atoll_apps
import atoll_rest
import atoll_sessions
import atoll_templates
import atoll_vfolders
from atoll._batch import Batch
from atoll._terminal import Source
from atoll.testing import Shell
from atoll.transport import ChannelClosed, Request
from atoll_rest.transport import connect

PLUGINS = (atoll_admin, atoll_apps, atoll_rest, atoll_sessions, atoll_templates, atoll_vfolders)
DEEP: Any = "deep"
for _ in range(60):
    DEEP = [DEEP]
ODD = [
    None,
    5,
    "text",
    [],
    {},
    [None],
    [5],
    ["text"],
    {"a": None},
    True,
    -1,
    1e400,
    10**400,
    float("nan"),
    "",
    "\ud800",
    DEEP,
]
GONE = object()
COMMANDS = [
    "ps",
    "ps --detail",
    "ps --all --output json",
    "ps --dead",
    "ps -f name,containers,status_data,service_ports,mounts,starts_at",
    "info fuzz",
    "restart fuzz",
    "session status-history fuzz",
    "session show-graph fuzz",
    "session abuse-history",
    "ps -f id,idle_checks,dependencies,agent_ids,user_email,scheduled_at",
    "logs fuzz",
    "logs -f ended",
    "ls fuzz",
    "wait fuzz",
    "wait ended --for TERMINATED",
    "start -t other python",
    "rename other another",
    "rm -s another",
    "start -t other --enqueue-only nosuchimage",
    "start --type batch -t batch -c true python",
    "run --rm -t third -c 1 python",
    "download fuzz notes.txt",
    "upload fuzz notes.txt",
    "apps fuzz",
    "vfolder list",
    "vfolder list -a --limit 3",
    "vfolder list-hosts",
    "vfolder list-allowed-types",
    "vfolder info folder",
    "vfolder ls folder",
    "vfolder create other",
    "vfolder update-options folder -p ro",
    "vfolder invitations",
    "vfolder clone folder copy",
    "vfolder download folder notes.txt",
    "vfolder upload folder notes.txt",
    "vfolder mkdir folder a b",
    "vfolder request-download folder notes.txt",
    "vfolder mv folder a c",
    "vfolder rm -y folder notes.txt",
    "vfolder rename folder renamed",
    "vfolder delete -y other",
    "vfolder leave renamed",
    "vfolder share folder a@b.c",
    "vfolder invite folder a@b.c",
    "dotfile list",
    "dotfile get .fuzzrc",
    "dotfile delete -y .fuzzrc",
    "session-template list",
    "session-template get sample",
    "session-template update sample -f sample.yaml",
    "start-template -t fourth sample",
    "session-template delete -f sample",
    "session-template create -f sample.yaml",
    "start -t waiting --max-wait 1 -r cpu=2 python",
    "admin agents",
    "admin agent",
    "admin users",
    "admin user",
    "admin groups",
    "admin group default",
    "admin domains",
    "admin domain default",
    "admin keypairs",
    "admin keypair",
    "admin images",
    "admin scaling-groups",
    "admin scaling-group default",
    "admin scaling-group get-available default",
    "admin keypair-resource-policies",
    "admin keypair-resource-policy default",
    "admin vfolders",
    "admin vfolders list-hosts",
    "admin vfolders perf-metric local:volume1",
    "admin vfolders list-mounts",
    "admin vfolders get-fstab-contents",
    "admin storages",
    "admin resources query-slots",
    "admin resources check-presets",
    "admin resources usage-per-month 202601",
    "admin resources usage-per-period 20260101 20260102",
    "admin etcd get config -p",
    "admin show-license",
    "admin watcher status i-local",
    "manager status",
    "announcement get",
    "announcement dismiss",
    "server-logs list",
    "doctor",
    "rm -s waiting",
    "rm -f -s fuzz",
    "profile test",
]


@frozen
class Answer:
    """What a cluster has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    async def read(self, _most: int = 0) -> bytes:
        return self.body

    async def chunks(self) -> AsyncGenerator[bytes]:
        yield self.body

    async def aclose(self) -> None:
        """Nothing is open."""


@define
class Recorder:
    """Passes requests on, and keeps the answers."""

    transport: Any
    answers: list[tuple[str, Answer]] = field(factory=list)

    async def request(self, request: Request) -> Answer:
        response = await self.transport.request(request)
        answer = Answer(response.status, response.headers, await response.read())
        await response.aclose()
        self.answers.append((f"{request.method} {request.path}", answer))
        return answer

    async def aclose(self) -> None:
        await self.transport.aclose()


@define
class Replayer:
    """Answers as was recorded, but for one of the answers."""

    answers: list[tuple[str, Answer]]
    place: int
    untrue: bytes
    asked: dict[str, int] = field(factory=dict)

    async def request(self, request: Request) -> Answer:
        await trio.lowlevel.checkpoint()
        key = f"{request.method} {request.path}"
        fitting = [at for at, (name, _) in enumerate(self.answers) if name == key]
        count = self.asked[key] = self.asked.get(key, 0) + 1
        if count > 60:
            raise trio.TooSlowError  # it would go on so
        if not fitting:
            return Answer(404, {}, b"{}")
        at = fitting[min(count, len(fitting)) - 1]
        answer = self.answers[at][1]
        return Answer(answer.status, answer.headers, self.untrue) if at == self.place else answer

    async def aclose(self) -> None:
        """Nothing is open."""


@frozen
class Channels:
    """Opens channels on which some messages come, and then the end."""

    messages: list[Any]

    @asynccontextmanager
    async def open(self, _path: str, _query: Any = (), **_version: str) -> AsyncGenerator[Any]:
        yield Messages(list(self.messages))

    async def aclose(self) -> None:
        """Nothing is open."""


@define
class Messages:
    """A channel."""

    left: list[Any]

    async def send(self, _message: Any) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self) -> str | bytes:
        await trio.lowlevel.checkpoint()
        if not self.left:
            raise ChannelClosed(1000, "", clean=True)
        message = self.left.pop(0)
        return message if isinstance(message, str | bytes) else json.dumps(message)


def run(shell: Shell, line: str, transports: Any, clock: Any = None) -> tuple[int, str]:
    """Run a line in process; returns its exit code and what was told."""

    async def main() -> int:
        program = shell.program()
        program.transport = transports
        with trio.fail_after(3_000 if clock else 8):
            return await Batch(program).run(Source.of_text(line), stdin=Source.of_text(""))

    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = trio.run(main, clock=clock)
    return int(code), err.getvalue()


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places within an answer; one item stands for all of a list."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from paths(value[0], (*path, 0))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return an answer with something odd at a place, or nothing at all."""
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and odd is GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


SETUP = """
start -t fuzz python
start -t ended --type batch -c true python
vfolder create folder
sesstpl create -f sample.yaml
dotfile create .fuzzrc -f notes.txt
wait ended --for TERMINATED
vfolder upload folder notes.txt
upload fuzz notes.txt
"""
TEMPLATE = """
api_version: v1
kind: taskTemplate
metadata: {name: sample}
spec: {kernel: {image: python, environ: {A: b}}}
"""
FINISHED = [
    {"status": "continued", "console": [["stdout", "1"], ["media", ["text/plain", "x"]]]},
    {"status": "waiting-input", "console": [], "options": {"is_password": False}},
    {"status": "build-finished", "exitCode": 1, "console": None},
    {"status": "finished", "exitCode": 0, "console": []},
]


@pytest.fixture(scope="module")
def recorded(shared, tmp_path_factory):
    """What the embedded cluster answers to each command."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "notes.txt").write_text("notes")
    (folder / "sample.yaml").write_text(TEMPLATE)
    shell = Shell(shared.home)
    for plugin in PLUGINS:
        shell.add(plugin, plugin.__name__.removeprefix("atoll_"))
    with chdir(folder):
        done = shared.run(stdin=SETUP)
        assert done.returncode == 0, done.stderr
        told = shared.run("local", "env").stdout
        shell.environ = dict(
            line.removeprefix("export ").replace("'", "").split("=", 1)
            for line in told.splitlines()
        )
        yield shell, {line: record(shell, line) for line in COMMANDS}


def record(shell: Shell, line: str) -> list[tuple[str, Answer]]:
    """Run a line against the embedded cluster; returns what that has answered."""
    recorders: list[Recorder] = []

    def transports(kind: str, profile: Any) -> Any:
        if kind == "channel":
            return Channels(FINISHED)
        recorders.append(Recorder(connect(profile)))
        return recorders[-1]

    _code, told = run(shell, line, transports)
    assert "internal error" not in told
    return [answer for one in recorders for answer in one.answers]


def untrue(answers: list[tuple[str, Answer]]) -> Iterator[tuple[str, int, bytes]]:
    """Yield answers that are not true: what is wrong, the place of the answer, and its body."""
    seen = set()
    odds = cycle([*ODD, GONE])
    for place, (key, answer) in enumerate(answers):
        try:
            value = json.loads(answer.body)
        except ValueError:
            continue
        for path in paths(value):
            if (key, path) not in seen:
                seen.add((key, path))
                odd = next(odds)
                odd = next(odds) if odd is GONE and not path else odd
                told = "gone" if odd is GONE else repr(odd)[:20]
                yield f"{key} {path} {told}", place, encoded(replaced(value, path, odd))


def given(transports: Mapping[str, Any], kind: str, _profile: Any) -> Any:
    return transports[kind]


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("line", COMMANDS)
def test_an_untrue_answer_costs_a_line(recorded, line):
    shell, answers = recorded
    failures = []
    for what, place, body in untrue(answers[line]):
        replayer = Replayer(answers[line], place, body)
        transports = {"request": replayer, "channel": Channels(FINISHED)}
        _code, told = run(shell, line, partial(given, transports), MockClock(rate=500))
        if "internal error" in told:
            failures.append((what, told))
    assert not failures


@pytest.mark.parametrize("odd", [*ODD, b"\xff", "{", "[" * 9999])
def test_an_untrue_message_costs_a_line(recorded, odd):
    shell, answers = recorded
    line = "run --rm -t third -c 1 python"
    failures = []
    for path in paths(FINISHED):
        messages = replaced(FINISHED, path, odd) if path else [odd]
        replayer = Replayer(answers[line], -1, b"")
        transports = {"request": replayer, "channel": Channels(messages)}
        if path and isinstance(odd, bytes):
            continue
        _code, told = run(shell, line, partial(given, transports), MockClock(rate=500))
        if "internal error" in told:
            failures.append((path, told))
    assert not failures
