"""Websockets whose connection a route may take over, to read and write it without the server.

A message that goes through the server is copied several times on its way, and each one costs turns
of the loop. For tunnels that is most of what they cost.
"""

import os
import socket
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION = "atoll.handover"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's own, which offers the connection to the route as an extension of the scope."""

    def handle_connect(self, event: Any) -> None:
        """Begin a request."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[_EXTENSION] = self._hand_over

    def _hand_over(self) -> socket.socket:
        """Give the connection away; the server takes it for closed from here on."""
        if not self.handshake_complete or self.transport.get_write_buffer_size():
            raise RuntimeError("the handshake is not over")
        self.transport.pause_reading()
        descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
        connection = socket.socket(fileno=descriptor)
        # The copy keeps the connection open.
        self.transport.abort()
        return connection


def take_over(scope: Any) -> socket.socket:
    """Return the connection of a websocket that has just been accepted, before anything was read.

    It does not block.
    """
    connection: socket.socket = scope["extensions"][_EXTENSION]()
    return connection
