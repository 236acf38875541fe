"""Names of any bytes in texts: on the wire, and before people's eyes.

Texts hold no bytes that are not in UTF-8, and names of files may. On the wire, a NUL and two hex
digits stand for such a byte: no name has a NUL in it, so other clusters refuse what they would
else take for another file.
"""

import os
import re

_BYTE = re.compile("\0([89a-f][0-9a-f])")
_HALF = re.compile("[\udc80-\udcff]")


def spelled_out(path: str) -> str:
    """Return what a client's path stands for, as the functions of `os` take it."""
    return _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)


def for_wire(path: str) -> str:
    """Return what stands for a path on the wire; the path itself where it is a text."""
    return _HALF.sub(lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", path)


def shown(path: str) -> str:
    """Return a path as a text; bytes that are none, as sessions may use, become question marks."""
    return os.fsencode(path).decode("utf-8", "replace")
