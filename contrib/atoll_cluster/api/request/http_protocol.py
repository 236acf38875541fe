"""Uvicorn's HTTP protocol, which here also ends requests with malformed bodies properly."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    """Uvicorn's protocol; it refuses a malformed body, and the handler gets ClientDisconnect."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to a malformed request; close the connection if an answer has begun."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            # Tell the handler of this request that the client has disconnected.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
