"""Engines, kernels in both kinds of sandbox, and a way to run code to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from attrs import define, field

from atoll_cluster.engine.contract import (
    Event,
    Finished,
    InputRequest,
    Kernel,
    KernelSpec,
    Output,
    Run,
)
from atoll_cluster.engine.kernels import KernelEngine
from atoll_cluster.program import is_late_wake

DEADLINE = 60


@define
class Story:
    """What a run did, and what it was answered."""

    events: list[Event] = field(factory=list)

    def text(self, stream: str) -> str:
        pieces = (e for e in self.events if isinstance(e, Output) and e.stream == stream)
        return "".join(piece.text for piece in pieces)

    @property
    def stdout(self) -> str:
        return self.text("stdout")

    @property
    def stderr(self) -> str:
        return self.text("stderr")

    @property
    def exit_code(self) -> int:
        last = self.events[-1]
        assert isinstance(last, Finished)
        return last.exit_code


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def runtimes(tmp_path_factory):
    """Make an engine that has looked over the machine already."""
    engine = KernelEngine.here(tmp_path_factory.mktemp("runtimes"))
    engine.probe, engine.catalog  # noqa: B018 - found out now, once
    return engine


@pytest.fixture
def make_engine(tmp_path, runtimes):
    def make(below="kernels", **settings) -> KernelEngine:
        engine = KernelEngine.here(tmp_path / below, **settings)
        if not engine.site.plain:
            engine.__dict__["probe"] = runtimes.probe
        engine.__dict__["catalog"] = runtimes.catalog
        return engine

    return make


@pytest.fixture(params=["bubblewrap", "plain"])
def engine(request, make_engine):
    """Make an engine of either kind."""
    engine = make_engine(plain=request.param == "plain")
    if engine.probe.tier != request.param:
        pytest.skip(str(engine.probe))
    return engine


@pytest.fixture
def boxed(make_engine, runtimes):
    """Make an engine with a real sandbox."""
    if runtimes.probe.tier != "bubblewrap":
        pytest.skip(str(runtimes.probe))
    return make_engine()


@pytest.fixture
def spec(runtimes):
    """Describe a kernel: its id, the name of its image and whatever else is special about it."""

    def describe(kernel_id="k1", image="python", **settings) -> KernelSpec:
        return KernelSpec(
            kernel_id=kernel_id,
            session_id="s1",
            session_name="work",
            image=runtimes.resolve(image).image,
            **settings,
        )

    return describe


@pytest.fixture
def started(spec):
    """Have a kernel for the time of a block; it is killed at the end."""

    @asynccontextmanager
    async def start(engine, *args, **settings) -> AsyncIterator[Kernel]:
        ignore_late_wakes()
        kernel = await engine.start(spec(*args, **settings))
        try:
            yield kernel
        finally:
            await kernel.stop(forced=True)

    return start


def ignore_late_wakes():
    """Let no test fail by the error that the cluster's program expects, too."""
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()

    def handle(loop, context):
        if not is_late_wake(context):
            (handler or asyncio.AbstractEventLoop.default_exception_handler)(loop, context)

    loop.set_exception_handler(handle)


@pytest.fixture
async def kernel(make_engine, started):
    """Start a kernel in the best sandbox there is."""
    async with started(make_engine()) as kernel:
        yield kernel


@pytest.fixture
def tell():
    """Read a run to its end, answering each wish for input with the next of `answers`."""

    async def tell(run: Run, *answers: str) -> Story:
        story, rest = Story(), iter(answers)
        with anyio.fail_after(DEADLINE):
            async for event in run.events():
                story.events.append(event)
                if isinstance(event, InputRequest):
                    answer = next(rest, None)
                    await (run.close_input() if answer is None else run.send_input(answer))
        return story

    return tell


@pytest.fixture
def query(tell) -> Callable[..., Awaitable[Story]]:
    async def query(kernel: Kernel, code: str, *answers: str) -> Story:
        return await tell(await kernel.execute("query", code, {}), *answers)

    return query


@pytest.fixture
def batch(tell) -> Callable[..., Awaitable[Story]]:
    async def batch(kernel: Kernel, *answers: str, **steps: str) -> Story:
        return await tell(await kernel.execute("batch", "", steps), *answers)

    return batch


@pytest.fixture
def printed():
    """Read the log of a kernel."""

    async def printed(engine: KernelEngine, kernel_id: str = "k1") -> str:
        return b"".join([piece async for piece in engine.logs(kernel_id)]).decode()

    return printed


@pytest.fixture
def until():
    """Wait for a text in a run's output."""

    async def until(events: AsyncIterator[Event], text: str) -> None:
        seen = ""
        with anyio.fail_after(DEADLINE):
            async for event in events:
                seen += event.text if isinstance(event, Output) else ""
                if text in seen:
                    return
        raise AssertionError(f"never printed: {text!r}, but {seen!r}")

    return until


@pytest.fixture
def eventually():
    """Wait until a condition holds that nobody announces, like a process's end."""

    async def eventually(condition: Callable[[], bool]) -> None:
        with anyio.fail_after(DEADLINE):
            while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
                await anyio.sleep(0.01)

    return eventually


@pytest.fixture
def processes():
    """List the processes of this machine whose command line holds a text."""

    def processes(text: str) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if text.encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    return processes
