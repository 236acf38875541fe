"""Decompressing bodies, in pieces of a bounded size.

httpx decompresses each received piece as a whole, and the result can be a thousand times larger.
"""

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
"""The encodings that servers may send (`Accept-Encoding`)."""
_PIECE = 1024 * 1024
_ANY_HEADER = 47
"""zlib's code for data that may have the header of gzip or that of zlib."""


class Undecodable(Exception):
    """A body is not compressed as its headers say, or in a way that was not accepted."""


class Unpacker:
    """Decompresses a body with the methods of `Content-Encoding`; raises Undecodable."""

    def __init__(self, encoding: str) -> None:
        self._stream = None
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._stream = zlib.decompressobj(_ANY_HEADER)
        elif encoding not in ("", "identity"):
            raise Undecodable(f"unexpected encoding {encoding[:40]}")

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the decompressed data of a piece, in pieces of limited size."""
        if self._stream is None:
            yield chunk
            return
        while chunk and not self._stream.eof:
            try:
                piece = self._stream.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise Undecodable(str(error)) from None
            chunk = self._stream.unconsumed_tail
            yield piece

    def finish(self) -> None:
        """Raise Undecodable if the end of the data is missing."""
        if self._stream is not None and not self._stream.eof:
            raise Undecodable("the end is missing")
