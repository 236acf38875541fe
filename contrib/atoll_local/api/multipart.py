"""Multipart bodies, read and written: uploads come in them, several downloads go out in one."""

import re
from collections.abc import Iterable
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import unquote

from attrs import frozen

from atoll_local.api.problems import invalid_params

_BOUNDARY = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]")
_MOST_PARTS = 100
_LONGEST_HEAD = 16 * 1024


@frozen
class Part:
    """A part of a form: the file's name as the client gave it, and its bytes."""

    filename: str
    content: bytes


def read_parts(content_type: str, body: bytes) -> list[Part]:
    """Return the parts that are files; raises Problem 400 for a body that is no form."""
    dash = b"\r\n--" + _boundary(content_type)
    pieces = (b"\r\n" + body).split(dash, _MOST_PARTS + 2)
    if len(pieces) > _MOST_PARTS + 2:
        raise invalid_params("Too many files")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise invalid_params("The body is cut short")
    return [part for piece in pieces[1:-1] if (part := _part(piece))]


def _boundary(content_type: str) -> bytes:
    found = _parameter("content-type", content_type, "boundary")
    is_form = content_type.lower().startswith("multipart/")
    if not (is_form and found and _BOUNDARY.fullmatch(found)):
        raise invalid_params("The body must be multipart/form-data, with a boundary")
    return found.encode()


def _part(piece: bytes) -> Part | None:
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank or len(head) > _LONGEST_HEAD:
        return None
    filename = _filename(head.decode("utf-8", "replace"))
    return Part(filename, content) if filename else None


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
            found = _parameter("content-disposition", value.strip(), "filename")
            # The official client percent-encodes the plain form; `filename*` is decoded already.
            return found if found is None or "filename*" in value else unquote(found)
    return None


def _parameter(header: str, value: str, name: str) -> str | None:
    """Return a parameter of a header, None if it has none that can be read."""
    message = Message()
    try:
        message[header] = value
        found = message.get_param(name, header=header)
        text = None if found is None else collapse_rfc2231_value(found)
        return text if text is None or text.encode() else None
    except (ValueError, LookupError):
        return None
