"""Uvicorn's websocket protocol; here a route can take over the TCP connection of a websocket.

After that, the route reads and writes the socket itself, without the server. The server would copy
each message several times and use several turns of the event loop for it. For a tunnel, this would
be most of the work.
"""

import os
import socket
from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION = "atoll.take_over"
_NO_HANDSHAKE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol; it offers the connection to the route as an ASGI extension.

    It also answers requests that uvicorn does not answer, or that it logs as errors of the program.
    """

    def data_received(self, data: bytes) -> None:
        """Read bytes; answers invalid or too large handshakes with an error."""
        super().data_received(data)
        if not self.handshake_initiated and (refusal := self.conn.data_to_send()):
            # If the request is not GET or not HTTP, the library closes without an answer.
            self.transport.write(b"".join(refusal) or _NO_HANDSHAKE)
            self.handshake_complete = self.close_sent = True
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Pass a message to the route; text that is not UTF-8 closes the websocket."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(1007, "text must be UTF-8")
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        """Send a message of the route; raises ClientDisconnected if the websocket is closed."""
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        # A refusal also ends the handshake; otherwise uvicorn would log an error.
        self.handshake_complete = self.handshake_complete or self.close_sent

    def handle_connect(self, event: Any) -> None:
        """Start a request."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[_EXTENSION] = self._take_over

    def _take_over(self) -> socket.socket:
        """Return a copy of the socket; the server then treats the connection as closed."""
        if not self.handshake_complete or self.transport.get_write_buffer_size():
            raise RuntimeError("the handshake is not complete")
        self.transport.pause_reading()
        descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
        connection = socket.socket(fileno=descriptor)
        # The copy of the socket keeps the connection open.
        self.transport.abort()
        return connection


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def take_over(scope: Any) -> socket.socket:
    """Take over the connection of a websocket that was just accepted; its socket never blocks."""
    connection: socket.socket = scope["extensions"][_EXTENSION]()
    return connection
