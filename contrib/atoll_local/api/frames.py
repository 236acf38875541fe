"""Frames of RFC 6455 as a server reads and writes them, passed on before they have come whole."""

import socket
import struct
from collections.abc import AsyncIterator

from attrs import define, field, frozen
from websockets.speedups import apply_mask

from atoll_local.api.moving import Mover

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_BUFFER = 512 * 1024
_KEY = 4
_LONGEST_CONTROL = 125


class BadFrame(Exception):
    """What came is no frame that a client may send."""


def header(opcode: int, length: int) -> bytes:
    """Return what stands before a payload, which servers don't mask."""
    if length < 126:
        return struct.pack("!BB", _FINAL | opcode, length)
    if length < 1 << 16:
        return struct.pack("!BBH", _FINAL | opcode, 126, length)
    return struct.pack("!BBQ", _FINAL | opcode, 127, length)


async def frames(client: socket.socket, mover: Mover) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the pieces of binary messages as they come, and pings, until the client closes.

    A piece is nothing if, and only if, the whole message was. Raises BadFrame and OSError.
    """
    reader = _Reader(client, mover)
    is_data = False
    while (head := await reader.head()) is not None:
        if head.opcode == CLOSE:
            return
        if head.opcode in {PING, PONG}:
            payload = await reader.whole(head)
            if head.opcode == PING:
                yield PING, payload
            continue
        if head.opcode != CONTINUATION:
            is_data = head.opcode == BINARY
            if is_data and head.final and not head.length:
                yield BINARY, b""
        async for piece in reader.pieces(head):
            if is_data:
                yield BINARY, piece


@frozen
class _Head:
    opcode: int
    final: bool
    length: int
    key: bytes


@define
class _Reader:
    """Takes frames out of one reused buffer."""

    _client: socket.socket
    _mover: Mover
    _buffer: memoryview = field(factory=lambda: memoryview(bytearray(_BUFFER)))
    _start: int = 0
    _end: int = 0

    async def head(self) -> _Head | None:
        """Return what stands before the next payload, None where the client has gone."""
        if not await self._have(2):
            return None
        first, second = self._buffer[self._start : self._start + 2]
        length, size = second & _LENGTH, 2
        opcode = first & _OPCODE
        if first & _RESERVED or not second & _MASKED or (opcode >= CLOSE and length > 125):
            raise BadFrame
        size += {126: 2, 127: 8}.get(length, 0)
        if not await self._have(size + _KEY):
            return None
        if size > 2:
            length = int.from_bytes(self._buffer[self._start + 2 : self._start + size])
        key = bytes(self._buffer[self._start + size : self._start + size + _KEY])
        self._start += size + _KEY
        return _Head(opcode, bool(first & _FINAL), length, key)

    async def whole(self, head: _Head) -> bytes:
        """Return all of a short payload."""
        return b"".join([piece async for piece in self.pieces(head)])

    async def pieces(self, head: _Head) -> AsyncIterator[bytes]:
        """Yield a payload as it comes."""
        left, key = head.length, head.key
        while left:
            if not await self._have(1):
                raise ConnectionResetError
            count = min(left, self._end - self._start)
            yield apply_mask(self._buffer[self._start : self._start + count], key)
            self._start += count
            left -= count
            turned = count % _KEY
            key = key[turned:] + key[:turned]

    async def _have(self, count: int) -> bool:
        """Read until so many bytes are there; False if they don't come any more."""
        while self._end - self._start < count:
            rest = self._end - self._start
            self._buffer[:rest] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, rest
            more = await self._mover.read_into(self._client, self._buffer[rest:])
            if not more:
                return False
            self._end += more
        return True
