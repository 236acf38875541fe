"""A connection to a service inside a kernel: a descriptor that the kernel program handed out."""

import json
import os
import socket
from typing import Any

from attrs import define

from .contract import EngineError, ServiceRefused
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
