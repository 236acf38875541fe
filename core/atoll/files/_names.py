"""Names of files, which may contain any bytes: checks them, and makes them safe to show."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from atoll._errors import AtollError, UsageError

LONGEST_PATH = 4095
"""The longest path in bytes that Linux accepts."""
_HALF = re.compile("[\udc80-\udcff]")


def is_text(path: str) -> bool:
    """Tell whether a whole path is valid UTF-8."""
    return not _HALF.search(path)


def no_text(path: str) -> AtollError:
    """Return the error for a name that can't be sent."""
    return AtollError(f"{os.fsencode(path)!r} is not named in Unicode")


def is_name(name: str) -> bool:
    """Tell whether a name from a cluster, which may be malicious, is a valid name of a file."""
    return is_path(name) and name not in {"", ".", ".."} and "/" not in name


def is_path(text: str) -> bool:
    """Tell whether the system accepts a text as a path."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def show_name(name: str) -> str:
    """Return a name in a form that people can distinguish from others, and that bash accepts."""
    if name.isprintable() and name == name.strip():
        return name
    if name.isprintable():
        return f"'{name}'" if "'" not in name else f'"{name}"'
    return "$'" + "".join(map(_shown, name)) + "'"


def _shown(char: str) -> str:
    if char in "'\\":
        return f"\\{char}"
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def stays_below(link: str, depth: int) -> bool:
    """Tell whether a symbolic link, `depth` folders below the top, stays below the top.

    `..` is allowed only at the start of its target, since after another link its meaning does not
    follow from the names.
    """
    if not is_path(link):
        return False
    path = PurePosixPath(link)
    climbs = path.parts.count("..")
    starts_with_them = path.parts[:climbs] == ("..",) * climbs
    return not path.is_absolute() and starts_with_them and climbs <= depth


def check_given(names: Sequence[str]) -> None:
    """Raise UsageError for an empty name. It comes from an unset variable, and must not mean all
    files.
    """
    if "" in names:
        raise UsageError("the name of a file is empty")
