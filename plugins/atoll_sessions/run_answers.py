"""The format of a cluster's answers while code runs in a session."""

from base64 import b64decode
from typing import Any

from atoll.reading import maybe

_RAW = {"stdout-bytes": "stdout", "stderr-bytes": "stderr"}


def _piece(value: Any) -> tuple[str, Any]:
    """Check a piece of output: its kind and its text, or for media its type and data.

    Bytes become text; bytes that are not UTF-8 become surrogate escapes (PEP 383).
    """
    kind, content = value
    if kind in _RAW:
        kind, content = _RAW[kind], b64decode(content).decode("utf-8", "surrogateescape")
    texts = list(content) if kind == "media" else [content]
    known = kind in ("stdout", "stderr", "html", "log", "media")
    if not isinstance(kind, str) or (known and not all(isinstance(one, str) for one in texts)):
        raise TypeError("it is not a text")
    if kind == "media" and len(texts) != 2:
        raise TypeError("it is not a media type with data")
    return kind, content


TURN = {
    "status": maybe(str),
    "console": maybe([_piece]),
    "exitCode": maybe(int),
    "options": maybe({"is_password": maybe(bool), "size": maybe(int)}),
}
"""The format of one answer: the status of the run, and the output since the last answer."""
