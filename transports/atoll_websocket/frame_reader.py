"""Reads the payload of frames as it arrives, before the frames are complete."""

from collections.abc import Callable

from attrs import define, field

from atoll_websocket.frames import BINARY, CONTINUATION, Header, read_header
from atoll_websocket.wire import Wire


@define
class FrameReader:
    """The payloads of binary frames, from one reused buffer.

    `on_control` is called with the opcode and the payload of a ping, a pong or a close. `no_more`
    is set after an empty binary message, which says that no bytes follow; callers may also set it.
    """

    wire: Wire
    on_control: Callable[[int, bytes], None]
    buffer: memoryview
    filled: int = 0
    no_more: bool = False
    _start: int = 0
    _left: int = field(default=0, init=False)
    """Bytes of the current frame that were not returned yet."""
    _is_data: bool = field(default=False, init=False)

    @property
    def is_between_frames(self) -> bool:
        """Whether the last byte read was the end of a frame."""
        return not self._left and self._start == self.filled

    async def next(self, limit: int) -> memoryview:
        """Return the next bytes, which are valid until the next call; empty if there are no more.

        Raises FrameError, BrokenResourceError, and EOFError at the end of the connection.
        """
        while not self.no_more:
            if self._left and self._start < self.filled:
                piece = self._take(min(self._left, self.filled - self._start, limit))
                if self._is_data:
                    return piece
            elif self._left or not self._begin_frame():
                await self._fill()
        return self.buffer[:0]

    def close(self) -> None:
        """Release the buffer, and the callback."""
        self.no_more = True
        self.buffer = memoryview(b"")
        self.on_control = _nobody

    def _take(self, count: int) -> memoryview:
        piece = self.buffer[self._start : self._start + count]
        self._start += count
        self._left -= count
        return piece

    def _begin_frame(self) -> bool:
        """Read the next frame's header, and all of a control frame; False if more bytes are
        needed.
        """
        header = read_header(self.buffer[self._start : self.filled])
        if header is None:
            return False
        if header.is_control:
            return self._take_control(header)
        self._start += header.size
        self._left = header.length
        if header.opcode != CONTINUATION:
            # Text frames have no meaning here, and are ignored.
            self._is_data = header.opcode == BINARY
            self.no_more = self._is_data and header.final and not header.length
        return True

    def _take_control(self, header: Header) -> bool:
        begin = self._start + header.size
        if begin + header.length > self.filled:
            return False
        payload = bytes(self.buffer[begin : begin + header.length])
        self._start = begin + header.length
        self.on_control(header.opcode, payload)
        return True

    async def _fill(self) -> None:
        """Read more bytes. The buffer still contains at most a part of a header or of a control
        frame.
        """
        rest = self.filled - self._start
        if rest:
            self.buffer[:rest] = bytes(self.buffer[self._start : self.filled])
        self._start, self.filled = 0, rest
        count = await self.wire.read_into(self.buffer[rest:])
        if not count:
            raise EOFError
        self.filled += count


def _nobody(_opcode: int, _payload: bytes) -> None:
    """The callback after `close`, which does nothing."""
