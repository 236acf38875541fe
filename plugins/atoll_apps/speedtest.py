"""`speedtest`: measures the latency and throughput between here and a session.

The path that is measured goes through a tunnel to the session's SSH server, to programs in the
session that every image has.
"""

from collections.abc import Sequence
from statistics import median
from subprocess import PIPE
from typing import TYPE_CHECKING, Self

import click
import trio
from attrs import frozen

from atoll import AtollError, Context, Name
from atoll.output import Column
from atoll_apps.ssh.clients import prepare_login, program, tunnel
from atoll_apps.ssh.options import as_arguments, login_options, port_options

if TYPE_CHECKING:
    from collections.abc import Callable

_EXCHANGES = 50
_CHUNK = bytes(256 * 1024)
_BLOCK, _ASKED_AHEAD = 512 * 1024, 3
"""Bytes of a block, and how many blocks are requested ahead: together less than the 2 MiB of
OpenSSH's window.
"""
_MB = 1_000_000


def _rounded(digits: int) -> "Callable[[float], str]":
    return lambda value: f"{value:.{digits}f}"


_COLUMNS = [
    Column("session"),
    Column("connect_ms", "Connection, ms", _rounded(0)),
    Column("latency_ms", "Exchange, ms", _rounded(2)),
    Column("download_mb_s", "Download, MB/s", _rounded(0)),
    Column("upload_mb_s", "Upload, MB/s", _rounded(0)),
]


@frozen
class Speed:
    """The result: latency in milliseconds, and throughput in 10^6 bytes a second."""

    session: str
    connect_ms: float
    latency_ms: float
    download_mb_s: float
    upload_mb_s: float


@click.command()
@click.argument("session", type=Name("session"))
@click.option(
    "--size",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    metavar="MB",
    help="How much to transfer in each direction.",
)
async def speedtest(context: Context, session: str, size: int) -> None:
    """Measure latency and throughput between here and a session.

    A connection lasts until the first byte of the session's SSH server arrives, an exchange is a
    byte there and back, throughput is that of one encrypted stream.
    """
    api = await context.connect()
    with context.output.progress(f"reaching {session} …") as show:
        login = await prepare_login(context, api, session)
        async with tunnel(context, api, login.session_id) as port:
            options = {**port_options(port), **login_options(login)}
            ssh = [*program("ssh"), *as_arguments(options), "-T", f"work@{login.name}"]
            connect = await _connection(port)
            show("measuring the latency …")
            latency = await _latency(ssh)
            show("measuring the download …")
            down = await _download(ssh, size * _MB)
            show("measuring the upload …")
            up = await _upload(ssh, size * _MB)
    context.output.item(Speed(login.name, connect, latency, down, up), _COLUMNS)


async def _connection(port: int) -> float:
    began = trio.current_time()
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        if not await stream.receive_some(1):
            raise AtollError("the session's SSH server closes the connection")
    return (trio.current_time() - began) * 1000


async def _latency(ssh: Sequence[str]) -> float:
    """Return the median time of an exchange, in milliseconds."""
    async with _Remote(ssh, "cat") as remote:
        await remote.exchange()  # the first exchange completes the login
        return median([await remote.exchange() for _ in range(_EXCHANGES)]) * 1000


async def _download(ssh: Sequence[str], size: int) -> float:
    """Return the throughput in 10^6 bytes a second, measured with blocks that are requested one by
    one.

    Dropbear up to 2020.81, the SSH server in sessions of Backend.AI 23.09 and 26.4, sends more than
    fits into the window of an SSH channel, and OpenSSH drops the rest. So no more is requested than
    fits.
    """
    blocks = max(1, size // _BLOCK)
    answer = f"while read -r _; do head -c {_BLOCK} /dev/zero; done"
    async with _Remote(ssh, f"printf . && {answer}") as remote:
        await remote.receive(1)
        began = trio.current_time()
        await remote.send(b"\n" * min(blocks, _ASKED_AHEAD))
        for count in range(blocks):
            await remote.receive(_BLOCK)
            if count + _ASKED_AHEAD < blocks:
                await remote.send(b"\n")
    return blocks * _BLOCK / _MB / (trio.current_time() - began)


async def _upload(ssh: Sequence[str], size: int) -> float:
    async with _Remote(ssh, f"printf . && head -c {size} > /dev/null && printf .") as remote:
        await remote.receive(1)
        began = trio.current_time()
        for start in range(0, size, len(_CHUNK)):
            await remote.send(_CHUNK[: size - start])
        await remote.receive(1)
    return size / _MB / (trio.current_time() - began)


class _Remote:
    """A command in the session with its input and output."""

    def __init__(self, ssh: Sequence[str], command: str) -> None:
        self._command = [*ssh, command]

    async def __aenter__(self) -> Self:
        self._process = await trio.lowlevel.open_process(self._command, stdin=PIPE, stdout=PIPE)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._process.kill()
        with trio.CancelScope(shield=True):
            await self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                await trio.aclose_forcefully(stream)

    async def exchange(self) -> float:
        """Send a byte and receive one; returns the seconds that this takes."""
        began = trio.current_time()
        await self.send(b"x")
        await self.receive(1)
        return trio.current_time() - began

    async def send(self, data: bytes) -> None:
        """Send bytes; raises AtollError when the command has ended."""
        try:
            if self._process.stdin is not None:
                await self._process.stdin.send_all(data)
        except trio.BrokenResourceError:
            raise AtollError("the command in the session ended early") from None

    async def receive(self, count: int) -> None:
        """Receive `count` bytes; raises AtollError when the command ends before."""
        while count > 0 and self._process.stdout is not None:
            some = await self._process.stdout.receive_some(min(count, len(_CHUNK)))
            if not some:
                raise AtollError("the command in the session ended early", hint="try atoll ssh")
            count -= len(some)
