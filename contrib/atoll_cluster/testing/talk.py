"""Fixtures and helpers of the tests of launchers: start kernels and talk to them."""

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
)
from atoll_cluster.engine.kernels import KernelEngine, open_engine
from atoll_cluster.engine.launcher import Node, NodeLauncher, Site
from atoll_cluster.engine.launcher_loading import load_launcher
from atoll_cluster.engine.states import Running, State, Waiting


class KernelTalk:
    """Fixtures and functions for the tests: start kernels with a launcher, and talk to them.

    `launcher` is the launcher's name as `module:attr`; `settings` are passed to it when it is
    opened. If it has a queue, `places` is how many kernels run at the same time; None if the tests
    can't fill the queue. `deadline` is the time limit of each step in seconds.
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
        """Return the folder for the kernels, which must be visible on the nodes."""
        folder = tmp_path / "kernels"
        folder.mkdir(mode=0o700)
        return folder

    @pytest.fixture
    def opened(self, root: Path) -> Callable[[], Any]:
        """Return a function that opens the engine, as the cluster's program does when it starts."""
        site = Site(root=root, settings=self.settings)
        return lambda: open_engine(load_launcher(self.launcher), site)

    @pytest.fixture
    def queue(self) -> None:
        """Skip tests that need a full queue."""
        if self.places is None:
            pytest.skip("it has no queue that can be filled")

    @pytest.fixture
    def machines(self, engine: KernelEngine) -> None:
        """Skip tests about machines if the launcher does not report them."""
        if not isinstance(engine.launcher, NodeLauncher):
            pytest.skip("it does not tell its machines")

    @pytest.fixture
    async def engine(self, opened: Callable[[], Any]) -> AsyncIterator[KernelEngine]:
        """Return an engine, and end its kernels after the test."""
        async with opened() as engine:
            engine.grace = 2.0
            try:
                yield engine
            finally:
                for kernel_id in engine.found():
                    await engine.discard(kernel_id)

    def spec(self, engine: KernelEngine, kernel_id: str = "k1", **more: Any) -> KernelSpec:
        """Return the specification of a kernel."""
        image = engine.resolve(self.image).image
        return KernelSpec(
            kernel_id=kernel_id, session_id="s1", session_name="work", image=image, **more
        )

    async def started(self, engine: KernelEngine, kernel_id: str = "k1", **more: Any) -> Kernel:
        """Start a kernel."""
        with anyio.fail_after(self.deadline):
            return await engine.start(self.spec(engine, kernel_id, **more))

    async def told(self, run: Run) -> tuple[str, int]:
        """Read a run to its end; returns its output and its exit code."""
        printed, last = "", None
        with anyio.fail_after(self.deadline):
            async for event in run.events():
                printed += event.text if isinstance(event, Output) else ""
                last = event
        assert isinstance(last, Finished)
        return printed, last.exit_code

    async def query(self, kernel: Kernel, code: str) -> str:
        """Run code, and return its output."""
        printed, _ = await self.told(await kernel.execute("query", code, {}))
        return printed

    async def nodes(self, engine: KernelEngine) -> Sequence[Node]:
        """Return the machines that the launcher reports."""
        assert isinstance(engine.launcher, NodeLauncher)
        with anyio.fail_after(self.deadline):
            return await engine.launcher.nodes()

    async def ended(self, kernel: Kernel) -> ExitStatus:
        """Wait until a kernel has ended; returns its exit status."""
        with anyio.fail_after(self.deadline):
            return await kernel.wait()

    async def fill(self, engine: KernelEngine) -> Sequence[Kernel]:
        """Start as many kernels as can run at the same time; the first one is `k1`."""
        return [await self.started(engine, f"k{n + 1}") for n in range(self.places or 0)]

    @asynccontextmanager
    async def starting(self, engine: KernelEngine, kernel_id: str) -> AsyncIterator["Start"]:
        """Start a kernel in the background; it is cancelled at the end of the block."""
        start = Start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.start, self.spec(engine, kernel_id), start.record)
            yield start
            tasks.cancel_scope.cancel()

    async def exchange(self, sock: socket.socket, data: bytes) -> bytes:
        """Send bytes to a service and end its input; returns its whole answer."""
        loop, answer = asyncio.get_running_loop(), b""
        with anyio.fail_after(self.deadline):
            await loop.sock_sendall(sock, data)
            sock.shutdown(socket.SHUT_WR)
            while piece := await loop.sock_recv(sock, 65536):
                answer += piece
        return answer

    async def log(self, engine: KernelEngine) -> bytes:
        """Return the output of the first kernel."""
        with anyio.fail_after(self.deadline):
            return b"".join([piece async for piece in engine.logs("k1")])


@define
class Start:
    """The reported states of a kernel that is being started."""

    reasons: list[str] = field(factory=list)
    waits: anyio.Event = field(factory=anyio.Event)
    """Set when the launcher has reported why the kernel waits."""
    runs: anyio.Event = field(factory=anyio.Event)

    def record(self, state: State) -> None:
        """Record a state."""
        if isinstance(state, Waiting) and state.reason:
            self.reasons.append(state.reason)
            self.waits.set()
        elif isinstance(state, Running):
            self.runs.set()


async def until(events: AsyncIterator[Event], text: str) -> None:
    """Read events until a text was printed."""
    seen = ""
    async for event in events:
        seen += event.text if isinstance(event, Output) else ""
        if text in seen:
            return
    raise AssertionError(f"never printed: {text!r}, but {seen!r}")


def free_port() -> int:
    """Return a port on which no program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
