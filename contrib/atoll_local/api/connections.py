"""Connections as the server keeps them, one request after the other."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    """Uvicorn's own, which ends a request in order whose body turns out to be no HTTP."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be read, unless an answer has begun already."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            # Whoever answers that request is told that its client has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
