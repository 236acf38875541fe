"""What requests are answered that the end of the program cuts short."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atoll_local.api.problems import unavailable


class CutShort:
    """Says "not now" where uvicorn, which cancels what takes too long to end, would say 500.

    Clients come back after the one, and report the other.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_answered = scope["type"] != "http"

        async def note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            if is_answered:
                raise
            await unavailable("the cluster is stopping").response()(scope, receive, send)
