"""The interface of the engine for the rest of the cluster: kernels, runs, services.

The scheduler asks an :class:`Engine` for kernels; the API talks to the :class:`Kernel` it got.
Nothing outside this folder knows that a kernel is a sandbox with processes in it, or where it is.
"""

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from attrs import field, frozen

from .states import State, Task, Terms

Stream = Literal["stdout", "stderr"]
RunMode = Literal["query", "batch"]


class EngineError(Exception):
    """A kernel could not start, or has ended; the text is for `status_info` and users."""


class KernelGone(EngineError):
    """A kernel has ended, or is ending."""


class KernelFault(EngineError):
    """A kernel sends invalid or too much data."""


@frozen(kw_only=True)
class Image:
    """A runtime of this machine, with the name that sessions use.

    `canonical` is the full reference users see (`python:3.11-debian12`), `aliases` are other names
    for it. `argv` starts the runtime's interpreter; `prefixes` are host folders it needs besides
    `/usr`, read-only. `language` picks the way that snippets are run: `python` keeps state between
    them, others do not. `home` is the id of the snapshot that new homes are copies of. `prefix` is
    a command that is put before the kernel program, and so before all that a session runs: what it
    leaves in the environment is what programs get. A kernel with one has no sandbox.
    """

    canonical: str
    language: str
    argv: tuple[str, ...]
    version: str = ""
    aliases: tuple[str, ...] = ()
    prefixes: tuple[Path, ...] = ()
    home: str | None = None
    prefix: tuple[str, ...] = ()


class ServiceRefused(EngineError):
    """Nothing listens on a service's port at present."""


class UnknownImageError(EngineError):
    """No runtime matches an image name; the text has similar names."""


@frozen
class Resolution:
    """The runtime for a name; unless it is `exact`, tell users."""

    image: Image
    exact: bool


@frozen
class Mount:
    """A host folder that the kernel sees as `name`: below /home/work, or absolute.

    Plain processes see a link to it, in the home only, for which `read_only` cannot be enforced.
    """

    name: str
    source: Path
    read_only: bool = False

    @property
    def is_in_home(self) -> bool:
        """Whether it is below /home/work."""
        return not self.name.startswith("/")


@frozen
class HomeFile:
    """A file in a new home; `path` is relative to /home/work."""

    path: str
    content: bytes
    mode: int = 0o644


@frozen
class SshKeypair:
    """SSH keys in OpenSSH's format; the private one has no passphrase."""

    public: str
    private: str = field(repr=False)


@frozen(kw_only=True)
class KernelSpec:
    """Everything that is needed to start a kernel."""

    kernel_id: str
    session_id: str
    session_name: str
    image: Image
    environ: Mapping[str, str] = field(factory=dict)
    cpus: tuple[int, ...] = ()
    """Host processors the kernel may use; empty for all."""
    cpu_quota: float | None = None
    """How many processors' time it may use where cgroups allow to say so; None for no limit."""
    memory: int | None = None
    """Bytes of memory granted, whose excess ends the kernel; None for no limit."""
    mounts: tuple[Mount, ...] = ()
    """Folders shown inside the home, which on the host shows only their empty places."""
    files: tuple[HomeFile, ...] = ()
    """Files of a new home; a kernel that is started again keeps what became of them."""
    devices: tuple[Path, ...] = ()
    """Files in /dev that the kernel may use besides the usual ones; absent ones are left out."""
    hosts: Mapping[str, str] = field(factory=dict)
    """Loopback addresses of the kernels of the session, by their names; sandboxed kernels only."""
    peers: Mapping[str, str] = field(factory=dict)
    """The ids of the kernels of the session, by their names."""
    preopen_ports: tuple[int, ...] = ()
    """Ports on which the user's own programs may be connected to."""
    ssh_keypair: SshKeypair | None = None
    """What lets in over SSH; None for a new one."""
    bootstrap: bytes | None = None
    """A shell script run in /home/work before the kernel accepts anything."""
    task: Task | None = None
    cluster_role: str = "main"
    cluster_index: int = 1
    hostname: str = "main1"
    terms: Terms = field(factory=Terms)
    """What a place with a queue of its own decides by."""


@frozen
class Output:
    """A piece of the program's output, cut anywhere except inside a character.

    Bytes that are no UTF-8 are surrogate escapes in it (PEP 383).
    """

    stream: Stream
    text: str


@frozen
class Media:
    """A rich result (`image/png`, `text/html`, …) as text; binary types in base64."""

    mime: str
    data: str


@frozen
class InputRequest:
    """The program waits for a line from its user."""

    is_password: bool = False


@frozen
class InputCapacity:
    """The program accepts `size` more bytes of piped input."""

    size: int


@frozen
class StepFinished:
    """The clean or build step of a batch run has ended."""

    step: Literal["clean", "build"]
    exit_code: int


@frozen
class Finished:
    """The run has ended: `exit_code` is the program's (128 + signal if a signal killed it)."""

    exit_code: int


Event = Output | Media | InputRequest | InputCapacity | StepFinished | Finished


@frozen
class ExitStatus:
    """How a kernel ended; `exit_code` is 128 + signal if a signal killed it.

    `reason` is one of the API's life-cycle reasons: `self-terminated`, `user-requested` and
    `force-terminated` after a stop, `task-done` and `task-failed`, `failed-to-start`, `unknown` if
    the kernel was killed together with its supervisor; or `out-of-memory` or `too-many-processes`.
    `cpu_used` (milliseconds) and `memory_peak` (bytes) are the totals of its processes, None if
    unknown.
    """

    exit_code: int
    reason: str
    cpu_used: float | None = field(default=None, eq=False)
    memory_peak: int | None = field(default=None, eq=False)

    @property
    def has_done_its_task(self) -> bool:
        """Whether it had one, which has succeeded."""
        return self.reason == "task-done"

    @property
    def took_too_much(self) -> bool:
        """Whether it was killed because it exceeded a limit."""
        return self.reason in {"out-of-memory", "too-many-processes"}


@frozen(kw_only=True)
class Usage:
    """The resource use of a kernel: `cpu_used` in milliseconds, the rest in bytes.

    `memory` is what they hold now and `scratch` what the home takes on the disk, as of a minute ago
    at most; the others add up from the kernel's start.
    """

    cpu_used: float
    memory: int
    read: int
    written: int
    scratch: int = 0


@frozen
class HomeSnapshot:
    """A copy of a home: `size` in bytes; `without` describes what is missing, if anything."""

    size: int
    without: str = ""


Progress = Callable[[int, int], None]
"""Told in a thread of anyio's how much of a whole is done."""


class Run(Protocol):
    """One execution in a kernel; its events can be read once, by one reader."""

    @property
    def run_id(self) -> str:
        """The id to follow the run again."""

    def events(self) -> AsyncIterator[Event]:
        """Yield events until `Finished`; raises EngineError if the kernel ends before.

        The program's output waits for a slow reader, and for half a minute for one that does not
        read; after that, output is dropped and a note says so. A reader that leaves stops nothing.
        """

    async def send_input(self, text: str) -> None:
        """Answer `InputRequest`; adds a missing newline."""

    async def pipe_input(self, data: bytes) -> None:
        """Send bytes to the standard input of a piped run, at most `InputCapacity`.

        A run that is sent more loses its connection.
        """

    async def close_input(self) -> None:
        """Answer `InputRequest` with the end of the input (`EOFError` in Python), or end the input
        that is piped into the run.
        """

    async def interrupt(self) -> None:
        """Send SIGINT to the running code only."""

    async def aclose(self) -> None:
        """Stop following a run; the run itself goes on."""


class Terminal(Protocol):
    """A shell in a terminal inside a kernel."""

    async def read(self) -> bytes:
        """Return the next output of the shell, nothing after its end."""

    async def write(self, data: bytes) -> None:
        """Send keys; raises EngineError after the end of the shell."""

    async def resize(self, rows: int, columns: int) -> None:
        """Set the window size; raises EngineError after the end of the shell."""

    async def aclose(self) -> None:
        """Hang up, which ends the shell."""


@frozen(kw_only=True)
class Service:
    """A service of a kernel; `protocol` is `http`, `tcp` or `preopen`.

    `ports` are those that the API gives it, which need not be where it really listens. Of the
    options and variables in `allowed_arguments` and `allowed_envs`, the first connection may choose
    values. `host_key` is the public key by which a server of SSH shows that it is the right one.
    """

    name: str
    protocol: str
    ports: tuple[int, ...]
    allowed_arguments: tuple[str, ...] = ()
    allowed_envs: tuple[str, ...] = ()
    host_key: str | None = None


class Connection(Protocol):
    """Bytes from and to a service."""

    @property
    def sock(self) -> socket.socket:
        """Its non-blocking socket."""

    def close(self) -> None:
        """Close it; nobody may be waiting for it then."""


def _tell_nobody(_state: State) -> None:
    pass


class Kernel(Protocol):
    """A started kernel."""

    @property
    def spec(self) -> KernelSpec:
        """The specification of its start."""

    @property
    def home(self) -> Path:
        """The host folder of its /home/work."""

    async def execute(
        self,
        mode: RunMode,
        code: str,
        options: Mapping[str, object],
        run_id: str | None = None,
        *,
        piped: bool = False,
    ) -> Run:
        """Start a run, which waits for earlier runs of this kernel.

        A piped one has bytes as its standard input, in batch runs the last step, and never asks for
        lines. Should its events be left before the input has ended, it is interrupted.

        Batch options: `clean`, `build`, `exec`, shell text each, empty to skip, `*` for what
        usually fits the language. Raises EngineError when the kernel is gone or knows the
        run id already.
        """

    async def follow(self, run_id: str) -> Run:
        """Follow a run again, from the stored events on, also after a restart of the program.

        The latest MiB of its events is kept, and the last four runs that are over. Raises
        EngineError for a run that is not known (any more).
        """

    async def interrupt(self) -> None:
        """Interrupt the running code, if there is any."""

    async def note(self, text: str) -> None:
        """Print a line where code prints: to its log, and to whoever follows a run now."""

    async def open_terminal(self) -> Terminal:
        """Start a shell beside the running code; raises EngineError."""

    @property
    def services(self) -> Sequence[Service]:
        """Its services."""

    async def connect(
        self,
        app: str,
        port: int | None = None,
        arguments: Mapping[str, object] | None = None,
        envs: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connect to a service, and start it with these arguments if needed.

        Waits until it accepts connections. An argument's value is None, a text or a list of texts.
        Raises ServiceRefused if nothing listens on a port, EngineError if it cannot start.
        """

    async def shut_down_service(self, app: str) -> None:
        """End a service's programs; the next connection starts it again."""

    async def idle_for(self) -> float | None:
        """Return the seconds since code last ran, or since the start; None while code runs."""

    async def complete(self, code: str, options: Mapping[str, object]) -> Sequence[str]:
        """Return completions of the word at the end of `code`."""

    async def leave(self) -> None:
        """See a kernel end by itself, whose task is over; one that does not in time is stopped."""

    async def stop(self, *, forced: bool = False) -> ExitStatus:
        """End the kernel: SIGTERM, then SIGKILL after a delay; with force, SIGKILL at once."""

    async def wait(self, on_state: Callable[[State], None] = _tell_nobody) -> ExitStatus:
        """Wait until the kernel has ended."""


class Engine(Protocol):
    """Starts kernels and finds them again."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return the total slots of kernels; None for an engine with its own queue."""

    def on_fault(self, tell: Callable[[str, str], None]) -> None:
        """Set the function for kernels that send invalid data: session and reason.

        Readers of that kernel's events get KernelFault.
        """

    def images(self) -> Sequence[Image]:
        """Return the runtimes of this machine, best first."""

    def rescan(self) -> Sequence[Image]:
        """Scan the machine for runtimes again, which is slow; returns them."""

    def missing_services(self) -> Mapping[str, str]:
        """Return services whose programs are not installed, each with advice."""

    def resolve(self, name: str) -> Resolution:
        """Find the runtime for an image name; raises UnknownImageError.

        Names of Python 3 from other clusters (`lablup/python:3.6-ubuntu18.04`) lead to the nearest
        version, not exactly, and so do those of `python-tensorflow`; no other name does.
        """

    async def start(
        self, spec: KernelSpec, on_state: Callable[[State], None] = _tell_nobody
    ) -> Kernel:
        """Start a kernel and wait until it accepts runs; raises EngineError.

        `on_state` gets each state: what the kernel waits for, and that it runs. If an earlier
        program has already started the kernel elsewhere, this waits for it.
        """

    async def restart(
        self, spec: KernelSpec, on_state: Callable[[State], None] = _tell_nobody
    ) -> Kernel:
        """Start an ended kernel again in its home; its log continues. Raises as `start` does."""

    async def adopt(self, spec: KernelSpec) -> Kernel | ExitStatus:
        """Find a kernel after a restart of the program, or how it has ended."""

    async def measure(self, kernel_ids: Sequence[str]) -> Mapping[str, Usage]:
        """Return the resource use of running kernels; ended ones are left out."""

    def logs(self, kernel_id: str) -> AsyncIterator[bytes]:
        """Yield a kernel's output, standard output and error together.

        The log of an ended kernel exists, too. It has a limit; if more was printed, the first line
        says so and the rest starts at the begin of a line. Raises EngineError for an invalid kernel
        id.
        """

    async def remove(self, kernel_id: str) -> None:
        """Delete the folder of an ended kernel with its log."""

    async def discard(self, kernel_id: str) -> None:
        """End a kernel at once, in any state, and delete its folder."""

    def found(self) -> Sequence[str]:
        """Return the ids of all kernels with a folder, ended or not."""

    async def keep(self, spec: KernelSpec, home_id: str, progress: Progress) -> HomeSnapshot:
        """Copy a kernel's present home, without mounts, under an id.

        The home stays for as long as that takes, whether its kernel ends or not. Raises EngineError
        for a home that is too large, OSError when the disk is full; then a part of it is there.
        """

    async def drop(self, home_id: str) -> None:
        """Delete a copy of a home, if it exists."""

    def kept(self) -> Sequence[str]:
        """Return the ids of all copies of homes, also incomplete ones."""
