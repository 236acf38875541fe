"""Splits multipart answers into their parts."""

from email.message import Message

from atoll import AtollError


def read_parts(content_type: str, body: bytes) -> list[bytes]:
    """Return the contents of the parts of a `multipart/*` body, without their headers.

    Raises AtollError if the body is not multipart, or breaks off before its end.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise AtollError(f"the cluster answered with {content_type or 'nothing'}, not with files")
    # A line end before a delimiter belongs to the delimiter; the first delimiter may stand at the
    # very start, without one.
    _preamble, *pieces = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    if not pieces or not pieces[-1].startswith(b"--"):
        raise AtollError("the cluster's answer is incomplete")
    return [_content(piece) for piece in pieces[:-1]]


def _content(piece: bytes) -> bytes:
    # After the delimiter's own line end come headers, if any, an empty line, and the content.
    _headers, blank, content = piece.partition(b"\r\n\r\n")
    if not blank:
        raise AtollError("the cluster's answer contains an invalid part")
    return content
