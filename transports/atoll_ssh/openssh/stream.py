"""A stream to a host, which `ssh` carries."""

import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import trio
from attrs import frozen

from atoll_ssh.openssh.mux import MuxClient

_CLOSE_TIMEOUT = 5.0
"""Seconds in which `ssh` must accept the last bytes of a stream that is closed."""


@frozen(eq=False)
class ForwardedStream(trio.abc.HalfCloseableStream):
    """A stream with a socket for each direction, since `ssh` can only end a whole descriptor.

    Its two sockets have the names that those of :class:`trio.StapledStream` have.
    """

    send_stream: trio.SocketStream
    receive_stream: trio.SocketStream
    _client: MuxClient

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        await self.send_stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until more bytes can be sent."""
        await self.send_stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Tell the other side that no more bytes will follow; it may still send."""
        await self.send_stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive bytes; empty at the end."""
        return await self.receive_stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close the stream, after `ssh` has taken the bytes that were sent."""
        try:
            with trio.move_on_after(_CLOSE_TIMEOUT), suppress(trio.BrokenResourceError):
                await self.send_stream.send_eof()
                # ssh closes its end of the socket when it has read everything.
                await self.send_stream.receive_some(1)
        except trio.ClosedResourceError:
            return
        finally:
            for one in (self.send_stream, self.receive_stream, self._client):
                await trio.aclose_forcefully(one)


async def open_forward(path: Path, host: str, port: int) -> ForwardedStream:
    """Open a stream to `host:port` by the `ssh` at a socket; raises MuxRefused, MuxGone."""
    client = await MuxClient.connect(path)
    with ExitStack() as ends:
        try:
            sending, input_end = map(ends.enter_context, socket.socketpair())
            receiving, output_end = map(ends.enter_context, socket.socketpair())
            await client.forward(host, port, (input_end.fileno(), output_end.fileno()))
            return ForwardedStream(_stream(sending), _stream(receiving), client)
        except BaseException:
            await trio.aclose_forcefully(client)
            raise


def _stream(end: socket.socket) -> trio.SocketStream:
    own = end.dup()
    own.setblocking(False)
    return trio.SocketStream(trio.socket.from_stdlib_socket(own))
