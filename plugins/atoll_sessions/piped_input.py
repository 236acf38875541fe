"""Sends what is piped into atoll into a run, as fast as the program there reads it."""

from contextlib import aclosing, suppress

import trio
from attrs import define, field

from atoll import Context
from atoll.transport import Channel, ChannelClosed

_LARGEST = 256 * 1024
"""Bytes in one message."""


@define
class SendWindow:
    """How many bytes may be sent before the program has read more of its input."""

    _size: int = 0
    _more: trio.Event = field(factory=trio.Event)

    def add(self, size: int) -> None:
        """Add bytes to the window."""
        self._size += size
        self._more.set()

    async def take(self, most: int) -> int:
        """Wait until the window is open; takes up to `most` bytes from it, and returns how many."""
        while not self._size:
            self._more = trio.Event()
            await self._more.wait()
        taken = min(most, self._size)
        self._size -= taken
        return taken


async def send_input(context: Context, channel: Channel, window: SendWindow) -> None:
    """Send the command's standard input into a run, and an empty message at its end."""
    # A run that ends before it has read all has read enough.
    with suppress(ChannelClosed):
        async with aclosing(context.stdin.pieces()) as pieces:
            async for piece in pieces:
                await _send(channel, memoryview(piece), window)
        await channel.send(b"")


async def _send(channel: Channel, data: memoryview, window: SendWindow) -> None:
    while data:
        size = await window.take(min(len(data), _LARGEST))
        await channel.send(bytes(data[:size]))
        data = data[size:]
