"""The server's HTTP protocol: uvicorn's, with an orderly end for broken request bodies."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    """Uvicorn's protocol; a request with a broken body is refused, and its route is told."""

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
