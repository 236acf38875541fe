"""Checks PNG files before a terminal gets them: they must be complete and of limited size, and
contain nothing but the picture.
"""

import struct
import zlib
from collections.abc import Iterator

from attrs import frozen

from atoll_sessions.pictures.media import Broken

MOST_PIXELS = 50_000_000
"""The most pixels of a picture that is drawn. Each takes up to 4 bytes while it is decoded."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks that make up the picture. Others hold texts and profiles, and may themselves unpack to
a huge size.
"""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""The number of values per pixel, by colour type."""
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""The passes of an interlaced picture: the x and y of the first pixel, and the steps in x and y."""
_PIECE = 1 << 20


@frozen
class Png:
    """A PNG file that was checked; `width` and `height` are in pixels."""

    content: bytes
    width: int
    height: int


def checked(content: bytes) -> Png:
    """Check a PNG file, and remove everything that is not part of the picture; raises Broken."""
    chunks = list(_chunks(content))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise Broken("its header is damaged")
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    check_size(width, height)
    if colours not in _SAMPLES or depth not in (1, 2, 4, 8, 16) or interlaced > 1:
        raise Broken("its header is damaged")
    if chunks[-1][0] != b"IEND":
        raise Broken("it is incomplete")
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    bits = depth * _SAMPLES[colours]
    needed = sum(_bytes_of_pass(width, height, bits, one) for one in passes)
    _check_pixels([data for name, data in chunks if name == b"IDAT"], needed)
    kept = b"".join(_chunk(name, data) for name, data in chunks if name in _KEPT_CHUNKS)
    return Png(_SIGNATURE + kept, width, height)


def check_size(width: int, height: int) -> None:
    """Raise Broken if a picture has no pixels, or too many."""
    if not width or not height:
        raise Broken("it has no pixels")
    if width * height > MOST_PIXELS:
        raise Broken(f"{width:,} x {height:,} pixels are too many to draw")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the data of each chunk, up to the end of the picture."""
    if not content.startswith(_SIGNATURE):
        raise Broken("it is not a PNG file")
    at = len(_SIGNATURE)
    while len(content) >= at + 12:
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            break
        name, data = content[at + 4 : at + 8], content[at + 8 : end]
        if zlib.crc32(content[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise Broken("a checksum in it is wrong")
        yield name, data
        if name == b"IEND":
            return
        at = end + 4
    raise Broken("it is incomplete")


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def _bytes_of_pass(width: int, height: int, bits: int, one: tuple[int, int, int, int]) -> int:
    x, y, across, down = one
    columns, rows = -((x - width) // across), -((y - height) // down)
    # Each row begins with a byte that names its filter.
    return rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0


def _check_pixels(pieces: list[bytes], needed: int) -> None:
    """Decompress the pixels piece by piece, up to the number that there should be; raises
    Broken.
    """
    unpacker, found = zlib.decompressobj(), 0
    try:
        for piece in pieces:
            rest = piece
            while rest and found < needed:
                found += len(unpacker.decompress(rest, _PIECE))
                rest = unpacker.unconsumed_tail
        while found < needed and (more := unpacker.decompress(unpacker.unconsumed_tail, _PIECE)):
            found += len(more)
    except zlib.error:
        raise Broken("its pixels are damaged") from None
    if found < needed:
        raise Broken("pixels are missing from it")
