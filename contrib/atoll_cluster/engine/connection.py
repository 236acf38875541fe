"""A connection to a service inside a kernel: a descriptor that the kernel program handed out."""

import os
import socket

from attrs import define

from .contract import ServiceRefused
from .control import Control


@define
class ServiceConnection:
    """Bytes both ways, each of which can end on its own."""

    sock: socket.socket

    def close(self) -> None:
        """Let go of it; nobody may be waiting for it then."""
        self.sock.close()


async def ask_for_connection(control: Control, **request: object) -> ServiceConnection:
    """Ask a kernel program to connect; raises ServiceRefused and EngineError."""
    await control.send(op="connect", **request)
    _, descriptors = await control.receive_with_descriptor()
    if not descriptors:
        raise ServiceRefused("nobody listens there inside the session")
    try:
        return ServiceConnection(_socket(descriptors[0]))
    except OSError:
        raise control.fault("it sent something else than a connection") from None


def _socket(descriptor: int) -> socket.socket:
    os.set_blocking(descriptor, False)
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
