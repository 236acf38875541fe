"""The interface of the engine for the rest of the cluster: kernels, runs, services.

The scheduler asks an :class:`Engine` to start kernels; the API uses the :class:`Kernel` objects
that the engine returns. Code outside this folder does not depend on how and where a kernel runs.
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
    """A kernel could not start, or has ended; users read the text, also in `status_info`."""


class KernelGone(EngineError):
    """A kernel has ended, or is ending."""


class KernelFault(EngineError):
    """A kernel has sent invalid data or too much data."""


@frozen(kw_only=True)
class Image:
    """A runtime of this machine, with the name that sessions use.

    `canonical` is the full reference that users see (`python:3.11-debian12`), `aliases` are other
    names for it. `argv` starts the runtime's interpreter; `prefixes` are host folders that the
    runtime needs besides `/usr`; kernels see them read-only. `language` selects how code is run:
    `python` keeps state between runs, other languages do not. `home` is the id of the snapshot that
    is copied into new homes. `prefix` is a command that starts the kernel program; the programs of
    the session get the environment that this command sets. A kernel with a `prefix` has no sandbox.
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
    """No runtime matches an image name; the text lists similar names."""


@frozen
class Resolution:
    """The runtime for an image name; users must be told if it is not `exact`."""

    image: Image
    exact: bool


@frozen
class Mount:
    """A host folder that the kernel sees as `name`: relative to /home/work, or absolute.

    Without a sandbox, the kernel has a link to the folder instead. The link must be in the home,
    and `read_only` cannot be enforced.
    """

    name: str
    source: Path
    read_only: bool = False

    @property
    def is_in_home(self) -> bool:
        """Whether the kernel sees the folder below /home/work."""
        return not self.name.startswith("/")


@frozen
class HomeFile:
    """A file to create in a new home; `path` is relative to /home/work."""

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
    """Processor time in processors, if cgroups can limit it; None for no limit."""
    memory: int | None = None
    """Memory limit in bytes: the kernel is ended if it uses more. None for no limit."""
    mounts: tuple[Mount, ...] = ()
    """Folders that the kernel sees; on the host, their mount points in the home are empty."""
    files: tuple[HomeFile, ...] = ()
    """Files to create in a new home; a restart does not write them again."""
    devices: tuple[Path, ...] = ()
    """Files in /dev that the kernel may use besides the usual ones; missing files are ignored."""
    hosts: Mapping[str, str] = field(factory=dict)
    """Loopback addresses of the session's kernels by host name; for sandboxed kernels only."""
    peers: Mapping[str, str] = field(factory=dict)
    """The ids of the session's kernels by host name."""
    preopen_ports: tuple[int, ...] = ()
    """Ports of the user's own programs that clients may connect to."""
    ssh_keypair: SshKeypair | None = None
    """The keys for logins over SSH; None creates new ones."""
    bootstrap: bytes | None = None
    """A shell script that runs in /home/work before the kernel accepts requests."""
    task: Task | None = None
    cluster_role: str = "main"
    cluster_index: int = 1
    hostname: str = "main1"
    terms: Terms = field(factory=Terms)
    """Properties of the session for a scheduler outside the cluster, such as Slurm."""


@frozen
class Output:
    """A part of the program's output; it begins and ends between characters, not inside one.

    Bytes that are not UTF-8 are represented by surrogate escapes (PEP 383).
    """

    stream: Stream
    text: str


@frozen
class Media:
    """A rich result (`image/png`, `text/html`, …) as text; binary data are in base64."""

    mime: str
    data: str


@frozen
class InputRequest:
    """The program waits for a line of input from the user."""

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
        """Whether the kernel had a task, and the task has succeeded."""
        return self.reason == "task-done"

    @property
    def took_too_much(self) -> bool:
        """Whether the kernel was killed because it exceeded a limit."""
        return self.reason in {"out-of-memory", "too-many-processes"}


@frozen(kw_only=True)
class Usage:
    """The resource use of a kernel: `cpu_used` in milliseconds, the rest in bytes.

    `memory` is the memory in use now. `scratch` is the size of the home on the disk; this value is
    at most a minute old. The other values are totals since the kernel's start.
    """

    cpu_used: float
    memory: int
    read: int
    written: int
    scratch: int = 0


@frozen
class HomeSnapshot:
    """A copy of a home: `size` in bytes; `without` describes the files that were not copied."""

    size: int
    without: str = ""


Progress = Callable[[int, int], None]
"""Called in a worker thread of anyio with the number of files done and the total number."""


class Run(Protocol):
    """One execution of code in a kernel; only one reader can read its events, and only once."""

    @property
    def run_id(self) -> str:
        """The id by which the run can be followed again."""

    def events(self) -> AsyncIterator[Event]:
        """Yield events until `Finished`; raises EngineError if the kernel ends before.

        If the reader is slow, the program waits when it prints. If the reader does not read for
        half a minute, output is dropped, and a note says so. The run goes on if the reader stops
        reading.
        """

    async def send_input(self, text: str) -> None:
        """Answer `InputRequest` with a line; adds a missing newline."""

    async def pipe_input(self, data: bytes) -> None:
        """Send bytes to the standard input of a piped run, at most as many as `InputCapacity`.

        If more bytes are sent, the kernel closes the connection of the run.
        """

    async def close_input(self) -> None:
        """Answer `InputRequest` with the end of the input (`EOFError` in Python), or end the
        standard input of a piped run.
        """

    async def interrupt(self) -> None:
        """Send SIGINT to the code of this run, if it is running."""

    async def aclose(self) -> None:
        """Stop following a run; the run itself goes on."""


class Terminal(Protocol):
    """A shell in a terminal inside a kernel."""

    async def read(self) -> bytes:
        """Return the next output of the shell, empty after the end of the shell."""

    async def write(self, data: bytes) -> None:
        """Send keys; raises EngineError after the end of the shell."""

    async def resize(self, rows: int, columns: int) -> None:
        """Set the window size; raises EngineError after the end of the shell."""

    async def aclose(self) -> None:
        """Close the terminal, which ends the shell."""


@frozen(kw_only=True)
class Service:
    """A service of a kernel; `protocol` is `http`, `tcp` or `preopen`.

    `ports` are the ports that the API shows; the service may listen elsewhere. The first connection
    may set the options in `allowed_arguments` and the variables in `allowed_envs`. `host_key` is
    the public host key of an SSH server.
    """

    name: str
    protocol: str
    ports: tuple[int, ...]
    allowed_arguments: tuple[str, ...] = ()
    allowed_envs: tuple[str, ...] = ()
    host_key: str | None = None


class Connection(Protocol):
    """A connection to a service."""

    @property
    def sock(self) -> socket.socket:
        """The non-blocking socket of the connection."""

    def close(self) -> None:
        """Close the socket; no task may wait for the socket at this time."""


def _ignore(_state: State) -> None:
    pass


class Kernel(Protocol):
    """A started kernel."""

    @property
    def spec(self) -> KernelSpec:
        """The specification with which the kernel was started."""

    @property
    def home(self) -> Path:
        """The host folder that the kernel sees as /home/work."""

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

        A piped run reads bytes from its standard input and never sends `InputRequest`; in batch
        runs, the last step reads them. A piped run is interrupted if its reader stops reading
        events before the input has ended.

        The options of a batch run are `clean`, `build` and `exec`. Each is a shell command; an
        empty text skips the step, `*` selects the usual command for the language. Raises
        EngineError if the kernel has ended or the run id is already in use.
        """

    async def follow(self, run_id: str) -> Run:
        """Follow a run again from its stored events, also after a restart of the cluster.

        The kernel stores the latest MiB of each run's events. Of the finished runs, it stores only
        the last four. Raises EngineError if the kernel does not know the run, or not any more.
        """

    async def interrupt(self) -> None:
        """Interrupt the running code, if any code runs."""

    async def note(self, text: str) -> None:
        """Print a line to the kernel's log, and to everyone who follows a run now."""

    async def open_terminal(self) -> Terminal:
        """Start a shell beside the running code; raises EngineError."""

    @property
    def services(self) -> Sequence[Service]:
        """The services of the kernel."""

    async def connect(
        self,
        app: str,
        port: int | None = None,
        arguments: Mapping[str, object] | None = None,
        envs: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connect to a service; if the service does not run, start it with these arguments.

        Waits until the service accepts connections. The value of an argument is None, a text or a
        list of texts. Raises ServiceRefused if no program listens on the port, and EngineError if
        the service cannot start.
        """

    async def shut_down_service(self, app: str) -> None:
        """End a service's programs; the next connection starts it again."""

    async def idle_for(self) -> float | None:
        """Return the seconds since code last ran, or since the start; None while code runs."""

    async def complete(self, code: str, options: Mapping[str, object]) -> Sequence[str]:
        """Return completions of the word at the end of `code`."""

    async def leave(self) -> None:
        """Wait until a kernel whose task is over ends by itself; stop it if that takes too long."""

    async def stop(self, *, forced: bool = False) -> ExitStatus:
        """End the kernel: send SIGTERM, then SIGKILL after a delay; if forced, SIGKILL at once."""

    async def wait(self, on_state: Callable[[State], None] = _ignore) -> ExitStatus:
        """Wait until the kernel has ended."""


class Engine(Protocol):
    """Starts kernels and finds them again."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return the total slots for kernels; None if the engine has its own queue."""

    def on_fault(self, tell: Callable[[str, str], None]) -> None:
        """Set the function that is called with session and reason if a kernel sends invalid data.

        Readers of that kernel's events get KernelFault.
        """

    def images(self) -> Sequence[Image]:
        """Return the runtimes of this machine, best first."""

    def rescan(self) -> Sequence[Image]:
        """Scan the machine for runtimes again, which is slow; returns the runtimes."""

    def missing_services(self) -> Mapping[str, str]:
        """Return the services whose programs are not installed, each with a hint how to install."""

    def resolve(self, name: str) -> Resolution:
        """Find the runtime for an image name; raises UnknownImageError.

        Two kinds of names from other clusters are resolved to the nearest version of Python, with
        `exact` false: those of Python 3 (`lablup/python:3.6-ubuntu18.04`) and those of
        `python-tensorflow`.
        """

    async def start(self, spec: KernelSpec, on_state: Callable[[State], None] = _ignore) -> Kernel:
        """Start a kernel and wait until it accepts runs; raises EngineError.

        `on_state` is called with each state: what the kernel waits for, and that it runs. If an
        earlier cluster program has already started the kernel on another machine, this waits for
        that kernel.
        """

    async def restart(
        self, spec: KernelSpec, on_state: Callable[[State], None] = _ignore
    ) -> Kernel:
        """Start an ended kernel again with its home and its log; raises EngineError."""

    async def adopt(self, spec: KernelSpec) -> Kernel | ExitStatus:
        """Return a kernel of an earlier cluster program, or how that kernel has ended."""

    async def measure(self, kernel_ids: Sequence[str]) -> Mapping[str, Usage]:
        """Return the resource use of those of the kernels that run."""

    def logs(self, kernel_id: str) -> AsyncIterator[bytes]:
        """Yield a kernel's output, standard output and error together.

        Ended kernels have a log, too. The size of a log is limited: if the kernel has printed more,
        the first line says so, and the rest starts at the beginning of a line. Raises EngineError
        for an invalid kernel id.
        """

    async def remove(self, kernel_id: str) -> None:
        """Delete the folder of an ended kernel with its log."""

    async def discard(self, kernel_id: str) -> None:
        """End a kernel at once, in any state, and delete its folder."""

    def found(self) -> Sequence[str]:
        """Return the ids of all kernels with a folder, ended or not."""

    async def keep(self, spec: KernelSpec, home_id: str, progress: Progress) -> HomeSnapshot:
        """Copy a kernel's present home, without mounts, to a snapshot with the id `home_id`.

        The home is not deleted while it is copied, even if its kernel ends. Raises EngineError if
        the home is too large, and OSError if the disk is full; after an error, the copy may be
        incomplete.
        """

    async def drop(self, home_id: str) -> None:
        """Delete a snapshot of a home, if it exists."""

    def kept(self) -> Sequence[str]:
        """Return the ids of all snapshots of homes, also of incomplete ones."""
