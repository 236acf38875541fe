"""Multipart bodies with file names that every server reads unchanged."""

import re
from collections.abc import Sequence
from secrets import token_hex
from urllib.parse import quote

from atoll.transport import Part
from atoll.urls import not_text

_PLAIN = re.compile(r"[\w ./-]*", re.ASCII)


def encode_form(parts: Sequence[Part]) -> tuple[bytes, str]:
    """Return a body with these files, and its content type; raises UsageError for a name that is
    not text.
    """
    boundary = token_hex(16)
    pieces = [b"--%b\r\n%b\r\n" % (boundary.encode(), _encoded(part)) for part in parts]
    end = f"--{boundary}--\r\n"
    return b"".join([*pieces, end.encode()]), f"multipart/form-data; boundary={boundary}"


def _encoded(part: Part) -> bytes:
    disposition = f'form-data; name="{part.field}"; {_filename(part.filename)}'
    head = f"Content-Disposition: {disposition}\r\nContent-Type: {part.content_type}\r\n\r\n"
    return head.encode() + part.content


def _filename(name: str) -> str:
    # With the plain parameter, some servers decode percent signs, and servers differ about quotes.
    if _PLAIN.fullmatch(name):
        return f'filename="{name}"'
    try:
        return f"filename*=UTF-8''{quote(name, safe='')}"
    except UnicodeEncodeError as error:
        raise not_text(error) from None
