"""Small pictures, and what can be wrong with them."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RED, BLUE = (255, 0, 0), (0, 0, 255)


def chunk(name: bytes, data: bytes) -> bytes:
    """Write a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, *, depth: int = 8, colours: int = 2, interlaced: int = 0):
    """Write the first chunk."""
    fields = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlaced)
    return chunk(b"IHDR", fields)


def png(width: int = 40, height: int = 20, *, extra: bytes = b"", pixels: bytes | None = None):
    """Make a picture whose upper half is red, and its lower half blue."""
    if pixels is None:
        rows = [bytes(RED) * width] * (height // 2) + [bytes(BLUE) * width] * (height - height // 2)
        pixels = b"".join(b"\0" + row for row in rows)
    packed = chunk(b"IDAT", zlib.compress(pixels))
    return SIGNATURE + header(width, height) + extra + packed + chunk(b"IEND", b"")


def svg(inside: str, attributes: str = 'width="40" height="20"') -> bytes:
    """Make an SVG picture."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f"{attributes}>{inside}</svg>"
    ).encode()
