"""Decompressing bodies, in pieces of a bounded size.

httpx decompresses each received piece as a whole, which can grow a thousand times.
"""

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
"""What servers are told that they may send."""
_PIECE = 1024 * 1024
_ANY_HEADER = 47
"""zlib's own number for: of gzip or zlib, whichever the first bytes say."""


class Undecodable(Exception):
    """A body is not compressed as its headers say, or in a way that was not asked for."""


class Unpacker:
    """Decompresses what `Content-Encoding` names; raises Undecodable."""

    def __init__(self, encoding: str) -> None:
        self._stream = None
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._stream = zlib.decompressobj(_ANY_HEADER)
        elif encoding not in ("", "identity"):
            raise Undecodable(f"unexpected encoding {encoding[:40]}")

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the decompressed data of a piece, in pieces."""
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
        """Raise Undecodable if the end is missing."""
        if self._stream is not None and not self._stream.eof:
            raise Undecodable("the end is missing")
