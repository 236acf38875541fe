"""Sends the input that is piped into atoll to a run, as fast as the program there reads it."""

from contextlib import aclosing, suppress

import trio
from attrs import define, field

from atoll import Context
from atoll.transport import Channel, ChannelClosed

_LARGEST = 256 * 1024
"""The most bytes in one message."""


@define
class SendWindow:
    """How many bytes may be sent before the program has read more of its input."""

    _size: int = 0
    _more: trio.Event = field(factory=trio.Event)

    def add(self, size: int) -> None:
        """Allow to send so many more bytes."""
        self._size += size
        self._more.set()

    async def take(self, most: int) -> int:
        """Wait until bytes may be sent; takes up to `most` of them from the window, and returns how
        many.
        """
        while not self._size:
            self._more = trio.Event()
            await self._more.wait()
        taken = min(most, self._size)
        self._size -= taken
        return taken


async def send_input(context: Context, channel: Channel, window: SendWindow) -> None:
    """Send the command's standard input into a run, and an empty message at its end."""
    # A run that ends before it has read everything does not need the rest.
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
