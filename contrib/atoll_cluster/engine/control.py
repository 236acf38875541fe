"""The engine's side of a kernel's control socket, which carries lines of JSON."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteStream, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import define, field

from .contract import EngineError, KernelFault, KernelGone

LONGEST_LINE = 20 * 1024 * 1024
LONGEST_LINE_WITH_FILE = 4096
LONGEST_ERROR = 1000
FLUSH_TIMEOUT = 2.0
"""Seconds to wait for a supervisor to write its output to the log; then the log is read anyway."""
GONE = "the kernel has ended"
KERNEL_SOCKET, SUPERVISOR_SOCKET = "kernel.sock", "supervisor.sock"
"""The names of the two sockets in a kernel's `run/`: of its program and of its supervisor."""
CLOSED = (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)

Tell = Callable[[str], None]
Way = Callable[[str], Awaitable[ByteStream]]
"""Connects to the socket with this name in a kernel's folder; raises KernelGone."""


@define
class Control:
    """A connection to a kernel; all failures are EngineErrors.

    A kernel is not trusted, because the session's code can replace it. Invalid messages are
    reported to `on_fault` and raised as KernelFault.
    """

    _stream: ByteStream
    _on_fault: Tell
    _lines: BufferedByteReceiveStream = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = BufferedByteReceiveStream(self._stream)

    async def send(self, **message: object) -> None:
        try:
            await self._stream.send(json.dumps(message).encode() + b"\n")
        except CLOSED as error:
            raise KernelGone(GONE) from error

    async def receive(self) -> dict[str, Any]:
        try:
            line = await self._lines.receive_until(b"\n", LONGEST_LINE)
        except CLOSED as error:
            raise KernelGone(GONE) from error
        except anyio.DelimiterNotFound:
            raise self.fault(f"it sent a message of more than {LONGEST_LINE >> 20} MiB") from None
        return self.read(line)

    async def receive_with_descriptor(self) -> tuple[dict[str, Any], list[int]]:
        """Return the first message and the descriptor that was sent with it."""
        if not isinstance(self._stream, UNIXSocketStream):
            raise TypeError("only a unix socket can carry an open file")
        try:
            line, descriptors = await self._stream.receive_fds(LONGEST_LINE_WITH_FILE, 1)
        except (*CLOSED, anyio.EndOfStream) as error:
            raise KernelGone(GONE) from error
        except RuntimeError:
            raise self.fault("it did not send an open file") from None
        try:
            return self.read(line), descriptors
        except EngineError:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def read(self, line: bytes) -> dict[str, Any]:
        """Return the message in a line; raises EngineError if the message reports an error."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self.fault("it sent an invalid message")
        if "error" in message:
            raise EngineError(str(message["error"])[:LONGEST_ERROR])
        return message

    def fault(self, what: str) -> KernelFault:
        """Report that the kernel has sent invalid data; returns the error to raise."""
        reason = f"the kernel sent invalid data: {what}"
        self._on_fault(reason)
        return KernelFault(reason)

    async def ask(self, **message: object) -> dict[str, Any]:
        await self.send(**message)
        return await self.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def detach(self) -> tuple[ByteStream, bytes]:
        """Return the connection and the bytes that were already read."""
        return self._stream, self._lines.buffer


def _ignore(_reason: str) -> None:
    pass


async def connect(way: Way, on_fault: Tell = _ignore, name: str = KERNEL_SOCKET) -> Control:
    """Connect to a kernel's program, or to its supervisor; raises KernelGone."""
    return Control(await way(name), on_fault)


async def connect_here(run_folder: Path, name: str) -> UNIXSocketStream:
    """Connect to a socket in a run folder of this machine; raises KernelGone.

    The address names the folder by a descriptor, because a socket address can have only 108 bytes.
    """
    try:
        fd = os.open(run_folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelGone(GONE) from error
    try:
        return await anyio.connect_unix(f"/proc/self/fd/{fd}/{name}")
    except OSError as error:
        raise KernelGone(GONE) from error
    finally:
        os.close(fd)


async def flush_log(way: Way) -> int:
    """Wait, for a limited time, until a kernel's output so far is in its log.

    Returns the size of the log in bytes, 0 if unknown.
    """
    printed: object = 0
    with anyio.move_on_after(FLUSH_TIMEOUT), contextlib.suppress(EngineError):
        supervisor = await connect(way, name=SUPERVISOR_SOCKET)
        try:
            printed = (await supervisor.receive()).get("printed")
        finally:
            await supervisor.aclose()
    return printed if isinstance(printed, int) else 0


@contextlib.asynccontextmanager
async def connected(way: Way, on_fault: Tell) -> AsyncIterator[Control]:
    """Connect to a kernel's program; the connection is closed at the end of the block."""
    control = await connect(way, on_fault)
    try:
        yield control
    finally:
        await control.aclose()
