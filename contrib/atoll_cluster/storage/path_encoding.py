"""Convert file names of any bytes to texts: for the API, and for people.

File names may contain bytes that are not UTF-8, but texts may not. In the API, a NUL and two hex
digits replace such a byte. No file name contains a NUL, so other clusters refuse such a path
instead of using another file.
"""

import os
import re

_BYTE = re.compile("\0([89a-f][0-9a-f])")
_HALF = re.compile("[\udc80-\udcff]")


def decode_path(path: str) -> str:
    """Decode a path from a client to a path for the functions of `os`."""
    return _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)


def encode_path(path: str) -> str:
    """Encode a path for the API; a path in UTF-8 is not changed."""
    return _HALF.sub(lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", path)


def printable_path(path: str) -> str:
    """Return a path for people; bytes that are not UTF-8 become question marks."""
    return os.fsencode(path).decode("utf-8", "replace")
