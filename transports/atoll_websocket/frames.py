"""Frames of RFC 6455, as far as a stream of bytes needs them: without extensions and reassembly."""

import secrets
import struct

from attrs import frozen

try:
    from websockets.speedups import apply_mask
except ImportError:
    # Wheels for rare platforms contain no compiled code.
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_TWO_BYTES, _EIGHT_BYTES = 126, 127


class FrameError(Exception):
    """The received bytes are not a frame that a server may send."""


@frozen
class Header:
    """The header of a frame. `size` is its own length, `length` the payload's."""

    opcode: int
    final: bool
    size: int
    length: int

    @property
    def is_control(self) -> bool:
        """Whether the frame is a ping, a pong or a close, which may come between data frames."""
        return self.opcode >= CLOSE


def read_header(data: memoryview) -> Header | None:
    """Read a header at the start of `data`, None if it is incomplete; raises FrameError."""
    if len(data) < 2:
        return None
    first, length, size = data[0], data[1], 2
    if first & _RESERVED or length & _MASKED:
        raise FrameError("a frame has reserved bits set")
    if length == _TWO_BYTES:
        size = 4
    elif length == _EIGHT_BYTES:
        size = 10
    if len(data) < size:
        return None
    if size > 2:
        length = int.from_bytes(data[2:size])
    header = Header(first & _OPCODE, bool(first & _FINAL), size, length)
    if header.is_control and (length >= _TWO_BYTES or not header.final):
        raise FrameError("a control frame is longer than one may be")
    return header


def masked(opcode: int, payload: bytes | bytearray | memoryview) -> tuple[bytes, bytes]:
    """Return the header and the masked payload of a frame that a client sends."""
    length = len(payload)
    # The standard requires an unpredictable key, to protect caches on the way.
    key = secrets.token_bytes(4)
    first = _FINAL | opcode
    if length < _TWO_BYTES:
        header = struct.pack("!BB", first, _MASKED | length)
    elif length < 1 << 16:
        header = struct.pack("!BBH", first, _MASKED | _TWO_BYTES, length)
    else:
        header = struct.pack("!BBQ", first, _MASKED | _EIGHT_BYTES, length)
    return header + key, apply_mask(payload, key)


def close_payload(code: int, reason: str = "") -> bytes:
    """Return the payload of a close frame."""
    return code.to_bytes(2) + reason.encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """Return the code and the reason in a close frame; the code is 1005 if the frame has none."""
    if len(payload) < 2:
        return 1005, ""
    return int.from_bytes(payload[:2]), payload[2:].decode("utf-8", "replace")
