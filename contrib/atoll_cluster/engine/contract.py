"""What the rest of the cluster knows of the engine: kernels to start, runs to follow, an end.

The scheduler asks an :class:`Engine` for kernels; the API talks to the :class:`Kernel` it got.
Nothing outside this folder knows that a kernel is a sandbox with processes in it, or where it is.
"""

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from attrs import field, frozen

from .states import State, Terms

Stream = Literal["stdout", "stderr"]
RunMode = Literal["query", "batch"]


class EngineError(Exception):
    """A kernel could not be started, or it is gone; the text is fit for `status_info` and users."""


class KernelGone(EngineError):
    """A kernel has ended, or it ends right now."""


class KernelFault(EngineError):
    """A kernel tells what makes no sense, or more than anybody could take."""


@frozen(kw_only=True)
class Image:
    """A runtime found on this machine, under the name by which sessions ask for it.

    `canonical` is the full reference users see (`python:3.11-debian12`), `aliases` are other names
    for it. `argv` starts the runtime's interpreter; `prefixes` are host folders it needs besides
    `/usr`, read-only. `language` picks the way that snippets are run: `python` keeps state between
    them, others do not. `home` is the id of the snapshot that new homes are copies of.
    """

    canonical: str
    language: str
    argv: tuple[str, ...]
    version: str = ""
    aliases: tuple[str, ...] = ()
    prefixes: tuple[Path, ...] = ()
    home: str | None = None


class ServiceRefused(EngineError):
    """Nobody listens at a service's port, at least not now."""


class UnknownImageError(EngineError):
    """No runtime of this machine serves an image name; the text tells what is near."""


@frozen
class Resolution:
    """Which runtime serves a name; unless it is `exact`, users should be told."""

    image: Image
    exact: bool


@frozen
class Mount:
    """A host folder that the kernel sees as `name`: a path below /home/work, or an absolute one.

    Plain processes see a link to it, in the home only, for which `read_only` cannot be enforced.
    """

    name: str
    source: Path
    read_only: bool = False

    @property
    def is_in_home(self) -> bool:
        """Whether it is seen below /home/work."""
        return not self.name.startswith("/")


@frozen
class HomeFile:
    """A file that a new home begins with; `path` is below /home/work."""

    path: str
    content: bytes
    mode: int = 0o644


@frozen
class SshKeypair:
    """A pair of SSH keys as OpenSSH writes them; the private one has no passphrase."""

    public: str
    private: str = field(repr=False)


@frozen(kw_only=True)
class KernelSpec:
    """Everything that must be decided before a kernel starts."""

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
    cluster_role: str = "main"
    cluster_index: int = 1
    hostname: str = "main1"
    terms: Terms = field(factory=Terms)
    """What a place with a queue of its own decides by."""


@frozen
class Output:
    """A piece of what the program wrote, cut where it came, never inside a character.

    Bytes that are no UTF-8 are surrogate escapes in it (PEP 383).
    """

    stream: Stream
    text: str


@frozen
class Media:
    """A rich result (`image/png`, `text/html`, …): its payload as text, binary types in base64."""

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
    """The clean or the build step of a batch run has ended."""

    step: Literal["clean", "build"]
    exit_code: int


@frozen
class Finished:
    """The run has ended: `exit_code` is the program's own (128 + signal when one killed it)."""

    exit_code: int


Event = Output | Media | InputRequest | InputCapacity | StepFinished | Finished


@frozen
class ExitStatus:
    """How a kernel ended; `exit_code` is 128 + signal if one killed it.

    `reason` is one of the API's life-cycle reasons: `self-terminated`, `user-requested` and
    `force-terminated` after a stop, `failed-to-start`, `unknown` when the kernel was killed along
    with its supervisor; or else `out-of-memory` or `too-many-processes`. `cpu_used` (milliseconds)
    and `memory_peak` (bytes) are what its processes took in all, None when nobody knows any more.
    """

    exit_code: int
    reason: str
    cpu_used: float | None = field(default=None, eq=False)
    memory_peak: int | None = field(default=None, eq=False)

    @property
    def took_too_much(self) -> bool:
        """Whether it was killed for what it took of the machine."""
        return self.reason in {"out-of-memory", "too-many-processes"}


@frozen(kw_only=True)
class Usage:
    """What a kernel's processes take: `cpu_used` in milliseconds and the rest in bytes.

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
    """A copy of a home: `size` in bytes; `without` says what could not be copied, if anything."""

    size: int
    without: str = ""


Progress = Callable[[int, int], None]
"""Told in a thread of anyio's how much of a whole is done."""


class Run(Protocol):
    """One execution inside a kernel; its events can be read once, by one reader."""

    @property
    def run_id(self) -> str:
        """The id by which a client comes back for more."""

    def events(self) -> AsyncIterator[Event]:
        """Yield what happens until `Finished`; raises EngineError if the kernel goes away first.

        The program's output waits for a reader who is slow, and for one who stands still for half a
        minute; then what he misses is left out, with a note. A reader who leaves stops nothing.
        """

    async def send_input(self, text: str) -> None:
        """Answer `InputRequest`; a trailing newline is added if missing."""

    async def pipe_input(self, data: bytes) -> None:
        """Send bytes into the standard input of a piped run, as many as `InputCapacity` allows.

        A run that is sent more loses its connection.
        """

    async def close_input(self) -> None:
        """Answer `InputRequest` with the end of the input (`EOFError` in Python), or end the input
        that is piped into the run.
        """

    async def interrupt(self) -> None:
        """Send SIGINT to the running code, and to nothing else."""

    async def aclose(self) -> None:
        """Let go of a run whose events are not read to their end; the run itself goes on."""


class Terminal(Protocol):
    """A shell in a terminal inside a kernel."""

    async def read(self) -> bytes:
        """Return what the shell shows next, nothing once it has ended."""

    async def write(self, data: bytes) -> None:
        """Type; raises EngineError once the shell has ended."""

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the size of the window; raises EngineError once the shell has ended."""

    async def aclose(self) -> None:
        """Hang up, which ends the shell."""


@frozen(kw_only=True)
class Service:
    """Something in a kernel that can be connected to; `protocol` is `http`, `tcp` or `preopen`.

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
        """What they go through; it does not block."""

    def close(self) -> None:
        """Let go of it; nobody may be waiting for it then."""


def _tell_nobody(_state: State) -> None:
    pass


class Kernel(Protocol):
    """A started kernel."""

    @property
    def spec(self) -> KernelSpec:
        """What it was started with."""

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
        """Start a run, which waits for earlier runs of this kernel to end.

        A piped one has bytes as its standard input, in batch runs the last step, and never asks for
        lines. Should its events be left before the input has ended, it is interrupted.

        Batch options: `clean`, `build`, `exec`, shell text each, empty to skip, `*` for what
        usually fits the language. Raises EngineError when the kernel is gone or knows the
        run id already.
        """

    async def follow(self, run_id: str) -> Run:
        """Come back to a run, also one of an earlier cluster program, from its kept beginning on.

        The latest MiB of its events is kept, and the last four runs that are over. Raises
        EngineError for a run that is not known (any more).
        """

    async def interrupt(self) -> None:
        """Interrupt whatever code runs now; nothing happens when none does."""

    async def open_terminal(self) -> Terminal:
        """Start a shell, beside whatever runs; raises EngineError when that is impossible."""

    @property
    def services(self) -> Sequence[Service]:
        """What can be connected to."""

    async def connect(
        self,
        app: str,
        port: int | None = None,
        arguments: Mapping[str, object] | None = None,
        envs: Mapping[str, str] | None = None,
    ) -> Connection:
        """Connect to a service, which is started with these arguments if it is not running.

        Waits until it accepts connections. An argument's value is None, a text or a list of texts.
        Raises ServiceRefused when nobody listens at a port, EngineError when it can't be started.
        """

    async def shut_down_service(self, app: str) -> None:
        """End the programs of a service; the next connection starts it again."""

    async def idle_for(self) -> float | None:
        """Return the seconds since code last ran, or since the start; None while code runs."""

    async def complete(self, code: str, options: Mapping[str, object]) -> Sequence[str]:
        """Candidates for the word at the end of `code`."""

    async def stop(self, *, forced: bool = False) -> ExitStatus:
        """End the kernel: SIGTERM, then SIGKILL after a grace; SIGKILL at once when forced."""

    async def wait(self, on_state: Callable[[State], None] = _tell_nobody) -> ExitStatus:
        """Wait until the kernel has ended by itself or by `stop`; `on_state` hears its states."""


class Engine(Protocol):
    """Starts kernels and finds them again."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return the slots that all kernels together may take; None for a queue of their own."""

    def on_fault(self, tell: Callable[[str, str], None]) -> None:
        """Have `tell` called with the session of a kernel that makes no sense, and the reason.

        Whoever was listening to that kernel gets KernelFault.
        """

    def images(self) -> Sequence[Image]:
        """Return the runtimes of this machine, best first."""

    def rescan(self) -> Sequence[Image]:
        """Look over the machine again, which takes a while; returns the runtimes there are now."""

    def missing_services(self) -> Mapping[str, str]:
        """Return what kernels could serve, had this machine the programs, and what would help."""

    def resolve(self, name: str) -> Resolution:
        """Find the runtime that serves an image name; raises UnknownImageError for none.

        Names of Python 3 from other clusters (`lablup/python:3.6-ubuntu18.04`) lead to the nearest
        version, not exactly, and so do those of `python-tensorflow`; no other name does.
        """

    async def start(
        self, spec: KernelSpec, on_state: Callable[[State], None] = _tell_nobody
    ) -> Kernel:
        """Start a kernel; returns when it accepts runs, raises EngineError when it can't start.

        `on_state` is told what it waits for, where it has to, and that it runs. Elsewhere, one
        that an earlier program has started already is waited for.
        """

    async def restart(
        self, spec: KernelSpec, on_state: Callable[[State], None] = _tell_nobody
    ) -> Kernel:
        """Start an ended kernel again in its old home; its log goes on. Raises as `start` does."""

    async def adopt(self, spec: KernelSpec) -> Kernel | ExitStatus:
        """Find a kernel of an earlier cluster program, or learn how it ended meanwhile."""

    async def measure(self, kernel_ids: Sequence[str]) -> Mapping[str, Usage]:
        """Return what running kernels take now; those that have ended are left out."""

    def logs(self, kernel_id: str) -> AsyncIterator[bytes]:
        """Yield what a kernel has printed, standard output and error together.

        That is also there of one that ended while nobody looked. It has a bound; where more was
        printed, the first line says so and the rest begins with a line of the output. Raises
        EngineError for what is no kernel's id.
        """

    async def remove(self, kernel_id: str) -> None:
        """Delete the folder of an ended kernel; its logs go with it."""

    async def discard(self, kernel_id: str) -> None:
        """End a kernel at once, whatever is left of it, and delete its folder."""

    def found(self) -> Sequence[str]:
        """Return the ids of all kernels of which something is left, ended or not."""

    async def keep(self, spec: KernelSpec, home_id: str, progress: Progress) -> HomeSnapshot:
        """Keep a copy of a kernel's home, as it is now, under an id; what is mounted is left out.

        The home stays for as long as that takes, whether its kernel ends or not. Raises EngineError
        for a home that is too large, OSError when the disk is full; then a part of it is there.
        """

    async def drop(self, home_id: str) -> None:
        """Delete a snapshot of a home, if it is there."""

    def kept(self) -> Sequence[str]:
        """Return the ids of all snapshots of homes, incomplete ones included."""
