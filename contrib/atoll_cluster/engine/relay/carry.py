"""Carry one connection to a socket of the kernel, with the descriptor that it may return.

The caller's first line names the socket; what follows goes there and back as it is. When the kernel
hands out a connection to a service, the line that came with it is passed on, and from then on the
stream carries that service: pieces with four bytes of length before them, each way, where a length
of nothing ends its direction.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKETS = ("kernel.sock", "supervisor.sock")
CHUNK = 256 * 1024
HEAD = 4
LONGEST_NAME = 64


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one caller until either side has ended."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
        name = (await reader.readline())[:LONGEST_NAME].decode("ascii").strip()
        if name in SOCKETS:
            with socket.socket(socket.AF_UNIX) as kernel:
                kernel.setblocking(False)
                await asyncio.get_running_loop().sock_connect(kernel, name)
                await _speak(reader, writer, kernel)
    with contextlib.suppress(OSError):
        writer.close()


async def _speak(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kernel: socket.socket
) -> None:
    asking = asyncio.ensure_future(_ask(reader, kernel))
    answering = asyncio.ensure_future(_answer(kernel, writer))
    await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
    await _stop(asking)
    if not answering.done():
        await _stop(answering)
    elif descriptor := answering.result():
        with socket.socket(fileno=descriptor) as service:
            service.setblocking(False)
            await _serve(reader, writer, service)


async def _ask(reader: asyncio.StreamReader, kernel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(CHUNK):
        await loop.sock_sendall(kernel, data)


async def _answer(kernel: socket.socket, writer: asyncio.StreamWriter) -> int | None:
    """Pass the kernel's answers on; returns the connection in them, None at the end."""
    while True:
        await _readable(kernel)
        try:
            data, descriptors, _, _ = socket.recv_fds(kernel, CHUNK, 1)
        except BlockingIOError:
            continue
        if not data:
            return None
        writer.write(data)
        await writer.drain()
        if descriptors:
            return descriptors[0]


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: socket.socket
) -> None:
    """Carry a service's bytes until both directions have ended, or the caller has left."""
    coming = asyncio.ensure_future(_from_service(service, writer))
    going = asyncio.ensure_future(_to_service(reader, service))
    try:
        await asyncio.gather(coming, going)
    finally:
        await _stop(coming)
        await _stop(going)


async def _from_service(service: socket.socket, writer: asyncio.StreamWriter) -> None:
    loop, data = asyncio.get_running_loop(), b"."
    while data:
        try:
            data = await loop.sock_recv(service, CHUNK)
        except OSError:
            data = b""
        writer.write(len(data).to_bytes(HEAD, "big") + data)
        await writer.drain()


async def _to_service(reader: asyncio.StreamReader, service: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while size := int.from_bytes(await reader.readexactly(HEAD), "big"):
        while size:
            data = await reader.read(min(size, CHUNK))
            if not data:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(data)
            with contextlib.suppress(OSError):  # It may still send.
                await loop.sock_sendall(service, data)
    with contextlib.suppress(OSError):
        service.shutdown(socket.SHUT_WR)
    if not await reader.read(1):
        raise asyncio.IncompleteReadError(b"", HEAD)  # The caller has gone, without waiting.


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, tell)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


async def _stop(task: asyncio.Future[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, OSError, EOFError):
        await task
