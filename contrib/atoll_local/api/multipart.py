"""Multipart bodies, read and written: uploads come in them, several downloads go out in one."""

from collections.abc import Iterable, Iterator
from email.message import Message
from urllib.parse import unquote

from attrs import frozen

from atoll_local.api.problems import invalid_params


@frozen
class Part:
    """A part of a form: the file's name as the client gave it, and its bytes."""

    filename: str
    content: bytes


def read_parts(content_type: str, body: bytes) -> Iterator[Part]:
    """Yield the parts that are files; raises Problem 400 for a body that is no form."""
    boundary = _header("content-type", content_type).get_boundary()
    if not boundary:
        raise invalid_params("The body must be multipart/form-data")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise invalid_params("The body is cut short")
    for piece in pieces[1:-1]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        filename = _filename(head.decode("utf-8", "replace"))
        if blank and filename:
            yield Part(filename, content)


def write_parts(boundary: str, contents: Iterable[bytes]) -> bytes:
    """Return a multipart body whose parts are these, as they are."""
    dash = f"--{boundary}".encode()
    body = b""
    for content in contents:
        head = f"\r\nContent-Encoding: identity\r\nContent-Length: {len(content)}\r\n\r\n"
        body += dash + head.encode() + content + b"\r\n"
    return body + dash + b"--\r\n"


def _filename(head: str) -> str | None:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return _decoded(_header("content-disposition", value.strip()))
    return None


def _decoded(header: Message) -> str | None:
    filename = header.get_filename()
    if filename is None or "filename*" in str(header["content-disposition"]):
        return filename
    # The official client percent-encodes the plain form; `filename*` is decoded already.
    return unquote(filename)


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
