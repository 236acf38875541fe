"""A connection that the user's own OpenSSH keeps open (`ControlMaster` in `~/.ssh/config`).

If each login to a host needs a code, such a connection allows further commands without one. It is
only used if it is already open; it is never opened or closed here.
"""

import shutil
import socket
import subprocess
from functools import partial
from pathlib import Path

import trio
from attrs import define, field, frozen

from atoll import AtollError
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion

MOST_OUTPUT = 2**20
"""The most bytes that are kept of a command's output; a command that prints more is killed."""
_CHUNK = 2**16
_TIMEOUT = 5.0
_FAILED = 255
"""The exit code for errors of `ssh` itself; a command may end with the same code."""
_MENTIONS = ("controlpath", "include")


@frozen
class Completed:
    """A remote command that has ended; `exit_code` is 255 if a signal has ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class TooMuch(AtollError):
    """A command has printed more than the limit."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command.split(maxsplit=1)[0]} prints more than {MOST_OUTPUT} bytes")


@define(eq=False)
class Master:
    """Runs commands over the open connection of `ssh` to a host, if there is one."""

    bastion: Bastion
    config: Path = field(factory=lambda: Path.home() / ".ssh" / "config")
    _path: str | None = field(default=None, init=False)
    """The path of the connection's socket; empty if none is configured, None if `ssh` was not asked
    yet.
    """
    _processes: list[trio.Process] = field(factory=list, init=False)

    async def is_open(self) -> bool:
        """Tell whether the connection is open."""
        if self._path is None:
            configured = await trio.to_thread.run_sync(self._may_be_configured)
            self._path = await self._ask_for_path() if configured else ""
        return bool(self._path) and await _answers(self._path)

    async def run(self, command: str, stdin: bytes) -> Completed:
        """Run a command in the user's shell on the host, and wait for its end.

        Raises NotSent if the connection was closed, TooMuch for more output than MOST_OUTPUT.
        """
        stdout, stderr = bytearray(), bytearray()
        async with trio.open_nursery() as nursery:
            run = partial(
                trio.run_process,
                self._argv(command),
                check=False,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            process = await nursery.start(run)
            nursery.start_soon(_keep, process, process.stdout, stdout)
            nursery.start_soon(_keep, process, process.stderr, stderr)
        if max(len(stdout), len(stderr)) > MOST_OUTPUT:
            raise TooMuch(command)
        code = process.returncode if process.returncode >= 0 else _FAILED
        if code == _FAILED and not stdout:
            raise NotSent(f"the connection of ssh to {self.bastion} was lost")
        return Completed(code, bytes(stdout), bytes(stderr))

    async def pipe(self, command: str) -> trio.SocketStream:
        """Start a command, and return the stream of its standard input and output.

        Its standard error is dropped. Closing the stream ends its input.
        """
        here, there = socket.socketpair()
        with there:
            process = await trio.lowlevel.open_process(
                self._argv(command), stdin=there, stdout=there, stderr=subprocess.DEVNULL
            )
        self._processes.append(process)
        here.setblocking(False)
        return trio.SocketStream(trio.socket.from_stdlib_socket(here))

    async def aclose(self) -> None:
        """End the commands of :meth:`pipe`; the connection stays open, since it belongs to the
        user.
        """
        processes, self._processes = self._processes, []
        for process in processes:
            if process.poll() is None:
                process.kill()
            await process.wait()

    def _may_be_configured(self) -> bool:
        try:
            text = self.config.read_text(errors="replace").lower()
        except OSError:
            return False
        return any(word in text for word in _MENTIONS) and shutil.which("ssh") is not None

    async def _ask_for_path(self) -> str:
        """Ask `ssh` for the path of the socket, with all tokens expanded; empty if there is
        none.
        """
        with trio.move_on_after(_TIMEOUT):
            asked = await trio.run_process(
                ["ssh", *self._where(), "-G", self._target],
                check=False,
                stdin=b"",
                capture_stdout=True,
                capture_stderr=True,
            )
            for line in asked.stdout.decode(errors="replace").splitlines():
                name, _, value = line.partition(" ")
                if name == "controlpath" and value != "none":
                    return value
        return ""

    def _argv(self, command: str) -> list[str]:
        """Return the command line of `ssh` with options so that it asks nothing and opens no
        connection of its own.
        """
        settings = ("BatchMode=yes", "ControlMaster=no", "ProxyCommand=false")
        options = [word for setting in settings for word in ("-o", setting)]
        path = ["-S", str(self._path)]
        return ["ssh", *self._where(), "-T", "-x", "-a", *path, *options, self._target, command]

    def _where(self) -> list[str]:
        port = ["-p", str(self.bastion.port)] if self.bastion.port else []
        return ["-F", str(self.config), *port]

    @property
    def _target(self) -> str:
        user = f"{self.bastion.user}@" if self.bastion.user else ""
        return f"{user}{self.bastion.host}"


async def _answers(path: str) -> bool:
    """Tell whether a process listens at a unix socket."""
    with trio.move_on_after(_TIMEOUT):
        try:
            stream = await trio.open_unix_socket(path)
        except (OSError, ValueError):
            return False
        await stream.aclose()
        return True
    return False


async def _keep(
    process: trio.Process, source: trio.abc.ReceiveStream | None, kept: bytearray
) -> None:
    """Store what a program prints; a program that prints too much is killed."""
    assert source is not None  # noqa: S101 - it was started with pipes
    while chunk := await source.receive_some(_CHUNK):
        kept += chunk
        if len(kept) > MOST_OUTPUT:
            process.kill()
            return
