"""Warnings: what is told on standard error beside a command's own words."""

import sys
from typing import IO

from atoll.text import printable


def warn(text: str, file: IO[str] | None = None) -> None:
    """Put a warning on standard error, or in its place in a file."""
    (file or sys.stderr).write(f"atoll: {printable(text)}\n")
