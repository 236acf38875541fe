"""Tells the user that the cluster takes long to answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import outcome
import trio

T = TypeVar("T")
_SLOW = 2.0
"""Seconds."""


async def report_if_slow(tell: Callable[[], None], ask: Callable[[], Awaitable[T]]) -> T:
    """Await `ask()`; call `tell()` if it takes longer than two seconds."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note_later, tell)
        # The result is returned as a value, since the nursery would put an exception into a group.
        answer = await outcome.acapture(ask)
        nursery.cancel_scope.cancel()
    return answer.unwrap()


async def _note_later(tell: Callable[[], None]) -> None:
    await trio.sleep(_SLOW)
    tell()
