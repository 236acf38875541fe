"""A connection to a service in a kernel: a descriptor that the kernel program sends.

On another machine, which cannot send descriptors, the kernel's relay keeps the descriptor and
copies the bytes.
"""

import asyncio
import os
import socket

import anyio
from anyio.abc import ByteStream, TaskGroup
from attrs import define

from .contract import KernelGone, ServiceRefused
from .control import CLOSED, Control
from .relay.carry import CHUNK, HEAD


@define
class ServiceConnection:
    """A stream of bytes in both directions; each direction can end separately."""

    sock: socket.socket
    _closed: anyio.Event | None = None

    def close(self) -> None:
        """Close the socket; no task may wait for the socket at this time."""
        self.sock.close()
        if self._closed is not None:
            self._closed.set()


async def ask_for_connection(control: Control, **request: object) -> ServiceConnection:
    """Ask a kernel program for a connection; raises ServiceRefused and EngineError."""
    await control.send(op="connect", **request)
    _, descriptors = await control.receive_with_descriptor()
    if not descriptors:
        raise ServiceRefused("nothing listens there inside the session")
    try:
        return ServiceConnection(_socket(descriptors[0]))
    except OSError:
        raise control.fault("it did not send a connection") from None


def _socket(descriptor: int) -> socket.socket:
    os.set_blocking(descriptor, False)
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise


async def relay_connection(
    control: Control, carriers: TaskGroup, **request: object
) -> ServiceConnection:
    """Ask a kernel behind a relay for a connection; raises ServiceRefused and EngineError.

    From then on, the connection of `control` carries the service's bytes, and a task in `carriers`
    copies them.
    """
    await control.send(op="connect", **request)
    answer = await control.receive()
    if answer.get("event") != "connected":
        raise ServiceRefused("nothing listens there inside the session")
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    stream, begin = control.detach()
    closed = anyio.Event()
    carriers.start_soon(_carry, stream, begin, theirs, closed)
    return ServiceConnection(ours, closed)


async def _carry(
    stream: ByteStream, begin: bytes, sock: socket.socket, closed: anyio.Event
) -> None:
    """Copy bytes between a relay and a socket pair, until the pair is closed."""
    with sock:
        try:
            async with anyio.create_task_group() as ways:
                ways.start_soon(_from_node, _Pieces(stream, begin), sock)
                await _to_node(sock, stream)
                await closed.wait()
                ways.cancel_scope.cancel()
        except* (*CLOSED, anyio.EndOfStream, KernelGone, OSError):
            pass  # One side has closed its connection, so the other side is closed, too.
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)


async def _to_node(sock: socket.socket, stream: ByteStream) -> None:
    loop, data = asyncio.get_running_loop(), b"."
    while data:
        data = await loop.sock_recv(sock, CHUNK)
        await stream.send(len(data).to_bytes(HEAD) + data)


async def _from_node(pieces: "_Pieces", sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while left := int.from_bytes(await pieces.exactly(HEAD)):
        while left:
            data = await pieces.some(left)
            left -= len(data)
            await loop.sock_sendall(sock, data)
    sock.shutdown(socket.SHUT_WR)


@define
class _Pieces:
    """Reads a stream after bytes that were already read from it."""

    _stream: ByteStream
    _begin: bytes

    async def some(self, most: int) -> bytes:
        """Return at least one byte and at most `most` bytes."""
        data = self._begin or await self._stream.receive(CHUNK)
        self._begin = data[most:]
        return data[:most]

    async def exactly(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        data = b""
        while len(data) < count:
            data += await self.some(count - len(data))
        return data
