"""What is piped into atoll on its way into a run, as fast as the program there takes it."""

from contextlib import aclosing, suppress

import trio
from attrs import define, field

from atoll import Context
from atoll.transport import Channel, ChannelClosed

_LARGEST = 256 * 1024
"""Bytes in one message."""


@define
class Room:
    """How many bytes the cluster takes before the program has read what it was sent."""

    _size: int = 0
    _more: trio.Event = field(factory=trio.Event)

    def add(self, size: int) -> None:
        """Let so many bytes more be sent."""
        self._size += size
        self._more.set()

    async def take(self, most: int) -> int:
        """Wait until there is some; returns how much of it was taken."""
        while not self._size:
            self._more = trio.Event()
            await self._more.wait()
        taken = min(most, self._size)
        self._size -= taken
        return taken


async def feed(context: Context, channel: Channel, room: Room) -> None:
    """Send what is piped into the command into a run, and an empty message for its end."""
    # A run that ends before it has read all has read enough.
    with suppress(ChannelClosed):
        async with aclosing(context.stdin.pieces()) as pieces:
            async for piece in pieces:
                await _send(channel, memoryview(piece), room)
        await channel.send(b"")


async def _send(channel: Channel, data: memoryview, room: Room) -> None:
    while data:
        size = await room.take(min(len(data), _LARGEST))
        await channel.send(bytes(data[:size]))
        data = data[size:]
