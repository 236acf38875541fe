"""Read and write websocket frames (RFC 6455) as a server; passes payloads on as they arrive."""

import struct
from mmap import mmap

from attrs import define, field
from websockets.speedups import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_BUFFER = 512 * 1024
_KEY = 4
_LONGEST_CONTROL = 125


class BadFrame(Exception):
    """The bytes are not a valid frame from a client."""


def header(opcode: int, length: int) -> bytes:
    """Return the header of a frame; servers do not mask payloads."""
    if length < 126:
        return struct.pack("!BB", _FINAL | opcode, length)
    if length < 1 << 16:
        return struct.pack("!BBH", _FINAL | opcode, 126, length)
    return struct.pack("!BBQ", _FINAL | opcode, 127, length)


@define
class FrameReader:
    """Parses frames in one reused buffer: write to `room()`, call `received`, then call `take`.

    `take` returns binary messages in pieces, as they arrive; an empty piece means that the whole
    message is empty. It returns control frames as a whole, and skips text messages.
    """

    _buffer: memoryview = field(factory=lambda: memoryview(mmap(-1, _BUFFER)), init=False)
    """The buffer; the system allocates only the parts that are used."""
    _start: int = field(default=0, init=False)
    _end: int = field(default=0, init=False)
    _opcode: int = field(default=CONTINUATION, init=False)
    _left: int = field(default=0, init=False)
    """Bytes of the current frame's payload that `take` has not returned yet."""
    _key: bytes = field(default=b"", init=False)
    _is_data: bool = field(default=False, init=False)
    """Whether the current message is binary."""
    _is_nothing: bool = field(default=False, init=False)
    """Whether the current frame is a whole message and empty."""

    def room(self) -> memoryview:
        """Return the free part of the buffer; call this when `take` returns None."""
        rest = self._end - self._start
        if rest:
            self._buffer[:rest] = bytes(self._buffer[self._start : self._end])
        self._start, self._end = 0, rest
        return self._buffer[rest:]

    def received(self, count: int) -> None:
        """Record that `count` bytes were written to `room()`."""
        self._end += count

    def close(self) -> None:
        """Release the buffer."""
        self._buffer = memoryview(b"")

    def take(self) -> tuple[int, bytes] | None:
        """Return the next opcode and payload, None if more bytes are needed; raises BadFrame."""
        while self._left or self._begin():
            if self._opcode >= CLOSE:
                return self._opcode, self._take(self._left)
            if self._left and self._start == self._end:
                return None
            piece = self._take(min(self._left, self._end - self._start))
            if self._is_data and (piece or self._is_nothing):
                return BINARY, piece
        return None

    def _begin(self) -> bool:
        """Read the header of the next frame; returns False if it is incomplete."""
        have = self._end - self._start
        if have < 2:
            return False
        first, second = self._buffer[self._start], self._buffer[self._start + 1]
        opcode, length = first & _OPCODE, second & _LENGTH
        is_control, is_final = opcode >= CLOSE, bool(first & _FINAL)
        if first & _RESERVED or not second & _MASKED:
            raise BadFrame
        if is_control and (length > _LONGEST_CONTROL or not is_final):
            raise BadFrame
        size = 2 + {126: 2, 127: 8}.get(length, 0)
        if have < size + _KEY + (length if is_control else 0):
            return False
        if size > 2:
            length = int.from_bytes(self._buffer[self._start + 2 : self._start + size])
        self._start += size + _KEY
        self._key = bytes(self._buffer[self._start - _KEY : self._start])
        self._opcode, self._left = opcode, length
        if CONTINUATION < opcode < CLOSE:
            self._is_data = opcode == BINARY
        self._is_nothing = opcode == BINARY and is_final and not length
        return True

    def _take(self, count: int) -> bytes:
        piece = apply_mask(self._buffer[self._start : self._start + count], self._key)
        self._start += count
        self._left -= count
        turned = count % _KEY
        self._key = self._key[turned:] + self._key[:turned]
        return piece
