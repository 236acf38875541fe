"""Answer requests that are cancelled because the program stops."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atoll_cluster.api.request.problems import unavailable


class UnavailableOnShutdown:
    """ASGI middleware that answers 503 if uvicorn cancels a request because the program stops.

    Without it, uvicorn would answer 500. Clients try again after 503, but report 500 as an error.
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
