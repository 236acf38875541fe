"""A bound on what is under way at a time, in bytes, over all files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field


@define
class Budget:
    """As many bytes as may be under way: what a cut connection costs, and memory, at most."""

    size: int
    _used: int = 0
    _turn: trio.Lock = field(factory=trio.Lock)
    _freed: trio.Event = field(factory=trio.Event)

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Wait for room, first come first served, and hold it; more than all is all."""
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
