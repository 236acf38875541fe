"""Multipart answers, taken apart."""

from email.message import Message

from atoll import AtollError


def read_parts(content_type: str, body: bytes) -> list[bytes]:
    """Return the contents of the parts of a `multipart/*` body, without their headers.

    Raises AtollError for a body that is none, or that breaks off before its end.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise AtollError(f"the cluster answered with {content_type or 'nothing'}, not with files")
    # A line end belongs to the delimiter after it; the first one may stand at the very start.
    _preamble, *pieces = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    if not pieces or not pieces[-1].startswith(b"--"):
        raise AtollError("the cluster's answer is incomplete")
    return [_content(piece) for piece in pieces[:-1]]


def _content(piece: bytes) -> bytes:
    # What follows the delimiter's own line end is headers, if any, an empty line, and the content.
    _headers, blank, content = piece.partition(b"\r\n\r\n")
    if not blank:
        raise AtollError("the cluster's answer contains an invalid part")
    return content
