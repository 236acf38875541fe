"""What every launcher must do, told as tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from attrs import define, field

from atoll_cluster.engine.contract import (
    Event,
    ExitStatus,
    Finished,
    Kernel,
    KernelSpec,
    Output,
    Run,
    ServiceRefused,
)
from atoll_cluster.engine.finding import find_launcher
from atoll_cluster.engine.kernels import KernelEngine, open_engine
from atoll_cluster.engine.launcher import Site
from atoll_cluster.engine.states import Ended, Running, State, Waiting
from atoll_cluster.engines import KernelGone

_ECHO = """
import socket, threading
def answer(one):
    got = b""
    while data := one.recv(65536): got += data
    one.sendall(b"heard " + str(len(got)).encode()); one.close()
server = socket.create_server(("127.0.0.1", PORT))
threading.Thread(target=lambda: [answer(server.accept()[0]) for _ in range(9)], daemon=True).start()
"""
_LAST_WORDS = """
import pathlib, signal, sys
def leave(*_):
    pathlib.Path("left").write_text("in order")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("stays", flush=True)
while True: signal.pause()
"""
_MUCH = 8 * 1024 * 1024


@pytest.mark.anyio
class LauncherTests:
    """To be inherited by a class whose name begins with `Test`.

    `launcher` is its name as `module:attr`, `settings` are what it is opened with. `places` is how
    many kernels run at a time where it has a queue, None where the tests can't fill that.
    `deadline` is in seconds, for each step.
    """

    launcher: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}
    image: ClassVar[str] = "python"
    places: ClassVar[int | None] = None
    deadline: ClassVar[float] = 60.0

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run on asyncio, as the cluster does."""
        return "asyncio"

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """Return the folder of kernels, which the nodes must see."""
        folder = tmp_path / "kernels"
        folder.mkdir(mode=0o700)
        return folder

    @pytest.fixture
    def opened(self, root: Path) -> Callable[[], Any]:
        """Open the engine, as each cluster program does."""
        site = Site(root=root, settings=self.settings)
        return lambda: open_engine(find_launcher(self.launcher), site)

    @pytest.fixture
    def queue(self) -> None:
        """Skip what can't be tried without filling the queue."""
        if self.places is None:
            pytest.skip("it has no queue that can be filled")

    @pytest.fixture
    async def engine(self, opened: Callable[[], Any]) -> AsyncIterator[KernelEngine]:
        """Return an engine, whose kernels are ended at last."""
        async with opened() as engine:
            engine.grace = 2.0
            try:
                yield engine
            finally:
                for kernel_id in engine.found():
                    await engine.discard(kernel_id)

    def spec(self, engine: KernelEngine, kernel_id: str = "k1", **more: Any) -> KernelSpec:
        """Describe a kernel."""
        image = engine.resolve(self.image).image
        return KernelSpec(
            kernel_id=kernel_id, session_id="s1", session_name="work", image=image, **more
        )

    async def started(self, engine: KernelEngine, kernel_id: str = "k1", **more: Any) -> Kernel:
        """Start a kernel."""
        with anyio.fail_after(self.deadline):
            return await engine.start(self.spec(engine, kernel_id, **more))

    async def told(self, run: Run) -> tuple[str, int]:
        """Read a run to its end; returns what it printed, and its exit code."""
        printed, last = "", None
        with anyio.fail_after(self.deadline):
            async for event in run.events():
                printed += event.text if isinstance(event, Output) else ""
                last = event
        assert isinstance(last, Finished)
        return printed, last.exit_code

    async def query(self, kernel: Kernel, code: str) -> str:
        """Run code; returns what it printed."""
        printed, _ = await self.told(await kernel.execute("query", code, {}))
        return printed

    async def ended(self, kernel: Kernel) -> ExitStatus:
        """Wait for the end of a kernel."""
        with anyio.fail_after(self.deadline):
            return await kernel.wait()

    async def test_code_runs_and_its_exit_code_comes_back(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        assert await self.query(kernel, "x = 6; print(x * 7)") == "42\n"
        assert await self.query(kernel, "print(x)") == "6\n"
        run = await kernel.execute("batch", "", {"exec": "echo out; echo err >&2; exit 3"})
        printed, code = await self.told(run)
        assert sorted(printed.split()) == ["err", "out"]
        assert code == 3

    async def test_much_comes_through_whole(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        printed = await self.query(kernel, f"print('x' * {_MUCH})")
        assert printed == "x" * _MUCH + "\n"

    async def test_several_talk_to_a_kernel_at_a_time(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", "input('who? ')", {})
        terminal = await kernel.open_terminal()
        try:
            await terminal.write(b"echo $((40 + 2))\n")
            shown = b""
            with anyio.fail_after(self.deadline):
                while b"42" not in shown:
                    shown += await terminal.read()
            assert await kernel.idle_for() is None
            await run.send_input("me")
            assert (await self.told(run))[1] == 0
        finally:
            await terminal.aclose()

    async def test_code_is_interrupted(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        sleep = "print('now', flush=True)\nimport time; time.sleep(99)"
        run = await kernel.execute("query", sleep, {})
        events = run.events()
        with anyio.fail_after(self.deadline):
            await _until(events, "now")
            await run.interrupt()
            last = [event async for event in events][-1]
        assert isinstance(last, Finished)
        assert last.exit_code != 0

    async def test_a_service_is_reached_and_hears_the_end_of_its_input(
        self, engine: KernelEngine
    ) -> None:
        port = _free_port()
        kernel = await self.started(engine, preopen_ports=(port,))
        await self.query(kernel, _ECHO.replace("PORT", str(port)))
        for size in (0, 1, 3_000_000):
            connection = await kernel.connect(str(port), port)
            try:
                answer = await self.exchange(connection.sock, b"y" * size)
            finally:
                connection.close()
            assert answer == f"heard {size}".encode()

    async def test_where_nobody_listens_is_refused(self, engine: KernelEngine) -> None:
        port = _free_port()
        kernel = await self.started(engine, preopen_ports=(port,))
        with pytest.raises(ServiceRefused):
            await kernel.connect(str(port), port)

    async def test_what_is_printed_is_in_the_log(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "print('for the record')")
        assert b"for the record\n" in await self.log(engine)
        await kernel.stop(forced=True)
        assert b"for the record\n" in await self.log(engine)

    async def test_programs_are_asked_to_end_first(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", _LAST_WORDS, {})
        events = run.events()
        with anyio.fail_after(self.deadline):
            await _until(events, "stays")
            status = await kernel.stop()
        await run.aclose()
        assert status.reason == "user-requested"
        assert (kernel.home / "left").read_text() == "in order"

    async def test_a_kernel_is_ended_at_once(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        with anyio.fail_after(self.deadline):
            assert (await kernel.stop(forced=True)).reason == "force-terminated"
        with pytest.raises(KernelGone):
            await kernel.execute("query", "1", {})

    async def test_a_kernel_that_ends_by_itself_is_told_of(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", "import os; os.kill(os.getppid(), 9)", {})
        await run.aclose()
        assert await self.ended(kernel) == ExitStatus(137, "self-terminated")

    async def test_an_ended_kernel_is_started_again_in_its_home(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "open('kept', 'w').write('before')")
        await kernel.stop(forced=True)
        with anyio.fail_after(self.deadline):
            again = await engine.restart(self.spec(engine))
        assert await self.query(again, "print(open('kept').read())") == "before\n"

    async def test_what_a_kernel_takes_is_measured(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "sum(range(10**7))")
        usage = (await engine.measure(["k1"]))["k1"]
        assert usage.memory > 0
        assert usage.cpu_used > 0

    async def test_the_next_program_finds_what_runs(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            kernel = await self.started(first)
            await self.query(kernel, "kept = 'in memory'")
        async with opened() as second:
            with anyio.fail_after(self.deadline):
                found = await second.adopt(self.spec(second))
            assert not isinstance(found, ExitStatus)
            assert await self.query(found, "print(kept)") == "in memory\n"
            await found.stop(forced=True)

    async def test_the_next_program_learns_what_has_ended(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            kernel = await self.started(first)
            await kernel.stop(forced=True)
        async with opened() as second:
            with anyio.fail_after(self.deadline):
                found = await second.adopt(self.spec(second))
            assert isinstance(found, ExitStatus)
            assert found.reason == "force-terminated"

    async def test_of_an_unknown_kernel_there_is_nothing(self, engine: KernelEngine) -> None:
        with anyio.fail_after(self.deadline):
            assert await engine.launcher.watch("nobody", None) == Ended()
            await engine.launcher.end("nobody", grace=0)
        with pytest.raises(KernelGone):
            await engine.launcher.connect("nobody", "kernel.sock")

    @pytest.mark.usefixtures("queue")
    async def test_who_has_no_place_waits_with_a_reason(self, engine: KernelEngine) -> None:
        first, *_ = await self.fill(engine)
        async with self.starting(engine, "late") as late:
            with anyio.fail_after(self.deadline):
                await late.waits.wait()
                assert late.reasons[-1]
                await first.stop(forced=True)
                await late.runs.wait()

    @pytest.mark.usefixtures("queue")
    async def test_who_waits_can_be_ended(self, engine: KernelEngine) -> None:
        await self.fill(engine)
        async with self.starting(engine, "late") as late:
            with anyio.fail_after(self.deadline):
                await late.waits.wait()
        with anyio.fail_after(self.deadline):
            found = await engine.adopt(self.spec(engine, "late"))
            assert not isinstance(found, ExitStatus)
            await found.stop(forced=True)
            assert isinstance(await engine.launcher.watch("late", None), Ended)

    @pytest.mark.usefixtures("queue")
    async def test_the_next_program_goes_on_waiting(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            await self.fill(first)
            async with self.starting(first, "late") as late:
                with anyio.fail_after(self.deadline):
                    await late.waits.wait()
        async with opened() as second:
            async with self.starting(second, "late") as late:
                with anyio.fail_after(self.deadline):
                    await late.waits.wait()
                    await second.discard("k1")
                    await late.runs.wait()
            for kernel_id in second.found():
                await second.discard(kernel_id)

    async def fill(self, engine: KernelEngine) -> Sequence[Kernel]:
        """Start as many kernels as there are places; the first is `k1`."""
        return [await self.started(engine, f"k{n + 1}") for n in range(self.places or 0)]

    @asynccontextmanager
    async def starting(self, engine: KernelEngine, kernel_id: str) -> AsyncIterator["Start"]:
        """Be starting a kernel; at the end of the block, that is cancelled."""
        start = Start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.start, self.spec(engine, kernel_id), start.heed)
            yield start
            tasks.cancel_scope.cancel()

    async def exchange(self, sock: socket.socket, data: bytes) -> bytes:
        """Send bytes and their end to a service; returns all that it answers."""
        loop, answer = asyncio.get_running_loop(), b""
        with anyio.fail_after(self.deadline):
            await loop.sock_sendall(sock, data)
            sock.shutdown(socket.SHUT_WR)
            while piece := await loop.sock_recv(sock, 65536):
                answer += piece
        return answer

    async def log(self, engine: KernelEngine) -> bytes:
        """Return what the first kernel has printed."""
        with anyio.fail_after(self.deadline):
            return b"".join([piece async for piece in engine.logs("k1")])


@define
class Start:
    """What was told of a kernel that is being started."""

    reasons: list[str] = field(factory=list)
    waits: anyio.Event = field(factory=anyio.Event)
    """Set when it waits for a reason."""
    runs: anyio.Event = field(factory=anyio.Event)

    def heed(self, state: State) -> None:
        """Note a state."""
        if isinstance(state, Waiting) and state.reason:
            self.reasons.append(state.reason)
            self.waits.set()
        elif isinstance(state, Running):
            self.runs.set()


async def _until(events: AsyncIterator[Event], text: str) -> None:
    seen = ""
    async for event in events:
        seen += event.text if isinstance(event, Output) else ""
        if text in seen:
            return
    raise AssertionError(f"never printed: {text!r}, but {seen!r}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
