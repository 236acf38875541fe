"""Carry one connection to a socket of the kernel, with the descriptor that the kernel may send.

The caller's first line names the socket, and the kernel if the relay serves several; all further
bytes are copied without changes in both directions. If the kernel sends the descriptor of a
connection to a service, the caller gets the line that came with it, and then the stream carries the
bytes of the service. Both directions then consist of pieces, each preceded by its length in four
bytes; length 0 ends the direction.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKETS = ("kernel.sock", "supervisor.sock")
CHUNK = 256 * 1024
HEAD = 4
LONGEST_NAME = 128
KERNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kernels: str = ""
) -> None:
    """Serve one caller until either side has ended.

    The caller gets a socket in this folder, or in `run/` of a kernel whose folder is in `kernels`.
    """
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
        name = (await reader.readline())[:LONGEST_NAME].decode("ascii").strip()
        kernel_id, _, name = name.rpartition("/")
        is_known = not kernel_id or (kernels and KERNEL.fullmatch(kernel_id))
        if name in SOCKETS and is_known:
            folder = os.path.join(kernels, kernel_id, "run") if kernel_id else "."
            with socket.socket(socket.AF_UNIX) as kernel:
                kernel.setblocking(False)
                await _connect(kernel, folder, name)
                await _exchange_messages(reader, writer, kernel)
    with contextlib.suppress(OSError):
        writer.close()


async def _connect(kernel: socket.socket, folder: str, name: str) -> None:
    """Connect to a socket in a folder; the path may be longer than an address can be."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(kernel, f"/proc/self/fd/{fd}/{name}")
    finally:
        os.close(fd)


async def _exchange_messages(
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
    """Copy the kernel's answers to the caller.

    Returns the descriptor as soon as an answer comes with one, None at the end of the answers.
    """
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
    """Carry a service's bytes until both directions have ended, or the caller has disconnected."""
    from_kernel = asyncio.ensure_future(_from_service(service, writer))
    to_kernel = asyncio.ensure_future(_to_service(reader, service))
    try:
        await asyncio.gather(from_kernel, to_kernel)
    finally:
        await _stop(from_kernel)
        await _stop(to_kernel)


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
            with contextlib.suppress(OSError):  # The service may still send.
                await loop.sock_sendall(service, data)
    with contextlib.suppress(OSError):
        service.shutdown(socket.SHUT_WR)
    if not await reader.read(1):
        raise asyncio.IncompleteReadError(b"", HEAD)  # The caller has disconnected.


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
