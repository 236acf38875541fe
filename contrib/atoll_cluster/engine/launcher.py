"""What differs from place to place where kernels run: this machine, Slurm, or another scheduler.

A :class:`Launcher` starts the supervisor of a kernel somewhere and knows what became of it. All
else is the same everywhere and stays with the cluster: the kernel's folder, the protocol that its
program speaks, runs, services, logs, usage, restarts.

The folder of kernels must be on a file system that the cluster and the nodes share. Nothing rests
on locks, on times of files or on unix sockets of another node, which such file systems lack.
"""

import json
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from anyio.abc import ByteStream
from attrs import field, frozen

from atoll_cluster.paths import write_private

from .contract import Image
from .states import State, Terms

_PROGRAMS = Path(__file__).parent
SUPERVISOR, RELAY = _PROGRAMS / "supervisor", _PROGRAMS / "relay"
"""Programs that need nothing but a Python, 3.9 or newer, which can be run as `python FOLDER`."""


@frozen(kw_only=True)
class Job:
    """A kernel that is to be started: what to run, where, and what it may take.

    `name` is fit for a list of jobs that people look at; `kernel_id` alone is unique. `hostname` is
    what the other kernels of the session call it.
    """

    kernel_id: str
    session_id: str
    name: str
    folder: Path
    cluster_role: str = "main"
    cluster_index: int = 1
    hostname: str = "main1"
    terms: Terms = field(factory=Terms)

    @property
    def cwd(self) -> Path:
        """The folder in which the command must be run."""
        return self.folder / "run"

    def command(
        self, python: str = sys.executable, *, listens: bool = False, keeps: Sequence[str] = ()
    ) -> list[str]:
        """Return the command that is the kernel; it stays in the foreground until the kernel's end.

        SIGTERM asks the kernel to end, SIGQUIT ends it at once. With `listens` the kernel can be
        reached over TCP, see `connect_over_tcp`. `python` is one of the node, 3.9 or newer.

        Programs in the kernel get none of the environment that the command is started in, but for
        what `keeps` names: `CUDA_VISIBLE_DEVICES`, or `SLURM_*` for all that begin so.
        """
        supervise = [python, "-I", "-S", str(SUPERVISOR), "launch.json"]
        supervise += [f"--keep={pattern}" for pattern in keeps]
        return [python, "-I", "-S", str(RELAY), "listen", *supervise] if listens else supervise


class Launcher(Protocol):
    """Starts kernels in one kind of place. It is used on one event loop (asyncio, with anyio).

    What can't be done is an EngineError with one line for the user. A kernel is known by its id,
    also to the launcher of a later cluster program, which finds by it what an earlier one started.
    """

    @property
    def is_here(self) -> bool:
        """Whether kernels are processes of this machine, in its sandbox, under its cgroups."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return the slots that all kernels together may take, by names.

        None means that the place has its own queue: every kernel is started at once there, and
        waits as `Waiting`.
        """

    def images(self) -> Sequence[Image] | None:
        """Return what sessions can be started from; None for the runtimes of this machine."""

    async def start(self, job: Job) -> None:
        """Start a kernel, or put it in the queue; raises EngineError when it is refused.

        It must be found by `watch` from then on, even if the cluster program is killed on the way.
        Without a capacity, the kernels of a session are started side by side, so that a call may
        wait for the others of its session.
        """

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Return the state of a kernel once it differs from `known`; None for now, whatever it is.

        `Ended` is final; a kernel that was never started is `Ended()`, too.
        """

    async def end(self, kernel_id: str, grace: float) -> None:
        """Begin to end a kernel, a waiting one too; nothing happens when there is none.

        Its programs have `grace` seconds between being asked to end and being killed, 0 for none.
        """

    async def connect(self, kernel_id: str, name: str) -> ByteStream:
        """Connect to the socket `name` of a running kernel; raises KernelGone when that fails.

        On this machine that is the unix socket itself; elsewhere see `connect_over_tcp` and
        `connect_through`.
        """

    def logs(self, kernel_id: str) -> AsyncGenerator[bytes]:
        """Yield what the kernel has printed, see `kept_log`."""


@runtime_checkable
class GroupedLauncher(Launcher, Protocol):
    """A launcher whose place has groups of machines by itself, such as the partitions of Slurm."""

    async def groups(self) -> Sequence[str]:
        """Return their names: each is a scaling group of the cluster. Raises EngineError."""


@runtime_checkable
class AccountLauncher(Launcher, Protocol):
    """A launcher whose place has accounts that sessions are counted for."""

    async def accounts(self) -> Sequence[str]:
        """Return the names of those that we may use: each is a group (project) of the cluster.

        Raises EngineError.
        """


@frozen(kw_only=True)
class Node:
    """A machine on which kernels may run, as its place tells.

    `slots` is all that it has, `used` what is taken of that by whoever; None where the place does
    not tell, and then the kernels of this cluster are counted.
    """

    name: str
    groups: Sequence[str] = ()
    """Its scaling groups; `default` is among them if kernels that name none may run there."""
    slots: Mapping[str, Decimal] = field(factory=dict)
    used: Mapping[str, Decimal] | None = None
    is_alive: bool = True
    """Whether it answers its place."""
    is_open: bool = True
    """Whether it takes new kernels: not while it is drained, for example."""
    state: str = ""
    """The place's own word for how it is, like `idle` or `drained`."""
    reason: str = ""
    """Why it is not alive, or not open; fit for users."""
    address: str = ""
    architecture: str = ""
    cpu_load: float | None = field(default=None, eq=False)
    """How many processors are busy now; None if nobody knows."""
    memory_used: int | None = field(default=None, eq=False)
    """Bytes of memory that are in use now; None if nobody knows."""


@runtime_checkable
class NodeLauncher(Launcher, Protocol):
    """A launcher whose place tells its machines. Each is an agent of the cluster, by its name."""

    async def nodes(self) -> Sequence[Node]:
        """Return all machines, also those that can't be used now; raises EngineError.

        It is called when somebody looks at them, and not again within the next seconds. The `node`
        of `Running` is one of their names.
        """


@runtime_checkable
class AskingLauncher(Launcher, Protocol):
    """A launcher that asks its place now and then for news of all kernels."""

    def expect_end(self, kernel_id: str) -> None:
        """Ask soon, and often until a kernel has ended: it is about to, by itself."""


@frozen(kw_only=True)
class Site:
    """What a launcher is made for: the folder of kernels, and what its user has set."""

    root: Path
    settings: Mapping[str, str] = field(factory=dict)
    plain: bool = False
    """Whether kernels shall do without a sandbox."""
    slots: Mapping[str, Decimal] = field(factory=dict)
    """What this machine gives away, for those who start kernels here."""

    def folder(self, kernel_id: str) -> Path:
        """Return the folder of a kernel."""
        return self.root / kernel_id

    def remember(self, kernel_id: str, notes: Mapping[str, Any]) -> None:
        """Keep what the launcher needs to find a kernel again, like the id of a job."""
        write_private(self.folder(kernel_id) / _NOTES, json.dumps(notes))

    def recall(self, kernel_id: str) -> Mapping[str, Any] | None:
        """Return what was kept of a kernel; None for nothing."""
        try:
            notes = json.loads((self.folder(kernel_id) / _NOTES).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return notes if isinstance(notes, dict) else None


_NOTES = "launcher.json"

OpenLauncher = Callable[[Site], AbstractAsyncContextManager[Launcher]]
"""What `--engine module:attr` names: it may have tasks of its own, which it ends at last."""
