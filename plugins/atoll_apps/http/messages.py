"""Finding the end of each HTTP/1.1 message, so that every head can be checked (RFC 9112).

Only the fields that decide this are parsed, and strictly: if a message could be read in two ways,
the service might see a different request than the check (request smuggling).
"""

import re
from typing import Protocol

import h11
from attrs import define, field

MAX_HEAD = 64 * 1024
_MAX_LINE = 4096
"""Bytes of a line between the chunks of a body, at most."""
_HEAD_END = b"\r\n\r\n"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_WITHOUT_BODY = {204, 304}


class Malformed(Exception):
    """An invalid or unsafe HTTP/1.1 message; `status` is the status of the response to it."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Body(Protocol):
    """Counts the bytes that belong to the body of a message."""

    @property
    def ended(self) -> bool:
        """Whether the body is complete."""

    def consume(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to the body; raises Malformed."""


@define
class FixedLengthBody:
    """A body with a known length."""

    left: int

    @property
    def ended(self) -> bool:
        """Whether the body is complete."""
        return not self.left

    def consume(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to the body."""
        count = min(self.left, len(data))
        self.left -= count
        return count


@define
class UntilCloseBody:
    """A body that ends when the connection closes."""

    ended: bool = False

    def consume(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to the body: all."""
        return len(data)


@define
class ChunkedBody:
    """A body in chunks, each with its size before it."""

    ended: bool = False
    _left: int = 0
    _line: bytes = b""
    _expected: str = "size"
    _trailers: int = 0

    def consume(self, data: memoryview) -> int:
        """Return how many bytes of `data` belong to the body; raises Malformed."""
        at = 0
        while at < len(data) and not self.ended:
            if self._left:
                count = min(self._left, len(data) - at)
                self._left -= count
                at += count
            else:
                at += self._take_line(data[at : at + _MAX_LINE])
        return at

    def _take_line(self, data: memoryview) -> int:
        some = bytes(data)
        count = some.find(b"\n") + 1 or len(some)
        line, self._line = self._line + some[:count], b""
        if not line.endswith(b"\n"):
            self._line = line
            if len(line) >= _MAX_LINE:
                raise Malformed("A chunk has no valid size.")
        elif self._expected == "size":
            self._begin_chunk(line)
        elif self._expected == "end":
            self._end_chunk(line)
        else:
            self._take_trailer(line)
        return count

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise Malformed("A chunk has no valid size.")
        self._left = int(match[1], 16)
        self._expected = "end" if self._left else "trailer"

    def _end_chunk(self, line: bytes) -> None:
        if line != b"\r\n":
            raise Malformed("A chunk is longer than its size.")
        self._expected = "size"

    def _take_trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if self._trailers > MAX_HEAD:
            raise Malformed("The trailer is too long.", 431)
        self.ended = line == b"\r\n"


@define
class HeadBuffer:
    """Collects the bytes of a head."""

    _buffer: bytearray = field(factory=bytearray)

    @property
    def has_begun(self) -> bool:
        """Whether a part of a head has been received."""
        return bool(self._buffer)

    def consume(self, data: bytes | memoryview) -> tuple[bytes, int]:
        """Return the head, empty until it is complete, and how many bytes of `data` belong to it.

        Raises Malformed for a head that is too long.
        """
        before = len(self._buffer)
        self._buffer += data[: MAX_HEAD + 1]
        end = self._buffer.find(_HEAD_END, max(before - len(_HEAD_END), 0))
        if end < 0 and len(self._buffer) > MAX_HEAD:
            raise Malformed("The head is too long.", 431)
        if end < 0:
            return b"", len(data)
        end += len(_HEAD_END)
        head = bytes(self._buffer[:end])
        self._buffer.clear()
        return head, end - before


def read_request(head: bytes) -> h11.Request:
    """Parse the head of a request; raises Malformed."""
    # If a line could end in two ways, there could be two places where the head ends.
    if not head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n"):
        raise Malformed("A line does not end in CR LF.")
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    try:
        parser.receive_data(head)
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise Malformed(f"{error}.", error.error_status_hint) from None
    if not isinstance(request, h11.Request):
        raise Malformed("This is not an HTTP/1.1 request.")
    return request


def check_request(request: h11.Request) -> None:
    """Check what HTTP allows but is unsafe to forward; raises Malformed."""
    names = [name for name, _ in request.headers]
    if request.method == b"CONNECT":
        raise Malformed("This server is not a proxy to other hosts.", 405)
    if not request.target.startswith(b"/") or b"#" in request.target:
        raise Malformed("The request target must be a path that begins with a slash.")
    if b"transfer-encoding" in names and b"content-length" in names:
        raise Malformed("Content-Length and Transfer-Encoding exclude each other.")
    if b"host" not in names:
        raise Malformed("The request has no Host field.")


def request_body(request: h11.Request) -> Body:
    """Return the kind of body that follows the head of a request."""
    fields = dict(request.headers)
    if b"transfer-encoding" in fields:
        return ChunkedBody()
    return FixedLengthBody(int(fields.get(b"content-length", b"0")))


def wants_upgrade(request: h11.Request) -> bool:
    """Whether a request asks to switch to another protocol."""
    return any(name == b"upgrade" for name, _ in request.headers)


def read_status(head: bytes) -> int:
    """Return the status of a response; raises Malformed."""
    match = _STATUS.match(head)
    if match is None:
        raise Malformed("This is not an HTTP/1.1 response.")
    return int(match[1])


def response_body(method: bytes, status: int, head: bytes) -> Body:
    """Return the kind of body that follows the head of a response."""
    if method == b"HEAD" or status in _WITHOUT_BODY:
        return FixedLengthBody(0)
    if _CHUNKED.search(head):
        return ChunkedBody()
    if length := _LENGTH.search(head):
        return FixedLengthBody(int(length[1]))
    return UntilCloseBody()
