"""An SSH, SFTP and SCP server for a session: `python server.py KEYS SOCKET`.

It is used if OpenSSH's server is missing. It runs inside the session, on the Python of the cluster
program, so it does not import other modules of atoll. KEYS is the folder with `host_key` and
`authorized_keys`; the server listens at SOCKET. Commands get the server's environment.
"""

import asyncio
import fcntl
import os
import signal
import socket
import sys
import termios
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import asyncssh

USER = "work"
FROM_CLIENT = ("LANG", "LC_", "COLORTERM")
"""Prefixes of the variables that clients may set."""
CHUNK = 65536
OUTPUT_TIMEOUT = 1.0
"""Seconds to send the remaining output of a terminal after its program has ended."""


Forward = Callable[["asyncssh.SSHReader[bytes]", "asyncssh.SSHWriter[bytes]"], Awaitable[None]]


class Reader(Protocol):
    """A source of bytes: SSH's or asyncio's."""

    async def read(self, n: int) -> bytes: ...


class Writer(Protocol):
    """A sink of bytes."""

    def write(self, data: bytes) -> object: ...
    def write_eof(self) -> None: ...
    async def drain(self) -> None: ...


class SshServer(asyncssh.SSHServer):
    """Accepts the key of the session, and the keys in `~/.ssh/authorized_keys`."""

    def __init__(self, keys: Path) -> None:
        self._files = [keys / "authorized_keys", Path.home() / ".ssh/authorized_keys"]

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == USER:
            files = [str(file) for file in self._files if file.is_file()]
            self._connection.set_authorized_keys(asyncssh.read_authorized_keys(files))
        return True

    def connection_requested(self, dest_host: str, dest_port: int, *_: object) -> Forward:
        return partial(forward, host=dest_host, port=dest_port)

    def unix_connection_requested(self, *_: object) -> bool:
        return True

    def server_requested(self, *_: object) -> bool:
        return True

    def unix_server_requested(self, *_: object) -> bool:
        return True


class SftpServer(asyncssh.SFTPServer):
    """Sends exit code 0 at its end, because some clients need it."""

    def exit(self) -> None:
        self.channel.exit(0)


async def forward(
    reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]", host: str, port: int
) -> None:
    """Connect a client to a port inside the session; either direction may end first."""
    try:
        their_reader, their_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(pump(reader, their_writer), pump(their_reader, writer))
    except (OSError, asyncssh.Error):
        pass  # One side has closed its connection, so the other side is closed, too.
    finally:
        their_writer.close()
        writer.close()


async def pump(reader: Reader, writer: Writer) -> None:
    """Copy bytes until the end of the stream, and end the other stream."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def serve(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """Run the command of a client, or a shell."""
    if process.term_type is None:
        child = await start_with_pipes(process)
    else:
        child = await start_in_terminal(process)
    closed = asyncio.ensure_future(process.wait_closed())
    ended = asyncio.ensure_future(child.wait())
    await asyncio.wait([closed, ended], return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        os.killpg(child.pid, signal.SIGHUP)
        return
    await drain(process)
    leave(process, ended.result())
    await closed


async def start_with_pipes(
    process: "asyncssh.SSHServerProcess[bytes]",
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *command(process),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=environ(process),
        start_new_session=True,
    )
    await process.redirect(child.stdin, child.stdout, child.stderr)
    return child


async def start_in_terminal(
    process: "asyncssh.SSHServerProcess[bytes]",
) -> asyncio.subprocess.Process:
    master, slave = os.openpty()
    columns, rows, *_ = process.term_size
    if rows and columns:
        termios.tcsetwinsize(slave, (rows, columns))
    try:
        child = await asyncio.create_subprocess_exec(
            *command(process),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environ(process), "TERM": process.term_type or "dumb"},
            start_new_session=True,
            preexec_fn=take_terminal,
        )
    finally:
        os.close(slave)
    await process.redirect(stdin=master, stdout=os.dup(master))
    return child


def take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C works."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def command(process: "asyncssh.SSHServerProcess[bytes]") -> list[str]:
    shell = os.environ.get("SHELL", "/bin/sh")
    return [shell, "-l"] if process.command is None else [shell, "-c", process.command]


def environ(process: "asyncssh.SSHServerProcess[bytes]") -> dict[str, str]:
    wanted = {name: value for name, value in process.env.items() if name.startswith(FROM_CLIENT)}
    return {**os.environ, **wanted}


async def drain(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """Wait until all output is sent.

    For a terminal this has a time limit, because a background job may keep the terminal open.
    """
    try:
        async with asyncio.timeout(None if process.term_type is None else OUTPUT_TIMEOUT):
            await process.stdout.drain()
            await process.stderr.drain()
    except TimeoutError:
        pass


def leave(process: "asyncssh.SSHServerProcess[bytes]", code: int) -> None:
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def main(keys: Path, path: str) -> None:
    """Serve until the program is ended by a signal."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    server = await asyncssh.listen(
        sock=listener,
        server_factory=lambda: SshServer(keys),
        server_host_keys=[str(keys / "host_key")],
        process_factory=serve,
        encoding=None,
        sftp_factory=SftpServer,
        allow_scp=True,
        agent_forwarding=False,
        keepalive_interval=30,
    )
    await server.wait_closed()


if __name__ == "__main__":
    os.umask(0o077)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
