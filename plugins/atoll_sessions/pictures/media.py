"""Decodes media that a cluster sends as `[type, data]`: a picture, a page, or something else."""

import binascii
import re
from base64 import b64decode
from urllib.parse import unquote_to_bytes

from attrs import frozen

MOST_BYTES = 32 << 20
"""The most bytes of a picture or a page; larger ones are reported and dropped."""
_SUFFIXES = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "text/html": ".html",
    "text/latex": ".tex",
    "text/markdown": ".md",
}
_PICTURES = {"image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp"}
_TEXT = re.compile(r"text/.*|.*[+/](json|xml)")
_URL = re.compile(r"data:([^,]{0,256}),")


class Broken(Exception):
    """A picture that can't be drawn; the text says why."""


@frozen
class Medium:
    """A picture or another file that code has shown."""

    mime: str
    content: bytes

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, which can be drawn."""
        return self.mime in _PICTURES

    @property
    def suffix(self) -> str:
        """The suffix of its file name."""
        return _SUFFIXES.get(self.mime, ".bin")

    @property
    def size(self) -> str:
        """Its size as text for people."""
        count = len(self.content)
        return f"{count} bytes" if count < 1000 else f"{count / 1000:,.0f} kB"


def medium(mime: str, data: str) -> Medium:
    """Decode media of a cluster. Text types come as they are, others in base64; both may also come
    as a `data:` URL, into which clusters of Backend.AI convert pictures. Raises Broken.
    """
    mime = mime.partition(";")[0].strip().lower()
    if len(data) > MOST_BYTES * 4 // 3:
        raise Broken(f"{len(data) / 1e6:,.0f} MB are too much to show")
    if found := _URL.match(data):
        rest = data[found.end() :]
        return Medium(
            mime, _from_base64(rest) if "base64" in found.group(1) else unquote_to_bytes(rest)
        )
    if _TEXT.fullmatch(mime):
        return Medium(mime, data.encode("utf-8", "replace"))
    return Medium(mime, _from_base64(data))


def _from_base64(text: str) -> bytes:
    try:
        # Some encoders insert line breaks.
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Broken("it is not in base64") from None
