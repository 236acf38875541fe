"""Uvicorn's HTTP protocol, with a proper end for malformed request bodies."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    """Uvicorn's protocol; it refuses malformed bodies and tells the route."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, unless an answer has started."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            # The handler of that request learns that its client has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
