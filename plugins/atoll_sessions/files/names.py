"""Encodes names of files for requests, whatever bytes they contain.

In the API, names are text. Only the embedded cluster accepts names with bytes that are not UTF-8:
each such byte is written as a NUL and two hex digits.
"""

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from atoll.files import is_text, no_text

if TYPE_CHECKING:
    from atoll import Api

_BYTE = re.compile("\0([89a-f][0-9a-f])")
_HALF = re.compile("[\udc80-\udcff]")


async def for_wire(api: "Api", path: PurePosixPath | str) -> str:
    """Encode a path for requests; raises AtollError if the cluster does not accept it."""
    text = str(path)
    if not is_text(text) and not await takes_any_name(api):
        raise no_text(text)
    return _HALF.sub(lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", text)


def from_wire(text: str) -> str:
    """Decode a path from an answer."""
    return _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)


async def takes_any_name(api: "Api") -> bool:
    """Tell whether a cluster accepts names that are not valid text, as the embedded one does."""
    return (await api.manager()).startswith("atoll ")
