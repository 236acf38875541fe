"""A connection that the user's own OpenSSH keeps open: `ControlMaster` in `~/.ssh/config`.

Where each login asks for a code, it lets one command after another through. It is used as it is
found, never opened, and never closed.
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
"""Bytes that are kept of what a command prints; one that prints more is ended."""
_CHUNK = 2**16
_TIMEOUT = 5.0
_FAILED = 255
"""The exit code of `ssh` itself; a command's own may be the same."""
_MENTIONS = ("controlpath", "include")


@frozen
class Completed:
    """A command of the far side that has ended; `exit_code` is 255 when a signal has ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class TooMuch(AtollError):
    """A command prints more than anybody reads."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command.split(maxsplit=1)[0]} prints more than {MOST_OUTPUT} bytes")


@define(eq=False)
class Master:
    """Runs commands through the open connection of `ssh` to a host, if there is one."""

    bastion: Bastion
    config: Path = field(factory=lambda: Path.home() / ".ssh" / "config")
    _path: str | None = field(default=None, init=False)
    """The socket of the connection, empty where none is configured; None until that is asked."""
    _processes: list[trio.Process] = field(factory=list, init=False)

    async def is_open(self) -> bool:
        """Tell whether there is one."""
        if self._path is None:
            configured = await trio.to_thread.run_sync(self._may_be_configured)
            self._path = await self._ask_for_path() if configured else ""
        return bool(self._path) and await _answers(self._path)

    async def run(self, command: str, stdin: bytes) -> Completed:
        """Run a command by the user's shell there, and wait for its end.

        Raises NotSent when the connection is gone, TooMuch for more output than MOST_OUTPUT.
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

        What it says on standard error is dropped. Closing the stream ends its input.
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
        """End the commands of :meth:`pipe`; the connection itself is the user's."""
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
        """Have `ssh` tell where the socket is, all of its tokens expanded; empty for nowhere."""
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
        """Return the words of `ssh`, which asks nothing and opens no connection of its own."""
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
    """Tell whether somebody listens at a unix socket."""
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
    """Keep what a program prints; one that prints too much is killed."""
    assert source is not None  # noqa: S101 - it was started with pipes
    while chunk := await source.receive_some(_CHUNK):
        kept += chunk
        if len(kept) > MOST_OUTPUT:
            process.kill()
            return
