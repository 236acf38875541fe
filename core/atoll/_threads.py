"""Runs code that may block in threads: click's own prompts, and callbacks that are not async."""

import math
import queue
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import outcome
import trio
from attrs import define, field

from atoll._click_prompts import current_reader
from atoll._streams import current_source
from atoll._terminal import Source

T = TypeVar("T")
_Reply = queue.SimpleQueue[outcome.Outcome[str | None]]
_Asked = tuple[bool, _Reply]
_Channels = tuple[trio.MemorySendChannel[_Asked], trio.MemoryReceiveChannel[_Asked]]


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call a function in a thread, where it may block and use click's prompts.

    A thread can't be interrupted: after a cancellation, the function continues, and its result is
    dropped.
    """
    questions = _Questions(current_source.get() or Source(None))
    token = current_reader.set(questions)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(questions.answer)
            call = partial(trio.to_thread.run_sync, function, *arguments, abandon_on_cancel=True)
            result = await outcome.acapture(call)
            nursery.cancel_scope.cancel()
    finally:
        current_reader.reset(token)
    return result.unwrap()


@define
class _Questions:
    """Passes a thread's prompts to the event loop, and the answers back."""

    _source: Source
    _channels: _Channels = field(factory=lambda: trio.open_memory_channel[_Asked](math.inf))

    def read(self, *, hidden: bool) -> str | None:
        reply: _Reply = queue.SimpleQueue()
        trio.from_thread.run_sync(self._channels[0].send_nowait, (hidden, reply))
        return reply.get().unwrap()

    async def answer(self) -> None:
        """Read an answer for each prompt."""
        async for hidden, reply in self._channels[1]:
            answer: outcome.Outcome[str | None] = outcome.Error(KeyboardInterrupt())
            try:
                answer = outcome.Value(await self._source.line(hidden=hidden))
            finally:
                reply.put(answer)
