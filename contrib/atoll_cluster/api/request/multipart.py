"""Read and write multipart bodies, for uploads and downloads of several files."""

import os
import re
from collections.abc import Iterable
from email.message import Message
from urllib.parse import unquote_to_bytes

from attrs import frozen

from atoll_cluster.api.request.problems import invalid_params

_BOUNDARY = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]")
_MOST_PARTS = 100
_LONGEST_HEAD = 16 * 1024
_EXTENDED = re.compile(r"filename\*=([\w-]+)'[^']*'([^;\s]*)", re.IGNORECASE | re.ASCII)
_QUOTED = re.compile(r'filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"filename=([^;\s]*)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MODE = re.compile(r";\s*mode=([0-7]{3,4})(?![0-9])")
"""The permission bits in a part's content type, an addition that only atoll's client sends."""


@frozen
class FormFile:
    """A file of a form: its name as sent, its bytes, and its permission bits."""

    filename: str
    content: bytes
    mode: int = 0


def read_parts(content_type: str, body: bytes) -> list[FormFile]:
    """Return the files of a form; raises Problem 400 for an invalid body."""
    dash = b"\r\n--" + _boundary(content_type)
    pieces = (b"\r\n" + body).split(dash, _MOST_PARTS + 2)
    if len(pieces) > _MOST_PARTS + 2:
        raise invalid_params("Too many files")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise invalid_params("The body is cut short")
    return [part for piece in pieces[1:-1] if (part := _part(piece))]


def _boundary(content_type: str) -> bytes:
    found = _boundary_of(content_type)
    is_form = content_type.lower().startswith("multipart/")
    if not (is_form and found and _BOUNDARY.fullmatch(found)):
        raise invalid_params("The body must be multipart/form-data, with a boundary")
    return found.encode()


def _boundary_of(content_type: str) -> str | None:
    message = Message()
    try:
        message["content-type"] = content_type
        return message.get_boundary()
    except (ValueError, LookupError):
        return None


def _part(piece: bytes) -> FormFile | None:
    head, blank, content = piece.partition(b"\r\n\r\n")
    if not blank or len(head) > _LONGEST_HEAD:
        return None
    lines = (line.partition(":") for line in os.fsdecode(head).split("\r\n"))
    headers = {name.strip().lower(): value.strip(" \t") for name, _, value in lines}
    filename = _filename(headers.get("content-disposition", ""))
    if not filename:
        return None
    mode = _MODE.search(headers.get("content-type", ""))
    return FormFile(filename, content, int(mode[1], 8) if mode else 0)


def write_parts(boundary: str, contents: Iterable[bytes]) -> bytes:
    """Return a multipart body of these parts."""
    dash = f"--{boundary}".encode()
    body = b""
    for content in contents:
        head = f"\r\nContent-Encoding: identity\r\nContent-Length: {len(content)}\r\n\r\n"
        body += dash + head.encode() + content + b"\r\n"
    return body + dash + b"--\r\n"


def _filename(disposition: str) -> str | None:
    """Return a file's name; bytes that are not UTF-8 become surrogate escapes.

    The parser of Python's library would remove spaces and line ends, which belong to the name.
    """
    if found := _EXTENDED.search(disposition):
        return _decoded(found[2], found[1].lower())
    if found := _QUOTED.search(disposition):
        # The official client percent-encodes this form too.
        return _decoded(_ESCAPED.sub(r"\1", found[1]))
    found = _BARE.search(disposition)
    return _decoded(found[1]) if found else None


def _decoded(text: str, charset: str = "utf-8") -> str | None:
    content = unquote_to_bytes(os.fsencode(text))
    try:
        return os.fsdecode(content) if charset == "utf-8" else content.decode(charset)
    except (LookupError, ValueError):
        return None
