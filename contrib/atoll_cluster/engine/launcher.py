"""The part of an engine that depends on the place where kernels run: this machine, Slurm, ….

A :class:`Launcher` starts the supervisor of a kernel in its place and reports the kernel's state.
The cluster does everything else, in the same way for all places: the kernel's folder, the protocol
of its program, runs, services, logs, usage, restarts.

The folder of kernels must be on a file system that the cluster and the nodes share. The cluster
does not use locks, file times or the unix sockets of another node, because shared file systems do
not support them reliably.
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
"""Folders of programs that run as `python FOLDER`; they need only a Python, 3.9 or newer."""


@frozen(kw_only=True)
class Job:
    """A kernel to start: its command, its folder and the resources that it may use.

    `name` is a name for people who read a list of jobs; only `kernel_id` is unique. `hostname` is
    the name by which the other kernels of the session reach this kernel.
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
        """The folder in which the command must run."""
        return self.folder / "run"

    def command(
        self,
        python: str = sys.executable,
        *,
        listens: bool = False,
        report_to: str | None = None,
        node: str | None = None,
        keeps: Sequence[str] = (),
    ) -> list[str]:
        """Return the command that runs the kernel in the foreground until the kernel ends.

        SIGTERM asks the kernel to end, SIGUSR2 too, with the reason `time-limit`; SIGQUIT ends it
        at once. With `listens` the kernel accepts
        connections over TCP, see `connect_over_tcp`. `python` is a Python of the node, 3.9 or
        newer. With `report_to`, the address that `receive_arrivals` yields, the kernel reports
        there that it accepts connections; the variable `node` contains the name of its node.

        Of the environment of the command, programs in the kernel get only the variables that
        `keeps` names: `CUDA_VISIBLE_DEVICES` for one variable, `SLURM_*` for all with this prefix.
        """
        program = [str(RELAY), "listen"] if listens else [str(SUPERVISOR)]
        words = [f"--keep={pattern}" for pattern in keeps]
        if listens and report_to:
            words += [f"--report-to={report_to}", *([f"--node={node}"] if node else [])]
        return [python, "-I", "-S", *program, "launch.json", *words]


def listening(argv: Sequence[str], python: str, kernels: Path | None = None) -> list[str]:
    """Return a command that runs `argv`, and accepts connections for it over TCP meanwhile.

    It must run in the `run/` of a folder for which `allow_connections` was called. `argv` gets one
    more argument, the number of a descriptor: it listens at a unix socket there, `kernel.sock`, and
    then writes a byte to this descriptor. `connect_over_tcp` connects to this socket. If `kernels`
    is the folder of kernels, it also connects to `KERNEL/kernel.sock` for each kernel that runs on
    the same node by `Job.command`.
    """
    return [python, "-I", "-S", str(RELAY), *_serving(kernels), "hold", *argv]


def relay_command(python: str, kernels: Path | None = None) -> list[str]:
    """Return the command that carries one connection; it must run in the kernel's `run/`.

    If `kernels` is the folder of kernels, it can connect to all of them that run on the same node.
    """
    return [python, "-I", "-S", str(RELAY), *_serving(kernels), "stdio"]


def _serving(kernels: Path | None) -> list[str]:
    return [] if kernels is None else [f"--kernels={kernels}"]


class Launcher(Protocol):
    """Starts kernels in one kind of place. It is used on one event loop (asyncio, with anyio).

    A launcher raises EngineError, with one line of text for the user, if it cannot do something. It
    identifies a kernel by its id. The launcher of a later cluster program must find the kernels
    that an earlier one has started by their ids, too.
    """

    @property
    def is_here(self) -> bool:
        """Whether kernels are processes of this machine, with its sandbox and its cgroups."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return the slots that all kernels together may use, by name.

        None means that the place has its own queue: the cluster then starts every kernel at once,
        and the kernel has the state `Waiting` while it waits in that queue.
        """

    def images(self) -> Sequence[Image] | None:
        """Return the images for sessions; None for the runtimes of this machine."""

    async def start(self, job: Job) -> None:
        """Start a kernel, or put it into the queue; raises EngineError if the place refuses it.

        From then on `watch` must find the kernel, even if the cluster program is killed during this
        call. If the launcher has no capacity, the cluster starts all kernels of a session at the
        same time, so that a call may wait for the calls for the other kernels.
        """

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Wait until the state of a kernel differs from `known`, and return the state.

        If `known` is None, this returns the present state at once. `Ended` is final; a kernel that
        was never started is `Ended()`, too.
        """

    async def end(self, kernel_id: str, grace: float) -> None:
        """Begin to end a kernel, also one that waits; do nothing if there is no such kernel.

        The kernel's programs are asked to end, and killed `grace` seconds later; 0 kills at once.
        """

    async def connect(self, kernel_id: str, name: str) -> ByteStream:
        """Connect to the socket `name` of a running kernel; raises KernelGone if that fails.

        On this machine, this connects to the unix socket itself; for other machines, see
        `connect_over_tcp` and `connect_through`.
        """

    def logs(self, kernel_id: str) -> AsyncGenerator[bytes]:
        """Yield the output of the kernel, see `kept_log`."""


@runtime_checkable
class GroupedLauncher(Launcher, Protocol):
    """A launcher whose place has its own groups of machines, such as the partitions of Slurm."""

    async def groups(self) -> Sequence[str]:
        """Return the names of the groups, which become scaling groups; raises EngineError."""


@runtime_checkable
class AccountLauncher(Launcher, Protocol):
    """A launcher whose place charges the sessions to accounts."""

    async def accounts(self) -> Sequence[str]:
        """Return the names of the accounts that this user may use; raises EngineError.

        Each account becomes a group (project) of the cluster.
        """


@frozen(kw_only=True)
class Node:
    """A machine on which kernels may run, as the launcher's place describes it.

    `slots` are all slots of the machine. `used` are the slots that all users together occupy; if it
    is None because the place does not tell, the cluster counts the slots of its own kernels.
    """

    name: str
    groups: Sequence[str] = ()
    """The machine's scaling groups; `default` is one if kernels that name no group may run here."""
    slots: Mapping[str, Decimal] = field(factory=dict)
    used: Mapping[str, Decimal] | None = None
    is_alive: bool = True
    """Whether the machine responds to its scheduler."""
    is_open: bool = True
    """Whether the machine accepts new kernels; a drained machine does not, for example."""
    state: str = ""
    """The state in the words of the place, like `idle` or `drained`."""
    reason: str = ""
    """Why the machine is not alive or not open; users read it."""
    address: str = ""
    architecture: str = ""
    cpu_load: float | None = field(default=None, eq=False)
    """How many processors are busy now; None if unknown."""
    memory_used: int | None = field(default=None, eq=False)
    """Bytes of memory that are in use now; None if unknown."""


@runtime_checkable
class NodeLauncher(Launcher, Protocol):
    """A launcher that can list the machines of its place. Each becomes an agent with its name."""

    async def nodes(self) -> Sequence[Node]:
        """Return all machines, also those that cannot be used now; raises EngineError.

        The cluster calls this when a user asks for agents, at most once in a few seconds. The
        `node` of `Running` is one of the names.
        """


@runtime_checkable
class AskingLauncher(Launcher, Protocol):
    """A launcher that asks its place from time to time for the states of all kernels."""

    def expect_end(self, kernel_id: str) -> None:
        """Ask soon, and often until this kernel has ended, because it will soon end by itself."""


@runtime_checkable
class SandboxingLauncher(Launcher, Protocol):
    """A launcher on whose machines kernels run in a sandbox where one works."""

    def shown(self) -> Sequence[Path] | None:
        """Return the folders that kernels see there besides the system and their own folders.

        None means that there is to be no sandbox.
        """


@frozen(kw_only=True)
class Site:
    """The data with which a launcher is opened: the folder of kernels, and the user's settings."""

    root: Path
    settings: Mapping[str, str] = field(factory=dict)
    plain: bool = False
    """Whether kernels run without a sandbox."""
    slots: Mapping[str, Decimal] = field(factory=dict)
    """The slots of this machine, for launchers that start kernels here."""

    def folder(self, kernel_id: str) -> Path:
        """Return the folder of a kernel."""
        return self.root / kernel_id

    def remember(self, kernel_id: str, notes: Mapping[str, Any]) -> None:
        """Store what the launcher needs to find a kernel again, like the id of a job."""
        write_private(self.folder(kernel_id) / _NOTES, json.dumps(notes))

    def recall(self, kernel_id: str) -> Mapping[str, Any] | None:
        """Return what `remember` has stored for a kernel; None if it has stored nothing."""
        try:
            notes = json.loads((self.folder(kernel_id) / _NOTES).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return notes if isinstance(notes, dict) else None


_NOTES = "launcher.json"

OpenLauncher = Callable[[Site], AbstractAsyncContextManager[Launcher]]
"""Opens a launcher; `--engine module:attr` names one. It must end its own tasks at its exit."""
