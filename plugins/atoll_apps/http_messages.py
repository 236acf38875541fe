"""Where messages of HTTP/1.1 end, so that the head of each can be looked at (RFC 9112).

Only what tells that is read, and strictly: where a message could be read in two ways, a server
behind us might see another request than we do.
"""

import re
from typing import Protocol

import h11
from attrs import define, field

LONGEST_HEAD = 64 * 1024
_LONGEST_LINE = 4096
"""Bytes of a line between the pieces of a body, at most."""
_HEAD_END = b"\r\n\r\n"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_WITHOUT_BODY = {204, 304}


class Malformed(Exception):
    """What came is no message of HTTP/1.1, or an unsafe one; `status` is the answer to that."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Body(Protocol):
    """Tells how much of what comes is a message's body."""

    @property
    def ended(self) -> bool:
        """Whether all of it has come."""

    def take(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to it; raises Malformed."""


@define
class Sized:
    """A body of which the length was told."""

    left: int

    @property
    def ended(self) -> bool:
        """Whether all of it has come."""
        return not self.left

    def take(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to it."""
        count = min(self.left, len(data))
        self.left -= count
        return count


@define
class Endless:
    """A body that ends with the connection."""

    ended: bool = False

    def take(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to it: all."""
        return len(data)


@define
class Chunked:
    """A body in pieces, each with its length before it."""

    ended: bool = False
    _left: int = 0
    _line: bytes = b""
    _heed: str = "size"
    _trailers: int = 0

    def take(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to it; raises Malformed."""
        at = 0
        while at < len(data) and not self.ended:
            if self._left:
                count = min(self._left, len(data) - at)
                self._left -= count
                at += count
            else:
                at += self._take_line(data[at : at + _LONGEST_LINE])
        return at

    def _take_line(self, data: memoryview) -> int:
        some = bytes(data)
        count = some.find(b"\n") + 1 or len(some)
        line, self._line = self._line + some[:count], b""
        if not line.endswith(b"\n"):
            self._line = line
            if len(line) >= _LONGEST_LINE:
                raise Malformed("A chunk's size is not told.")
        elif self._heed == "size":
            self._begin_chunk(line)
        elif self._heed == "end":
            self._end_chunk(line)
        else:
            self._take_trailer(line)
        return count

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise Malformed("A chunk's size is not told.")
        self._left = int(match[1], 16)
        self._heed = "end" if self._left else "trailer"

    def _end_chunk(self, line: bytes) -> None:
        if line != b"\r\n":
            raise Malformed("A chunk is longer than was told.")
        self._heed = "size"

    def _take_trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if self._trailers > LONGEST_HEAD:
            raise Malformed("The trailer is too long.", 431)
        self.ended = line == b"\r\n"


@define
class HeadReader:
    """Gathers a head from what comes."""

    _gathered: bytearray = field(factory=bytearray)

    @property
    def has_begun(self) -> bool:
        """Whether some of a head has come."""
        return bool(self._gathered)

    def take(self, data: bytes | memoryview) -> tuple[bytes, int]:
        """Return a head, empty until it is whole, and how many bytes of `data` belong to it.

        Raises Malformed for one that is too long.
        """
        before = len(self._gathered)
        self._gathered += data[: LONGEST_HEAD + 1]
        end = self._gathered.find(_HEAD_END, max(before - len(_HEAD_END), 0))
        if end < 0 and len(self._gathered) > LONGEST_HEAD:
            raise Malformed("The head is too long.", 431)
        if end < 0:
            return b"", len(data)
        end += len(_HEAD_END)
        head = bytes(self._gathered[:end])
        self._gathered.clear()
        return head, end - before


def read_request(head: bytes) -> h11.Request:
    """Read the head of a request; raises Malformed."""
    # Where a line may end in two ways, the head may end at two places.
    if not head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n"):
        raise Malformed("A line does not end in CR LF.")
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
    try:
        parser.receive_data(head)
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise Malformed(f"{error}.", error.error_status_hint) from None
    if not isinstance(request, h11.Request):
        raise Malformed("This is no request of HTTP/1.1.")
    return request


def check_request(request: h11.Request) -> None:
    """Check what HTTP leaves open and we do not; raises Malformed."""
    names = [name for name, _ in request.headers]
    if request.method == b"CONNECT":
        raise Malformed("This is no proxy to other hosts.", 405)
    if not request.target.startswith(b"/") or b"#" in request.target:
        raise Malformed("The target of a request is a path, which begins with a slash.")
    if b"transfer-encoding" in names and b"content-length" in names:
        raise Malformed("The length of the body is told in two ways.")
    if b"host" not in names:
        raise Malformed("The request names no host.")


def body_of(request: h11.Request) -> Body:
    """Return the body that follows a request's head."""
    fields = dict(request.headers)
    if b"transfer-encoding" in fields:
        return Chunked()
    return Sized(int(fields.get(b"content-length", b"0")))


def wants_upgrade(request: h11.Request) -> bool:
    """Whether the connection shall speak something else from here on."""
    return any(name == b"upgrade" for name, _ in request.headers)


def read_status(head: bytes) -> int:
    """Return the status of an answer; raises Malformed."""
    match = _STATUS.match(head)
    if match is None:
        raise Malformed("This is no answer of HTTP/1.1.")
    return int(match[1])


def body_of_answer(method: bytes, status: int, head: bytes) -> Body:
    """Return the body that follows an answer's head."""
    if method == b"HEAD" or status in _WITHOUT_BODY:
        return Sized(0)
    if _CHUNKED.search(head):
        return Chunked()
    if length := _LENGTH.search(head):
        return Sized(int(length[1]))
    return Endless()
