"""Faults forced on every kind of task at every place where it waits.

Whatever happens there, the program lives, other sessions go on, the session concerned is ERROR or
has ended, and the next program finds all of it. The kinds are the supervisor's own: a new one
without a case here fails.
"""

import gc
import itertools
import json
import os
import signal
import types
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio import to_thread
from attrs import define, field
from tests.contrib.atoll_cluster.conftest import Client

from atoll_cluster import instance, supervision
from atoll_cluster import program as program_module
from atoll_cluster.credentials import ensure_accounts
from atoll_cluster.engine.local import LocalLauncher
from atoll_cluster.instance import Announcement, bind, lock
from atoll_cluster.paths import DataDir
from atoll_cluster.program import Options
from atoll_cluster.scheduler import end_warnings, groups, metering
from atoll_cluster.store import usage_recorder
from atoll_cluster.store.store import Store
from atoll_cluster.supervision import TaskKind, TaskSupervisor

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    # Of a file that was being opened in a thread when the fault came, nobody is told any more.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DEADLINE = 60
MOST_POINTS = 24
LOOPS = 4
"""Times at which a task that never ends is disturbed."""
FAULTS = (
    lambda: RuntimeError("forced"),
    lambda: RecursionError("forced"),
    MemoryError,
    lambda: OverflowError("forced"),
    lambda: KeyError("forced"),
    lambda: ExceptionGroup("forced", [ValueError("one"), TypeError("another")]),
)


@types.coroutine
def drive(work, fault):
    """Go on with a coroutine step by step; `fault` is asked at each of its waits what to raise."""
    step, value = work.send, None
    while True:
        try:
            waits_for = step(value)
            # A bare yield is a courtesy of the library, in the midst of its own bookkeeping.
            while waits_for is not None and (error := fault()) is not None:
                waits_for = work.throw(error)
        except StopIteration as done:
            return done.value
        try:
            step, value = work.send, (yield waits_for)
        except BaseException as error:  # noqa: BLE001 - cancellation among others
            step, value = work.throw, error


@define
class Chaos:
    """Raises in the tasks of a kind at the wait of a number, in each attempt anew or once."""

    kind: TaskKind | None = None
    point: int = 0
    once: bool = False
    raised: int = 0
    changed: anyio.Event = field(factory=anyio.Event)
    faults: Iterator[Callable[[], Exception]] = field(factory=lambda: itertools.cycle(FAULTS))

    def arm(self, kind: TaskKind, point: int, *, once: bool = False) -> None:
        self.kind, self.point, self.once, self.raised = kind, point, once, 0

    def disarm(self) -> None:
        self.kind = None

    async def attempt(self, kind: TaskKind, work: Callable[[], Awaitable[object]]) -> None:
        waits = itertools.count(1)

        def fault() -> Exception | None:
            # A loop that had begun before is counted from now on.
            if self.kind is not kind or next(waits) != self.point:
                return None
            self.kind = None if self.once else self.kind
            self.raised += 1
            self.changed.set()
            self.changed = anyio.Event()
            return next(self.faults)()

        await drive(work(), fault)

    async def has_raised(self) -> None:
        with anyio.fail_after(DEADLINE):
            while not self.raised:
                await self.changed.wait()


class Server(program_module._Server):
    """The latest of the servers."""

    latest: "Server"

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        Server.latest = self


@define
class World:
    """A cluster whose program can be crashed and started again, and a session that must go on."""

    root: Path
    chaos: Chaos
    client: Client = field(init=False)
    numbers: Iterator[int] = field(factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def program(self, *, stops: bool = False):
        """Run the program for the time of a block, and leave its sessions unless it `stops`."""
        data = DataDir.prepare(self.root)
        options = Options(data=data.root)
        with (
            lock(data) as held,
            bind(data) as listener,
            closing(Store.open(data.database)) as store,
        ):
            ensure_accounts(data, store)
            announcement = Announcement(data, listener.getsockname()[1], "0", held)
            async with anyio.create_task_group() as tasks:
                parts = options, data, store, listener, announcement
                tasks.start_soon(program_module._run, *parts)
                with anyio.fail_after(DEADLINE):
                    while not data.server.exists():  # noqa: ASYNC110 - a file tells nobody
                        await anyio.sleep(0.01)
                keys = json.loads(data.credentials.read_text())["admin"]
                endpoint = json.loads(data.server.read_text())["endpoint"]
                # Closed before the program ends, so that no connection is left half open.
                with httpx.Client(timeout=DEADLINE, trust_env=False) as http:
                    self.client = Client(endpoint, keys["access_key"], keys["secret_key"], http)
                    yield
                if not stops:
                    Server.latest.should_exit = True

    async def ask(self, method: str, path: str, **options):
        return await to_thread.run_sync(lambda: self.client.ask(method, path, **options))

    async def create(self, name: str = "", **body) -> str:
        """Create a session; returns its id, whatever becomes of it."""
        name = name or f"case-{next(self.numbers)}"
        body = {"name": name, "image": "python", "enqueueOnly": True, **body}
        answer = await self.ask("POST", "/session", json=body)
        assert answer.status_code == 201, answer.text
        session_id: str = answer.json()["sessionId"]
        return session_id

    async def status(self, session_id: str) -> tuple[str, str]:
        query = "query($id: UUID!) { compute_session(id: $id) { status status_info } }"
        body = {"query": query, "variables": {"id": session_id}}
        answer = await self.ask("POST", "/admin/gql", json=body)
        found = answer.json()["data"]["compute_session"]
        return found["status"], found["status_info"] or ""

    async def settles(self, session_id: str, *statuses: str) -> str:
        """Wait until a session has one of the statuses; returns it."""
        status = info = ""
        with anyio.move_on_after(DEADLINE):
            while status not in statuses:
                status, info = await self.status(session_id)
                await anyio.sleep(0.02)
            return status
        raise AssertionError(f"the session is {status}: {info}")

    async def running(self, **body) -> str:
        session_id = await self.create(**body)
        assert await self.settles(session_id, "RUNNING", "ERROR") == "RUNNING"
        return session_id

    async def end(self, session_id: str) -> None:
        answer = await self.ask("DELETE", f"/session/{session_id}?forced=true")
        assert answer.status_code in {200, 404}, answer.text

    def kill_latest_kernel(self) -> None:
        """Kill the latest supervisor: what becomes of its kernel has to be written down."""
        states = (self.root / "kernels").glob("*/run/supervisor.json")
        latest = max(states, key=lambda path: path.stat().st_mtime)
        os.kill(json.loads(latest.read_text())["pid"], signal.SIGKILL)

    async def goes_on(self) -> None:
        """See that the program lives and that the session beside the fault does."""
        turns = await to_thread.run_sync(lambda: self.client.run("witness", "print(x + 1)"))
        assert Client.console(turns) == "42\n"

    async def repaired(self) -> list[dict[str, str]]:
        answer = await self.ask("POST", "/local/repair")
        left: list[dict[str, str]] = answer.json()["put_aside"]
        return left


@pytest.fixture
def world(tmp_path, monkeypatch):
    chaos = Chaos()
    monkeypatch.setattr(program_module, "_Server", Server)
    monkeypatch.setattr(metering, "_INTERVAL", 0.05)
    monkeypatch.setattr(instance, "_CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(usage_recorder, "_PAUSE", 0.05)
    monkeypatch.setattr(supervision, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervision, "_LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(TaskSupervisor, "attempt", lambda _, kind, work: chaos.attempt(kind, work))
    yield World(tmp_path / "data", chaos)
    gc.collect()


async def at_every_point(world, kind, case):
    """Run a case with a fault at the first wait, at the second, …, until no fault is met."""
    for point in range(1, MOST_POINTS):
        world.chaos.arm(kind, point)
        await case(world)
        world.chaos.disarm()
        await world.goes_on()
        if not world.chaos.raised:
            assert point > 1
            return
    raise AssertionError(f"{kind} waits more often than {MOST_POINTS} times")


async def loop_is_disturbed(world, kind):
    for point in range(1, LOOPS):
        world.chaos.arm(kind, point, once=True)
        with anyio.fail_after(DEADLINE):
            while not world.chaos.raised:
                await world.end(await world.create())
                await world.goes_on()
    await world.end(await world.running())


async def a_session_starts(world):
    session_id = await world.create()
    status = await world.settles(session_id, "RUNNING", "ERROR")
    assert status == ("ERROR" if world.chaos.raised else "RUNNING")
    if status == "ERROR":
        assert "error while starting it" in (await world.status(session_id))[1]
    await world.end(session_id)


async def a_command_runs(world):
    session_id = await world.create(type="batch", startupCommand="sleep 0.3")
    await world.settles(session_id, "ERROR", "TERMINATED")
    await world.end(session_id)


async def a_session_ends(world):
    session_id = await world.create()
    await world.settles(session_id, "RUNNING", "ERROR")
    await world.ask("DELETE", f"/session/{session_id}")
    await world.settles(session_id, "TERMINATED", "ERROR")
    world.chaos.disarm()
    await world.end(session_id)


async def code_runs(world):
    session_id = await world.running()
    turns = await to_thread.run_sync(lambda: world.client.run(session_id, "print(1)"))
    told = Client.console(turns, "stderr")
    assert "error while reading" in told if world.chaos.raised else turns[-1]["exitCode"] == 0
    await world.end(session_id)


async def a_folder_is_deleted(world):
    name = f"folder-{next(world.numbers)}"
    await world.ask("POST", "/folders", json={"name": name})
    answer = await world.ask("DELETE", f"/folders/{name}")
    assert answer.status_code == 204
    world.chaos.disarm()
    assert await world.repaired() == []
    assert not list((world.root / "storage" / "graves").iterdir())


async def a_folder_is_cloned(world):
    name = f"folder-{next(world.numbers)}"
    await world.ask("POST", "/folders", json={"name": name, "cloneable": True})
    body = {"target_name": f"{name}-copy"}
    answer = await world.ask("POST", f"/folders/{name}/clone", json=body)
    task = f"/events/background-task?task_id={answer.json()['bgtask_id']}"
    told = (await world.ask("GET", task)).text
    assert ("bgtask_failed" if world.chaos.raised else "bgtask_done") in told


async def news_are_posted(world):
    session_id = await world.create(callback_url="http://127.0.0.1:9/news")
    assert await world.settles(session_id, "RUNNING", "ERROR") == "RUNNING"
    await world.end(session_id)


@define
class Inside:
    """A case that happens while a program runs."""

    case: Callable[[World], Awaitable[None]]

    async def run(self, world: World, kind: TaskKind) -> None:
        async with world.program():
            await make_witness(world)
            await at_every_point(world, kind, self.case)
        await all_is_found(world)


class Loop:
    """A task that never ends."""

    async def run(self, world: World, kind: TaskKind) -> None:
        async with world.program():
            await make_witness(world)
            await loop_is_disturbed(world, kind)
        await all_is_found(world)


class Groups(Loop):
    """The same, of an engine with groups of its own, which it is asked for often."""

    async def run(self, world: World, kind: TaskKind) -> None:
        async def told(_launcher):
            await anyio.lowlevel.checkpoint()
            return ["far"]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LocalLauncher, "groups", told, raising=False)
            patch.setattr(groups, "CHECK_INTERVAL", 0.05)
            await super().run(world, kind)


class Endings(Loop):
    """The same, of looks at the ends of sessions, which come often."""

    async def run(self, world: World, kind: TaskKind) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(end_warnings, "CHECK_INTERVAL", 0.05)
            await super().run(world, kind)


class Start:
    """A task that a program does at its start."""

    async def run(self, world: World, kind: TaskKind) -> None:
        async with world.program():
            await make_witness(world)
        for point in range(1, MOST_POINTS):
            async with world.program():
                lost = await world.running()
            world.kill_latest_kernel()
            (world.root / "storage" / "graves" / f"grave-{point}").mkdir()
            world.chaos.arm(kind, point)
            async with world.program():
                await world.settles(lost, "RUNNING", "ERROR", "TERMINATED")
                world.chaos.disarm()
                await world.end(lost)
                if kind is not TaskKind.RECOVERY:
                    await world.goes_on()
            if not world.chaos.raised:
                assert point > 1
                break
            if kind is TaskKind.RECOVERY:
                async with world.program():
                    with anyio.fail_after(DEADLINE):
                        await make_witness(world)
        await all_is_found(world)


class Signals:
    """The task that waits to be told to stop, and winds up then."""

    async def run(self, world: World, kind: TaskKind) -> None:
        for point in range(1, MOST_POINTS):
            world.chaos.arm(kind, point, once=True)
            async with world.program(stops=True):
                await world.create()
                if point == 1:
                    await world.chaos.has_raised()
                    await anyio.sleep(0.2)
                os.kill(os.getpid(), signal.SIGTERM)
            if not world.chaos.raised:
                assert point > 1
                return


async def make_witness(world):
    answer = await world.ask("DELETE", "/session/witness?forced=true")
    assert answer.status_code in {200, 404}
    await world.running(name="witness")
    await to_thread.run_sync(lambda: world.client.run("witness", "x = 41"))


async def all_is_found(world):
    """Start once more without faults: what is left is known, and can be put right."""
    async with world.program():
        await world.goes_on()
        assert await world.repaired() == []
        for one in (await world.ask("GET", "/session/_/match?id=case-")).json()["matches"]:
            await world.end(one["id"])
        await world.end("witness")
        with anyio.fail_after(DEADLINE):
            while any(path.is_dir() for path in (world.root / "kernels").iterdir()):  # noqa: ASYNC110
                await anyio.sleep(0.02)


CASES = {
    TaskKind.SIGNALS: Signals(),
    TaskKind.METERING: Loop(),
    TaskKind.CALLBACKS: Loop(),
    TaskKind.IDLENESS: Loop(),
    TaskKind.ENDINGS: Endings(),
    TaskKind.QUEUE: Loop(),
    TaskKind.ANNOUNCEMENT: Loop(),
    TaskKind.GROUPS: Groups(),
    TaskKind.USES: Loop(),
    TaskKind.RECOVERY: Start(),
    TaskKind.LAUNCH: Inside(a_session_starts),
    TaskKind.STARTUP_COMMAND: Inside(a_command_runs),
    TaskKind.WATCH: Inside(a_session_ends),
    TaskKind.STOP: Inside(a_session_ends),
    TaskKind.CLEAN_UP: Inside(a_folder_is_deleted),
    TaskKind.DELIVERY: Inside(news_are_posted),
    TaskKind.RUN: Inside(code_runs),
    TaskKind.BACKGROUND: Inside(a_folder_is_cloned),
    TaskKind.WARM_UP: Start(),
}


@pytest.mark.parametrize("kind", TaskKind, ids=lambda kind: kind.name)
async def test_a_fault_affects_no_more_than_its_policy_says(world, kind):
    with anyio.fail_after(120):
        await CASES[kind].run(world, kind)
