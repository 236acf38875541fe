"""Opens channels into a session; they are closed when the session ends."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, NotFound, Problem
from atoll.outages import Backoff
from atoll.transport import Channel
from atoll.urls import path
from atoll_sessions.model import DEAD
from atoll_sessions.queries import get_session

if TYPE_CHECKING:
    from atoll import Api

WEB_SERVERS_ANSWER = "bad-gateway"
"""The error of web servers for every handshake that the cluster refuses."""
_FIRST_POLL = 5.0
"""Seconds until the session's status is first checked; most channels are closed before."""
_POLLS = Backoff(first=5.0, longest=10.0)


@asynccontextmanager
async def open_stream(api: "Api", session_id: str, name: str) -> AsyncIterator[Channel]:
    """Open a channel (`GET /stream/session/{s}/{name}`) that is closed when its session ends.

    Managers close it themselves. Web servers of 23.09 and 26.x don't pass that on, so over a web
    server the session's status is checked from time to time.
    """
    opening = api.open(path("stream", "session", session_id, name))
    if api.login is None:
        async with opening as channel:
            yield channel
        return
    async with (
        _explaining_refusal(opening, session_id) as channel,
        _watched(api, session_id, channel),
    ):
        yield channel


@asynccontextmanager
async def _explaining_refusal(
    opening: AbstractAsyncContextManager[Channel], session_id: str
) -> AsyncIterator[Channel]:
    """Open a channel; if a web server answers that it can't reach the cluster, explain what that
    may mean.
    """
    async with AsyncExitStack() as stack:
        try:
            channel = await stack.enter_async_context(opening)
        except Problem as problem:
            if problem.type != WEB_SERVERS_ANSWER:
                raise
            message = f"the cluster opens no channel to session {session_id}"
            hint = "the web server hides the reason; check with atoll ps that the session runs"
            raise AtollError(message, hint=hint) from None
        yield channel


@asynccontextmanager
async def _watched(api: "Api", session_id: str, channel: Channel) -> AsyncIterator[None]:
    """During the block, close a channel when its session ends."""
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_close_with, api, session_id, channel)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again below, outside the nursery's group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _close_with(api: "Api", session_id: str, channel: Channel) -> None:
    """Close a channel once its session has ended."""
    await trio.sleep(_FIRST_POLL)
    async for _ in _POLLS:
        try:
            session = await get_session(api, session_id, ["id", "status"])
        except NotFound:
            break
        except AtollError:
            continue  # the session may still run although the cluster can't be reached
        if session.status in (*DEAD, "TERMINATING"):
            break
    await channel.aclose()
