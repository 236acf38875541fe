"""A connection to a service inside a kernel: a descriptor that the kernel program handed out."""

import json
import os
import socket
from typing import Any

import anyio
from attrs import define

from .contract import EngineError, ServiceRefused
from .control import Control

CHUNK = 256 * 1024
"""Bytes taken at a time, at most."""


@define
class ServiceConnection:
    """Bytes both ways, each of which can end on its own."""

    _socket: socket.socket

    async def receive(self) -> bytes:
        """Return what the service sends next, nothing at its end."""
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                return self._socket.recv(CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise EngineError(f"the service broke the connection: {error.strerror}") from error

    async def send(self, data: bytes) -> None:
        """Send everything, waiting while the service does not take it."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise EngineError(f"the service takes no more: {error.strerror}") from error

    def send_eof(self) -> None:
        """Tell the service that no more will come; what it sends still arrives."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # It has gone, which is told where it is read from.

    def close(self) -> None:
        """Let go of it; nobody may be waiting in `receive` or `send` then."""
        self._socket.close()


async def ask_for_connection(control: Control, **request: object) -> ServiceConnection:
    """Ask a kernel program to connect; raises ServiceRefused and EngineError."""
    await control.send(op="connect", **request)
    line, descriptors = await control.receive_with_descriptor()
    answer: dict[str, Any] = json.loads(line)
    if descriptors:
        return ServiceConnection(_socket(descriptors[0]))
    if "error" in answer:
        raise EngineError(answer["error"])
    raise ServiceRefused("nobody listens there inside the session")


def _socket(descriptor: int) -> socket.socket:
    os.set_blocking(descriptor, False)
    return socket.socket(fileno=descriptor)
