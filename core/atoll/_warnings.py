"""Warnings on standard error."""

import sys
from typing import IO

from atoll.text import printable


def warn(text: str, file: IO[str] | None = None) -> None:
    """Write a warning to a file, by default to standard error."""
    (file or sys.stderr).write(f"atoll: {printable(text)}\n")
