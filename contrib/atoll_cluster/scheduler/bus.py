"""Passes the events of sessions to all present listeners inside the program.

A new listener does not get old events. To miss no change, call `change()`, then read the store,
then wait for the change.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from attrs import field, frozen

_BACKLOG = 1024


@frozen(kw_only=True)
class SessionEvent:
    """An event of `/events/session`; `kernel` has the extra keys of kernel events."""

    name: str
    session_id: str
    reason: str = ""
    exit_code: int | None = None
    kernel: dict[str, Any] = field(factory=dict)


class Bus:
    """Passes events to listeners; a listener that is too slow is disconnected."""

    def __init__(self) -> None:
        self._change = anyio.Event()
        self._listeners: set[MemoryObjectSendStream[SessionEvent]] = set()

    def publish(self, *events: SessionEvent) -> None:
        """Publish events, and wake all tasks that wait for a change."""
        self._change.set()
        self._change = anyio.Event()
        for listener in list(self._listeners):
            self._hand(listener, events)

    def _hand(
        self, listener: MemoryObjectSendStream[SessionEvent], events: tuple[SessionEvent, ...]
    ) -> None:
        try:
            for event in events:
                listener.send_nowait(event)
        except (anyio.WouldBlock, anyio.BrokenResourceError):
            self._listeners.discard(listener)
            listener.close()

    def change(self) -> anyio.Event:
        """Return the event that is set at the next change."""
        return self._change

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[MemoryObjectReceiveStream[SessionEvent]]:
        """Receive all events published inside the block."""
        send, receive = anyio.create_memory_object_stream[SessionEvent](_BACKLOG)
        self._listeners.add(send)
        try:
            with send, receive:
                yield receive
        finally:
            self._listeners.discard(send)

    def close(self) -> None:
        """Close the stream of each listener."""
        for listener in list(self._listeners):
            listener.close()
        self._listeners.clear()
        self._change.set()
