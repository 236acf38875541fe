"""Limits the number of bytes that are being transferred at one time, over all files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field


@define
class Budget:
    """The number of bytes that may be in transfer. It limits the use of memory, and how much a
    broken connection can lose.
    """

    size: int
    _used: int = 0
    _turn: trio.Lock = field(factory=trio.Lock)
    _freed: trio.Event = field(factory=trio.Event)

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Wait for this many bytes of the budget, in order of arrival, and hold them during the
        block; a request for more than the budget holds all of it.
        """
        size = min(size, self.size)
        async with self._turn:
            while self._used + size > self.size:
                await self._freed.wait()
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            self._freed.set()
            self._freed = trio.Event()
